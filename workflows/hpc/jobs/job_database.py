"""Open and prepare the database of a jobflow-remote project, through jobflow-remote itself."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cuprolith.errors import CuprolithError
from training.nequip_runs.quick_imports import quick_imports
from workflows.hpc.setup.project import require_jobflow_remote
from workflows.hpc.setup.secrets import require_private

if TYPE_CHECKING:
    from jobflow_remote.config.base import Project
    from jobflow_remote.jobs.jobcontroller import JobController

_MONGO_STORES = ("MongoStore", "MongoURIStore")
_SERVER_MS = 5000


@contextmanager
def opened_database(project: str | None) -> Iterator[JobController]:
    """Open the database of a project, and close it at the end.

    Parameters
    ----------
    project
        Name of the project; if None, the one that `jf` works with.

    Raises
    ------
    CuprolithError
        If jobflow-remote is not installed, there is no such project, others may read its
        password, or its database does not answer.
    """
    require_jobflow_remote()
    from pymongo.errors import PyMongoError

    found = _project(project)
    controller: JobController | None = None
    try:
        controller = found.get_job_controller()
        yield controller
    except PyMongoError as error:
        # pymongo appends its timeouts and the whole topology to its message
        reason = str(error).partition(", Timeout:")[0].partition(" (configured timeouts")[0]
        raise CuprolithError(
            f"the database of project {found.name} does not answer: {reason}",
            remedy=f"start it, or see what `jf -p {found.name} project check` says",
        ) from error
    finally:
        if controller is not None:
            controller.close()


def prepare_queue(controller: JobController) -> bool:
    """Make jobflow-remote's collections and indexes; return whether there were none.

    jobflow-remote's own command for it, ``jf admin reset``, empties a database that has some.

    Raises
    ------
    CuprolithError
        If the database has collections of these names that are not jobflow-remote's.
    """
    if controller.auxiliary.find_one({"jobflow_remote_version": {"$exists": True}}):
        return False
    if controller.jobs.find_one({}, {"_id": 1}) or controller.flows.find_one({}, {"_id": 1}):
        raise CuprolithError(
            "the database has collections `jobs` or `flows` that are not jobflow-remote's",
            key="mongodb.database",
            remedy="give the project a database of its own",
        )
    return bool(controller.reset(max_limit=1))


def jf_command(controller: JobController, *words: str) -> str:
    """Return the command of jobflow-remote for what a verb does."""
    assert controller.project is not None
    return shlex.join(["jf", "-p", controller.project.name, *words])


def _project(name: str | None) -> Project:
    with quick_imports():
        from jobflow_remote.config.base import ConfigError
        from jobflow_remote.config.manager import ConfigManager

    manager = ConfigManager()
    try:
        found = manager.get_project(name)
    except ConfigError as error:
        known = ", ".join(sorted(manager.projects)) or "none"
        asked = f"no project {name}" if name else "no project chosen"
        raise CuprolithError(
            f"{asked}; projects here: {known}",
            where=str(manager.projects_folder),
            remedy="name one with --project, or set JFREMOTE_PROJECT",
        ) from error
    store = found.queue.store
    if store.get("password"):
        require_private(Path(manager.get_project_data(found.name).filepath))
    # A person waits: the 30 s that pymongo looks for a server are for runners.
    if store.get("type") in _MONGO_STORES:
        given = store.get("mongoclient_kwargs") or {}
        store["mongoclient_kwargs"] = {"serverSelectionTimeoutMS": _SERVER_MS, **given}
    return found
