"""The doctor's look at a project's database: there, writable, and prepared for jobflow-remote."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from cuprolith.errors import CuprolithError
from workflows.checks import Check
from workflows.hpc.jobs.job_database import jf_command, unreachable

if TYPE_CHECKING:
    from jobflow_remote.jobs.jobcontroller import JobController

_SCRATCH = "cuprolith_doctor"
_UNIQUE = {"jobs": "db_id", "flows": "uuid"}


def check_documents(controller: JobController) -> Check:
    """Write a document into a collection of its own, read it, and remove it."""
    from pymongo.errors import OperationFailure, PyMongoError

    subject = "database"
    try:
        _round_trip(controller)
    except OperationFailure as error:
        reason = (error.details or {}).get("errmsg", str(error))
        return Check(
            subject=subject,
            status="missing",
            found=f"{_place(controller)} refuses: {reason}",
            remedy=f"give its user the role readWrite on {controller.db.name}; check `mongodb` in "
            "the settings: user, password_from, auth_source",
        )
    except PyMongoError as error:
        return failed(subject, unreachable(controller.project, error))
    return Check(
        subject=subject,
        status="ok",
        found=f"{_place(controller)}: a document written, read and removed",
    )


def check_queue(controller: JobController, project: str) -> Check:
    """Check that jobflow-remote's collections and indexes are there."""
    subject = "queue"
    prepared = controller.auxiliary.find_one({"jobflow_remote_version": {"$exists": True}})
    counted = controller.auxiliary.find_one({"next_id": {"$exists": True}})
    if prepared is None:
        return Check(
            subject=subject,
            status="missing",
            found="the database has no queue of jobflow-remote",
            remedy=f"cuprolith hpc prepare --project {project}",
        )
    if counted is None:
        return Check(
            subject=subject,
            status="missing",
            found=f"jobflow-remote's counter of jobs is gone from {controller.auxiliary.name}",
            remedy="restore a backup; or empty the queue: "
            f"{jf_command(controller, 'runner', 'stop', '--wait')}; "
            f"{jf_command(controller, 'admin', 'reset')}",
        )
    unindexed = [
        name
        for name, key in _UNIQUE.items()
        if not _has_unique(getattr(controller, name).index_information(), key)
    ]
    if unindexed:
        return Check(
            subject=subject,
            status="missing",
            found=f"no indexes on {' and '.join(unindexed)}",
            remedy=jf_command(controller, "admin", "index", "rebuild"),
        )
    return Check(
        subject=subject,
        status="ok",
        found=f"prepared by jobflow-remote {prepared['jobflow_remote_version']}, next job "
        f"{counted['next_id']}",
    )


def failed(subject: str, error: CuprolithError) -> Check:
    """Return an error as a check that failed."""
    return Check(subject=subject, status="missing", found=error.message, remedy=error.remedy)


def _round_trip(controller: JobController) -> None:
    from pymongo.errors import PyMongoError

    scratch = controller.db[_SCRATCH]
    written = {"_id": uuid.uuid4().hex, "values": [1.5, "x"]}
    scratch.insert_one(written)
    found = scratch.find_one({"_id": written["_id"]})
    removed = scratch.delete_one({"_id": written["_id"]}).deleted_count
    if found != written or removed != 1:
        raise PyMongoError(f"wrote {written}, read {found}, removed {removed}")
    if scratch.find_one({}, ["_id"]) is None:  # another doctor may be at work
        scratch.drop()


def _place(controller: JobController) -> str:
    # by its nodes: an address as the project gives it may hold a password
    nodes = sorted(f"{host}:{port}" for host, port in controller.db.client.nodes)
    return f"{controller.db.name} at {', '.join(nodes)}"


def _has_unique(indexes: dict[str, dict[str, object]], key: str) -> bool:
    return any(
        index.get("unique") and [name for name, _ in index["key"]] == [key]  # type: ignore[attr-defined]
        for index in indexes.values()
    )
