"""Ending jobs, in the queue too."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from workflows.errors import CuprolithError
from workflows.hpc.jobs.campaign_jobs import CampaignJobs, JobRecord, find_job
from workflows.hpc.jobs.job_database import jf_command
from workflows.hpc.jobs.job_states import UNDERWAY_STATES
from workflows.hpc.jobs.retry import LOCK_SECONDS, Action, retry
from workflows.hpc.jobs.status import SILENT_AFTER

if TYPE_CHECKING:
    from jobflow_remote.jobs.jobcontroller import JobController

NOT_BEGUN_STATES = ("WAITING", "READY")
# What waits for others cannot be stopped alone.
STOPPABLE_STATES = ("READY", *UNDERWAY_STATES)
_IN_BATCH = ("BATCH_SUBMITTED", "BATCH_RUNNING")
# A job that ends meanwhile may add others.
_ROUNDS = 3


def cancel(
    controller: JobController, job: JobRecord, *, silent_after: timedelta = SILENT_AFTER
) -> Action:
    """Stop a job, in the queue too; jobs that wait for it do not run.

    A job that a killed runner has left behind is taken up first, so that what of it is in the queue
    is found and ended.

    Raises
    ------
    CuprolithError
        If it has ended or waits for others, or jobflow-remote refuses.
    """
    if job.state not in STOPPABLE_STATES:
        raise CuprolithError(
            f"job {job.db_id} ({job.name}) is {job.state}: there is nothing to stop",
            remedy="a job that waits for others does not run once these are stopped",
        )
    if job.lock_time is not None and job.lock_time < datetime.now(UTC) - silent_after:
        retry(controller, job, silent_after=silent_after)
        job = find_job(controller, job.db_id)
    try:
        controller.stop_job(db_id=job.db_id, wait=LOCK_SECONDS)
    except Exception as error:  # jobflow-remote raises ValueError, RuntimeError, its own
        raise CuprolithError(
            f"job {job.db_id} ({job.name}) was not stopped: {error}",
            remedy="where it says locked, wait a moment and give the command again",
        ) from error
    done = "is stopped"
    if job.state in _IN_BATCH:
        done = "is given up; what of it runs in a batch runs to its end, and is not taken"
    return Action(job.db_id, done, jf_command(controller, "job", "stop", job.db_id))


def cancel_all(
    controller: JobController,
    campaign: str,
    on_action: Callable[[Action], None],
    on_error: Callable[[CuprolithError], None],
) -> None:
    """Stop all jobs of a campaign that have not ended.

    Those that wait, too: a campaign's jobs run although one before them was stopped, to find out
    what they can do without it.

    Parameters
    ----------
    on_action, on_error
        Called after each job underway, and once after all that had not begun.
    """
    jobs = CampaignJobs(controller, campaign)
    refused: set[str] = set()
    for _ in range(_ROUNDS):
        # those that have not begun first, lest the runner starts them meanwhile
        n_waiting = _stop_waiting(controller, campaign)
        if n_waiting:
            on_action(Action(f"{n_waiting} jobs that had not begun", "are stopped"))
        underway = [job for job in jobs.in_states(*UNDERWAY_STATES) if job.db_id not in refused]
        if not underway and not n_waiting:
            return
        for job in underway:
            try:
                on_action(cancel(controller, job))
            except CuprolithError as error:
                refused.add(job.db_id)
                on_error(error)


def _stop_waiting(controller: JobController, campaign: str) -> int:
    """Stop the jobs that are ready or wait, all at once, and return how many.

    One by one, jobflow-remote reads the states of a whole flow for each of them.
    """
    waiting = {
        "job.metadata.campaign": campaign,
        "state": {"$in": list(NOT_BEGUN_STATES)},
        "lock_id": None,
    }
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
