"""The jobflow-remote project of a dev cluster: one worker per resource class."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from workflows.errors import CuprolithError
from workflows.hpc.dev_cluster.database import DATABASE, find_program, scripts_folder
from workflows.hpc.dev_cluster.layout import Layout
from workflows.hpc.dev_cluster.slurm import PARTITION
from workflows.workdir import write_atomically

PROJECT_NAME = "dev-cluster"
_MARK = "cuprolith_dev_cluster"
_WALLTIME = "1-00:00:00"
_RUNNER_DELAYS = ("delay_checkout", "delay_check_run_status", "delay_advance_status")


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


def project_document(layout: Layout, *, database_port: int, cpus: int) -> dict[str, Any]:
    """Return the project as its file holds it.

    Parameters
    ----------
    cpus
        Cores of the node. Half of them go to a ``dft-small`` and a ``gpu`` job, all to a
        ``dft-large`` one.
    """
    half = max(1, cpus // 2)
    resources = {
        "dft-small": {"ntasks": half},
        "dft-large": {"ntasks": cpus},
        "gpu": {"ntasks": 1, "cpus_per_task": half},
        "cpu": {"ntasks": 1, "cpus_per_task": 1},
    }
    database = {"host": "127.0.0.1", "port": database_port, "database": DATABASE}
    return {
        "name": PROJECT_NAME,
        "base_dir": str(layout.runner),
        "log_level": "info",
        "runner": dict.fromkeys(_RUNNER_DELAYS, 1),
        "workers": {name: _worker(layout, given) for name, given in resources.items()},
        "queue": {"store": {"type": "MongoStore", "collection_name": "jobs", **database}},
        "jobstore": {
            "docs_store": {"type": "MongoStore", "collection_name": "outputs", **database},
            # atomate2 puts trajectories and volumetric data into the store of this name.
            "additional_stores": {
                "data": {"type": "GridFSStore", "collection_name": "outputs_data", **database}
            },
        },
        "metadata": {_MARK: str(layout.folder)},
    }


def write_project(projects: Path, layout: Layout, document: dict[str, Any]) -> None:
    """Write the project's file, unless it is as it shall be.

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
    if found != document:
        projects.mkdir(parents=True, exist_ok=True)
        write_atomically(path, [yaml.safe_dump(document, sort_keys=False)])


def remove_project(projects: Path, layout: Layout) -> None:
    """Remove the project's file, unless another project of that name stands there."""
    if _is_of(_read(project_file(projects)), layout):
        project_file(projects).unlink()


def project_file(projects: Path) -> Path:
    """Return the project's file in a folder of projects."""
    return projects / f"{PROJECT_NAME}.yaml"


def prepare_queue(document: dict[str, Any], environment: Mapping[str, str]) -> None:
    """Make jobflow-remote's collections in a database that has none; leave others alone.

    Raises
    ------
    CuprolithError
        If jobflow-remote cannot.
    """
    from pymongo import MongoClient
    from pymongo.database import Database

    store = document["queue"]["store"]
    client: MongoClient[dict[str, Any]]
    with MongoClient(store["host"], store["port"]) as client:
        queue: Database[dict[str, Any]] = client[store["database"]]
        if queue["jf_auxiliary"].find_one({"jobflow_remote_version": {"$exists": True}}):
            return
    # a process of its own, since jobflow-remote reads its settings once, when it is imported
    done = subprocess.run(
        ["jf", "-p", document["name"], "admin", "reset", "--yes"],
        env=dict(environment),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise CuprolithError(
            f"jobflow-remote cannot prepare its queue: {(done.stdout + done.stderr).strip()}",
            remedy="mend what it says, and give the command again",
        )


def _worker(layout: Layout, resources: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "local",
        "scheduler_type": "slurm",
        "work_dir": str(layout.work),
        "resources": {"partition": PARTITION, "nodes": 1, "time": _WALLTIME, **resources},
        "pre_run": (
            f'export PATH={shlex.quote(scripts_folder())}:"$PATH"\n'
            'export OMP_NUM_THREADS="${SLURM_CPUS_PER_TASK:-1}"'
        ),
    }


def _is_of(document: dict[str, Any], layout: Layout) -> bool:
    metadata = document.get("metadata")
    return isinstance(metadata, dict) and metadata.get(_MARK) == str(layout.folder)


def _read(path: Path) -> dict[str, Any]:
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return {}
    return document if isinstance(document, dict) else {}
