"""Make jobflow-remote's collections in a project's database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cuprolith.errors import CuprolithError

if TYPE_CHECKING:
    from jobflow_remote.jobs.jobcontroller import JobController


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
