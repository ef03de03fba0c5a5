"""The jobflow-remote project of a dev cluster, made like that of any cluster."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from cuprolith.errors import CuprolithError
from workflows.hpc.dev_cluster.database import DATABASE, find_program, scripts_folder
from workflows.hpc.dev_cluster.layout import STATE_FILE, Layout
from workflows.hpc.dev_cluster.slurm import PARTITION
from workflows.hpc.setup.project import (
    SETTINGS_MARK,
    ProjectFiles,
    document_text,
    project_data,
)
from workflows.hpc.setup.secrets import write_private
from workflows.hpc.setup.settings import HpcSettings
from workflows.hpc.setup.settings_file import checked_settings, read_data, settings_text

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


def cluster_settings(
    layout: Layout, *, database_port: int, cpus: int, projects: Path | None = None
) -> HpcSettings:
    """Return what `cuprolith hpc init` would be told about this cluster.

    Parameters
    ----------
    cpus
        Cores of the node. Half of them go to a ``dft-small`` and a ``gpu`` job, all to a
        ``dft-large`` one.
    projects
        Folder whose settings of this cluster stay in all that the cluster does not decide itself.

    Raises
    ------
    CuprolithError
        If these cannot be read.
    """
    half = max(1, cpus // 2)
    sizes = {
        "dft-small": {"tasks_per_node": half},
        "dft-large": {"tasks_per_node": cpus},
        "gpu": {"threads_per_task": half},
        "cpu": {},
    }
    common: dict[str, Any] = {"queue": PARTITION, "gpus_per_node": 0}
    decided = {
        "project": PROJECT_NAME,
        "scheduler": "slurm",
        "work_dir": str(layout.work),
        "environment": {"bin": scripts_folder()},
        "classes": {name: {**common, **given} for name, given in sizes.items()},
        "mongodb": {"host": "127.0.0.1", "port": database_port, "database": DATABASE},
    }
    classes: dict[str, Any] = {name: {"walltime": _WALLTIME} for name in sizes}
    classes["dft-small"]["batch"] = {"longest_job": _SHORT_JOB}
    path = None if projects is None else project_files(projects).settings
    standing: Mapping[str, Any] = {}
    if path is not None and path.exists():
        standing = _standing(path)
        classes = {}
    data = _merged(_merged({"classes": classes}, standing), decided)
    return checked_settings(data, path or layout.state_file)


def dev_cluster_folder(files: ProjectFiles) -> Path | None:
    """Return the folder of the dev cluster that a project is of; None if it is of none.

    It is known by its settings, which are there when the project's own file is not.
    """
    if files.name != PROJECT_NAME:
        return None
    work_dir = _read(files.settings).get("work_dir")
    candidates = [Path(work_dir).parent] if isinstance(work_dir, str) else []
    candidates.append(files.folder.parent)
    found = (folder.resolve() for folder in candidates if (folder / STATE_FILE).is_file())
    return next(found, None)


def up_command(files: ProjectFiles) -> str | None:
    """Return the command that writes the files of a dev cluster's project; None for any other."""
    folder = dev_cluster_folder(files)
    if folder is None:
        return None
    return f"cuprolith dev-cluster up --folder {shlex.quote(str(folder))}"


def _standing(path: Path) -> dict[str, Any]:
    try:
        return read_data(path)[0]
    except CuprolithError as error:
        error.remedy = "fix it, or remove it: `cuprolith dev-cluster up` then writes it again"
        raise


def _merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return what stands in either mapping, sections too; `over` decides what is in both."""
    merged = {**under, **over}
    for key in under.keys() & over.keys():
        if isinstance(under[key], Mapping) and isinstance(over[key], Mapping):
            merged[key] = _merged(under[key], over[key])
    return merged


def project_document(projects: Path, layout: Layout, settings: HpcSettings) -> dict[str, Any]:
    """Return the project as its file in a folder of projects holds it."""
    files = project_files(projects)
    data = project_data(settings, files)
    return {
        **data,
        "base_dir": str(layout.runner),
        "runner": {**dict.fromkeys(_RUNNER_DELAYS, 1), **data.get("runner", {})},
        "metadata": {**data["metadata"], _MARK: str(layout.folder)},
    }


def write_project(projects: Path, layout: Layout, settings: HpcSettings) -> None:
    """Write settings and project into a folder of projects, unless they are as they shall be.

    Raises
    ------
    CuprolithError
        If another project of that name stands there.
    """
    path = project_file(projects)
    if path.exists() and not _is_of(layout, projects):
        raise CuprolithError(
            f"there is another project named {PROJECT_NAME}",
            where=str(path),
            remedy="move it away, or use another --projects-folder",
        )
    document = project_document(projects, layout, settings)
    write_private(project_files(projects).settings, settings_text(settings))
    if _read(path) != document:
        write_private(path, document_text(document))


def carry_settings(old: Path, new: Path, layout: Layout) -> None:
    """Take the project's settings to another folder of projects, unless there are some."""
    standing, target = project_files(old).settings, project_files(new).settings
    if _is_of(layout, old) and standing.exists() and not target.exists():
        write_private(target, standing.read_text(encoding="utf-8"))


def remove_project(projects: Path, layout: Layout) -> None:
    """Remove the project's file, unless another project of that name stands there."""
    files = project_files(projects)
    if not _is_of(layout, projects):
        return
    for path in (files.project, files.settings):
        path.unlink(missing_ok=True)
        path.with_name(f"{path.name}.bak").unlink(missing_ok=True)


def project_files(projects: Path) -> ProjectFiles:
    """Return the project's files in a folder of projects."""
    return ProjectFiles(projects, PROJECT_NAME)


def project_file(projects: Path) -> Path:
    """Return the project's file in a folder of projects."""
    return project_files(projects).project


def _is_of(layout: Layout, projects: Path) -> bool:
    """Whether a folder of projects holds this cluster's: by its mark, or else by the settings.

    A project that is damaged, or that `cuprolith hpc init` wrote from the settings alone, has none.
    """
    files = project_files(projects)
    document = _read(files.project)
    metadata = document.get("metadata")
    marks = metadata if isinstance(metadata, dict) else {}
    if _MARK in marks:
        return bool(marks[_MARK] == str(layout.folder))
    if document and SETTINGS_MARK not in marks:  # somebody else's
        return False
    return bool(_read(files.settings).get("work_dir") == str(layout.work))


def _read(path: Path) -> dict[str, Any]:
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return {}
    return document if isinstance(document, dict) else {}
