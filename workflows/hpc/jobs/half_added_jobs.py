"""Jobs that a job leads to and that were being added when the runner or the database was killed.

jobflow-remote writes them into the flow and then into the jobs, before it marks the job that led to
them as completed. Cut off in between, it adds them a second time, which the database refuses for as
long as one is there. None of them can have run: they wait for the job that led to them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from cuprolith.errors import CuprolithError

if TYPE_CHECKING:
    from jobflow_remote.jobs.jobcontroller import JobController

    from workflows.hpc.jobs.campaign_jobs import JobRecord

_LEADS_TO = ("replace", "detour", "addition")
_UNTOUCHED = ("WAITING", "READY", "STOPPED", "PAUSED")


def remove_half_added_jobs(
    controller: JobController, job: JobRecord, output: dict[str, Any]
) -> int:
    """Remove what was added of the jobs that a job leads to, so that all of it is added anew.

    The job and its flow are to be locked, or at rest.

    Parameters
    ----------
    output
        What the job has written of its end.

    Returns
    -------
    How many were there.

    Raises
    ------
    CuprolithError
        If one of them has been started.
    """
    added = set(jobs_led_to(output))
    uuids = [uuid for uuid, _ in added]
    if not added:
        return 0
    found = controller.jobs.find({"uuid": {"$in": uuids}}, ["db_id", "uuid", "index", "state"])
    there = [child for child in found if (child["uuid"], child["index"]) in added]
    started = [child["db_id"] for child in there if child["state"] not in _UNTOUCHED]
    if started:
        raise CuprolithError(
            f"job {job.db_id} was cut off as it added jobs, and {len(started)} of these ran: "
            f"{', '.join(started[:5])}",
            remedy="look at them with `jf job info`",
        )
    controller.jobs.delete_many({"db_id": {"$in": [child["db_id"] for child in there]}})
    _forget(controller, job, added)
    return len(there)


def _forget(controller: JobController, job: JobRecord, added: set[tuple[str, int]]) -> None:
    """Take the jobs out of their flow, and out of what waits for them."""
    flow = controller.flows.find_one({"jobs": job.uuid}, ["ids", "jobs", "parents"])
    if flow is None:
        return
    parents = {
        uuid: kept
        for uuid, by_index in flow["parents"].items()
        if (kept := {i: p for i, p in by_index.items() if (uuid, int(i)) not in added})
    }
    rest = {
        "ids": [entry for entry in flow["ids"] if (entry[1], int(entry[2])) not in added],
        "jobs": [uuid for uuid in flow["jobs"] if uuid in parents],
        "parents": parents,
    }
    controller.flows.update_one({"_id": flow["_id"]}, {"$set": rest})
    gone = list({uuid for uuid, _ in added} - set(rest["jobs"]))
    waits = {"uuid": {"$in": rest["jobs"]}, "parents": {"$in": gone}}
    controller.jobs.update_many(waits, {"$pull": {"parents": {"$in": gone}}})


def jobs_led_to(output: dict[str, Any]) -> Iterator[tuple[str, int]]:
    """Yield uuid and index of each job that a job leads to."""
    response = output.get("response") or {}
    for kind in _LEADS_TO:
        if response.get(kind):
            yield from _jobs(response[kind])


def _jobs(part: dict[str, Any]) -> Iterator[tuple[str, int]]:
    if "jobs" in part:
        for each in part["jobs"]:
            yield from _jobs(each)
    else:
        yield part["uuid"], int(part.get("index", 1))
