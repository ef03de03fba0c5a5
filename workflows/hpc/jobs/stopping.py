"""Stopping jobs, as the verbs need it: in the queue, in batches, and many at once."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from workflows.hpc.jobs.batches import withdraw_from_batches
from workflows.hpc.jobs.job_states import BATCH_STATES, BATCH_SUBMITTED, NOT_BEGUN_STATES

if TYPE_CHECKING:
    from jobflow_remote.jobs.jobcontroller import JobController

    from workflows.hpc.jobs.campaign_jobs import JobRecord

# The runner holds a flow for moments; jobflow-remote looks again every 10 s.
LOCK_SECONDS = 60


def stop_underway(controller: JobController, job: JobRecord) -> bool:
    """Stop a job that is ready or underway; return whether nothing of it runs on.

    What runs in a batch cannot be ended: jobs of others share its allocation.
    """
    ended = job.state not in BATCH_STATES
    if job.state == BATCH_SUBMITTED:
        ended = withdraw_from_batches(controller, job)
    controller.stop_job(db_id=job.db_id, wait=LOCK_SECONDS)
    return ended


def stop_not_begun(controller: JobController, query: dict[str, Any]) -> int:
    """Stop the jobs of a query that are ready or wait, all at once, and return how many.

    One by one, jobflow-remote reads the states of a whole flow for each of them.
    """
    waiting = {**query, "state": {"$in": list(NOT_BEGUN_STATES)}, "lock_id": None}
    stopped = [job["uuid"] for job in controller.jobs.find(waiting, ["uuid"])]
    if not stopped:
        return 0
    values = {"state": "USER_STOPPED", "updated_on": datetime.now(UTC)}
    # What the runner took up meanwhile is left to it.
    done = controller.jobs.update_many({**waiting, "uuid": {"$in": stopped}}, {"$set": values})
    flows = list(controller.flows.find({"jobs": {"$in": stopped}}, ["uuid"]))
    update_flow_states(controller, (flow["uuid"] for flow in flows))
    return int(done.modified_count)


def update_flow_states(controller: JobController, uuids: Iterable[str]) -> None:
    """Bring the states of flows up to date with their jobs, which were written past the runner."""
    for uuid in uuids:
        with controller.lock_flow(filter={"uuid": uuid}, sleep=2, max_wait=LOCK_SECONDS):
            controller.update_flow_state(flow_uuid=uuid)
