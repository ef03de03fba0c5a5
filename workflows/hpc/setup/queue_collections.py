"""jobflow-remote's collections in a project's database: made where there are none."""

from __future__ import annotations

from typing import Any

import yaml

from cuprolith.errors import CuprolithError
from workflows.hpc.setup.project import ProjectFiles, require_jobflow_remote
from workflows.hpc.setup.secrets import require_private

_TIMEOUT_MS = 5000


def prepare_queue(files: ProjectFiles) -> bool:
    """Make jobflow-remote's collections and indexes; return whether there were none.

    jobflow-remote's own command for it, ``jf admin reset``, empties a database that has some.

    Raises
    ------
    CuprolithError
        If there is no project, others can read its file, or the database does not answer.
    """
    require_jobflow_remote()
    from jobflow_remote.config.base import Project
    from pymongo.errors import PyMongoError

    if not files.project.exists():
        raise CuprolithError(
            f"there is no project {files.name}",
            where=str(files.project),
            remedy=f"cuprolith hpc write --project {files.name}",
        )
    require_private(files.project)
    document = yaml.safe_load(files.project.read_text(encoding="utf-8"))
    try:
        return _prepare(Project.model_validate(_impatient(document)))
    except PyMongoError as error:
        store = document["queue"]["store"]
        reason = str(error).partition(", Timeout:")[0].partition(", full error:")[0]
        raise CuprolithError(
            f"the database at {store['host']}:{store['port']} does not answer as it should: "
            f"{reason}",
            key="mongodb",
            remedy="check host, port, user and password in the settings, and that it runs",
        ) from None


def _prepare(project: Any) -> bool:
    controller = project.get_job_controller()
    try:
        if controller.auxiliary.find_one({"jobflow_remote_version": {"$exists": True}}):
            return False
        if controller.jobs.find_one({}, {"_id": 1}) or controller.flows.find_one({}, {"_id": 1}):
            raise CuprolithError(
                "the database has collections `jobs` or `flows` that are not jobflow-remote's",
                key="mongodb.database",
                remedy="give the project a database of its own",
            )
        return bool(controller.reset(max_limit=1))
    finally:
        controller.close()


def _impatient(document: dict[str, Any]) -> dict[str, Any]:
    """Return the project with a database that must answer soon."""
    store = document["queue"]["store"]
    options = {**store.get("mongoclient_kwargs", {}), "serverSelectionTimeoutMS": _TIMEOUT_MS}
    return {**document, "queue": {"store": {**store, "mongoclient_kwargs": options}}}
