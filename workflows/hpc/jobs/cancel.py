"""Stop jobs, also those in the queue."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cuprolith.errors import CuprolithError
from cuprolith.words import plural
from workflows.hpc.job_metadata import of_campaign
from workflows.hpc.jobs.campaign_jobs import CampaignJobs, JobRecord, find_job
from workflows.hpc.jobs.job_database import jf_command
from workflows.hpc.jobs.job_states import UNDERWAY_STATES
from workflows.hpc.jobs.jobflow_remote_repairs import LOCK_SECONDS, stop_not_begun
from workflows.hpc.jobs.retry import Action, retry
from workflows.hpc.jobs.status import SILENT_AFTER

if TYPE_CHECKING:
    from jobflow_remote.jobs.jobcontroller import JobController

# A single job that waits for others cannot be stopped.
STOPPABLE_STATES = ("READY", *UNDERWAY_STATES)
# A job that ends meanwhile may add others.
_ROUNDS = 3


def cancel(
    controller: JobController, job: JobRecord, *, silent_after: timedelta = SILENT_AFTER
) -> Action:
    """Stop a job, also in the queue; jobs that wait for it do not run.

    A job that a killed runner has left behind is recovered first, so that it is found in the queue
    and stopped there.

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
            remedy="if the job is locked, wait a moment and run the command again",
        ) from error
    return Action(job.db_id, "is stopped", jf_command(controller, "job", "stop", job.db_id))


def cancel_all(controller: JobController, campaign: str) -> Iterator[Action | CuprolithError]:
    """Stop all jobs of a campaign that have not ended; yield what was done, or why it was not.

    Also those that wait: a campaign's jobs run even if one before them was stopped.
    """
    jobs = CampaignJobs(controller, campaign)
    refused: set[str] = set()
    for _ in range(_ROUNDS):
        # those that have not begun first, before the runner starts them
        n_waiting = stop_not_begun(controller, of_campaign(campaign))
        if n_waiting:
            yield Action(f"{plural(n_waiting, 'job')} not begun", "stopped")
        underway = [job for job in jobs.in_states(*UNDERWAY_STATES) if job.db_id not in refused]
        if not underway and not n_waiting:
            return
        for job in underway:
            try:
                yield cancel(controller, job)
            except CuprolithError as error:
                refused.add(job.db_id)
                if find_job(controller, job.db_id).state in STOPPABLE_STATES:
                    yield error  # otherwise it ended by itself before it could be stopped
