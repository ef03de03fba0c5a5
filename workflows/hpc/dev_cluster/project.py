"""The jobflow-remote project of a dev cluster, made like that of any cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from workflows.errors import CuprolithError
from workflows.hpc.dev_cluster.database import DATABASE, find_program, scripts_folder
from workflows.hpc.dev_cluster.layout import Layout
from workflows.hpc.dev_cluster.slurm import PARTITION
from workflows.hpc.setup.project import SETTINGS_MARK, ProjectFiles, project_data
from workflows.hpc.setup.secrets import write_private
from workflows.hpc.setup.settings import HpcSettings
from workflows.hpc.setup.settings_file import checked_settings, settings_text

PROJECT_NAME = "dev-cluster"
_MARK = "cuprolith_dev_cluster"
_WALLTIME = "24:00:00"
_SHORT_JOB = "00:10:00"
_RUNNER_DELAYS = (
    "delay_checkout",
    "delay_check_run_status",
    "delay_advance_status",
    "delay_update_batch",
)


def require_jobflow_remote() -> None:
    """Raise unless the command `jf` is there.

    Raises
    ------
    CuprolithError
        If it is not installed.
    """
    if find_program("jf") is None:
        raise CuprolithError(
            "jobflow-remote is not installed in this environment",
            remedy="pip install jobflow-remote",
        )


def cluster_settings(layout: Layout, *, database_port: int, cpus: int) -> HpcSettings:
    """Return what `cuprolith hpc init` would be told about this cluster.

    Parameters
    ----------
    cpus
        Cores of the node. Half of them go to a ``dft-small`` and a ``gpu`` job, all to a
        ``dft-large`` one.
    """
    half = max(1, cpus // 2)
    tasks: dict[str, dict[str, Any]] = {
        "dft-small": {"tasks_per_node": half, "batch": {"longest_job": _SHORT_JOB, "idle": 30}},
        "dft-large": {"tasks_per_node": cpus},
        "gpu": {"threads_per_task": half},
        "cpu": {},
    }
    common: dict[str, Any] = {"queue": PARTITION, "walltime": _WALLTIME}
    data = {
        "project": PROJECT_NAME,
        "scheduler": "slurm",
        "work_dir": str(layout.work),
        "environment": {"bin": scripts_folder()},
        "classes": {name: {**common, **given} for name, given in tasks.items()},
        "mongodb": {"host": "127.0.0.1", "port": database_port, "database": DATABASE},
    }
    return checked_settings(data, layout.state_file)


def project_document(projects: Path, layout: Layout, settings: HpcSettings) -> dict[str, Any]:
    """Return the project as its file in a folder of projects holds it."""
    files = project_files(projects)
    return {
        **project_data(settings, files),
        "base_dir": str(layout.runner),
        "runner": dict.fromkeys(_RUNNER_DELAYS, 1),
        "metadata": {_MARK: str(layout.folder), SETTINGS_MARK: str(files.settings)},
    }


def write_project(projects: Path, layout: Layout, settings: HpcSettings) -> None:
    """Write settings and project into a folder of projects, unless they are as they shall be.

    Raises
    ------
    CuprolithError
        If another project of that name stands there.
    """
    path = project_file(projects)
    found = _read(path)
    if path.exists() and not _is_of(found, layout):
        raise CuprolithError(
            f"there is another project named {PROJECT_NAME}",
            where=str(path),
            remedy="move it away, or use another --projects-folder",
        )
    document = project_document(projects, layout, settings)
    write_private(project_files(projects).settings, settings_text(settings))
    if found != document:
        write_private(path, yaml.safe_dump(document, sort_keys=False))


def remove_project(projects: Path, layout: Layout) -> None:
    """Remove the project's file, unless another project of that name stands there."""
    files = project_files(projects)
    if _is_of(_read(files.project), layout):
        files.project.unlink()
        files.settings.unlink(missing_ok=True)


def project_files(projects: Path) -> ProjectFiles:
    """Return the project's files in a folder of projects."""
    return ProjectFiles(projects, PROJECT_NAME)


def project_file(projects: Path) -> Path:
    """Return the project's file in a folder of projects."""
    return project_files(projects).project


def _is_of(document: dict[str, Any], layout: Layout) -> bool:
    metadata = document.get("metadata")
    return isinstance(metadata, dict) and metadata.get(_MARK) == str(layout.folder)


def _read(path: Path) -> dict[str, Any]:
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return {}
    return document if isinstance(document, dict) else {}
