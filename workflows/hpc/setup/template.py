"""The settings file that `cuprolith hpc init` writes, to be edited in place."""

from __future__ import annotations

import getpass
import sys
from importlib import resources
from pathlib import Path

from cuprolith.errors import CuprolithError
from workflows.hpc.setup.project import ProjectFiles
from workflows.hpc.setup.scheduler import SCHEDULERS
from workflows.hpc.setup.secrets import write_private


def settings_template(scheduler: str, project: str) -> str:
    """Return the settings of a cluster with every key explained; they are valid as they are.

    Raises
    ------
    CuprolithError
        If there is no such scheduler.
    """
    chosen = SCHEDULERS[scheduler]
    replaced = {
        "{class_keys}": chosen.class_keys,
        "{section}": chosen.section,
        "{scheduler}": chosen.name,
        "{launcher}": chosen.launcher,
        "{project}": project,
        "{user}": getpass.getuser(),
        "{bin}": str(Path(sys.executable).parent),
    }
    text = resources.files("workflows.hpc.setup").joinpath("hpc.yaml").read_text(encoding="utf-8")
    for placeholder, value in replaced.items():
        text = text.replace(placeholder, value)
    return text


def write_template(scheduler: str, files: ProjectFiles) -> None:
    """Write the template where a project's settings belong.

    Raises
    ------
    CuprolithError
        If there is no such scheduler, or the project has settings.
    """
    text = settings_template(scheduler, files.name)
    if files.settings.exists():
        raise CuprolithError(
            f"project {files.name} has settings",
            where=str(files.settings),
            remedy="edit them, or name another --project",
        )
    write_private(files.settings, text)
