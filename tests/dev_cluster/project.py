"""The jobflow-remote project of a dev cluster, made like that of any cluster."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from cuprolith.errors import CuprolithError
from tests.dev_cluster.database import DATABASE, find_program, scripts_folder
from tests.dev_cluster.layout import Layout
from tests.dev_cluster.slurm import PARTITION
from workflows.hpc.jobs.job_database import prepare_queue
from workflows.hpc.setup import project as cluster_project
from workflows.hpc.setup.project import SETTINGS_MARK, ProjectFiles, project_data
from workflows.hpc.setup.secrets import write_private
from workflows.hpc.setup.settings import HpcSettings
from workflows.hpc.setup.settings_file import checked_settings, read_settings
from workflows.inputs.yaml_file import yaml_text

if TYPE_CHECKING:
    from jobflow_remote.jobs.jobcontroller import JobController

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
    """Return what a person would write into the settings of this cluster.

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


def settings_text(settings: HpcSettings) -> str:
    """Return the file of a cluster's settings."""
    return yaml_text(settings.model_dump(mode="json", exclude_defaults=True))


def write_settings_and_project(settings: HpcSettings, files: ProjectFiles) -> None:
    """Write what a person edits, and what `cuprolith hpc write` makes of it; no password."""
    write_private(files.settings, settings_text(settings))
    cluster_project.write_project(settings, files, None)


def prepare(files: ProjectFiles) -> bool:
    """Make the collections that jobflow-remote needs; return whether there were none."""
    with controller_of(files) as controller:
        return prepare_queue(controller)


@contextmanager
def controller_of(files: ProjectFiles) -> Iterator[JobController]:
    """Open the database of the project, and close it at the end."""
    from jobflow_remote.config.base import Project

    controller = Project.model_validate(_read(files.project)).get_job_controller()
    try:
        yield controller
    finally:
        controller.close()


def _standing(path: Path) -> dict[str, Any]:
    try:
        read_settings(path)
        return _read(path)
    except CuprolithError as error:
        error.remedy = "fix it, or remove it: `python -m tests.dev_cluster up` then writes it again"
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
        If another project of that name exists.
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
        write_private(path, yaml_text(document))


def carry_settings(old: Path, new: Path, layout: Layout) -> None:
    """Take the project's settings to another folder of projects, unless there are some."""
    standing, target = project_files(old).settings, project_files(new).settings
    if _is_of(layout, old) and standing.exists() and not target.exists():
        write_private(target, standing.read_text(encoding="utf-8"))


def remove_project(projects: Path, layout: Layout) -> None:
    """Remove the project's file, unless another project of that name exists."""
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

    A project that is damaged, or that `cuprolith hpc write` made of the settings alone, has none.
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
