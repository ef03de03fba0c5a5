"""Try a job again: each state needs another command of jobflow-remote."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from cuprolith.errors import CuprolithError
from workflows.hpc.jobs.campaign_jobs import JobRecord, find_job
from workflows.hpc.jobs.job_database import jf_command
from workflows.hpc.jobs.job_states import (
    FAILED,
    FAILED_STATES,
    REMOTE_ERROR,
    STOPPED_STATES,
    UNDERWAY_STATES,
)
from workflows.hpc.jobs.jobflow_remote_repairs import (
    LOCK_SECONDS,
    OUTPUT_FILE,
    has_ended,
    job_output,
    queue_id_of_folder,
    stop_jobs_after,
    undo_adding,
    unlock_flow,
)
from workflows.hpc.jobs.status import SILENT_AFTER, limited_workers

if TYPE_CHECKING:
    from jobflow_remote.jobs.jobcontroller import JobController

_UNKNOWN_ID = "ID not known"
_DUPLICATE = "duplicate key"


@dataclass(frozen=True)
class Action:
    """What was done.

    Attributes
    ----------
    what
        Number of the job.
    jf
        The same with jobflow-remote's own command; empty where it has none.
    """

    what: str
    done: str
    jf: str = ""


def retry(
    controller: JobController, job: JobRecord, *, silent_after: timedelta = SILENT_AFTER
) -> Action:
    """Try a job again.

    A job that failed runs again. A transfer or submission that failed is repeated without the job.
    A job that a killed runner has left behind is unlocked; if it was being submitted, the queue is
    searched for it first, so that it does not run twice.

    Parameters
    ----------
    silent_after
        A job underway that nothing has moved for this time counts as left behind.

    Raises
    ------
    CuprolithError
        If there is nothing to try again, or jobflow-remote refuses.
    """
    limit = datetime.now(UTC) - silent_after
    try:
        if job.state in UNDERWAY_STATES:
            return _recover(controller, job, limit)
        unlock_flow(controller, job, limit)  # all that follows needs the flow
        if job.state in (FAILED, *STOPPED_STATES):
            return _run_again(controller, job)
        if job.state == REMOTE_ERROR:
            return _repeat_step(controller, job)
    except CuprolithError:
        raise
    except Exception as error:  # jobflow-remote raises ValueError, RuntimeError, its own
        raise CuprolithError(
            f"job {job.db_id} ({job.name}) was not tried again: "
            f"{str(error).strip() or type(error).__name__}",
            remedy="if the job is locked, wait a moment; "
            f"`jf job info {job.db_id}` shows all of the job",
        ) from error
    raise CuprolithError(
        f"job {job.db_id} ({job.name}) is {job.state}: there is nothing to try again",
        remedy="`cuprolith status` shows the jobs that failed",
    )


def retry_all(
    controller: JobController, jobs: Iterable[JobRecord]
) -> Iterator[Action | CuprolithError]:
    """Try failed jobs again; yield what was done, or why it was not."""
    for job in jobs:
        try:
            found = find_job(controller, job.db_id)
            if found.state in FAILED_STATES:  # else the retry of another one has reset it
                yield retry(controller, found)
        except CuprolithError as error:
            yield error


def _run_again(controller: JobController, job: JobRecord) -> Action:
    """Run a job again, and after it those that ran without it."""
    force = stop_jobs_after(controller, job) or job.state in STOPPED_STATES
    controller.rerun_job(db_id=job.db_id, wait=LOCK_SECONDS, force=force)
    words = ["job", "rerun", *(["--force"] if force else []), job.db_id]
    return Action(job.db_id, "runs again", jf_command(controller, *words))


def _repeat_step(controller: JobController, job: JobRecord) -> Action:
    """Repeat what went wrong between the database and the scheduler."""
    error = job.remote.get("error") or ""
    if job.previous_state == "UPLOADED" and _UNKNOWN_ID in error:
        return _find_submitted(controller, job)
    if job.previous_state in ("RUN_FINISHED", "DOWNLOADED") and OUTPUT_FILE in error:
        # The job ended without its output, so that copying it again does not help.
        return _run_again(controller, job)
    if job.previous_state == "DOWNLOADED" and _DUPLICATE in error:
        undo_adding(controller, job)
    return _retry_step(controller, job, f"the step after {job.previous_state} is repeated")


def _retry_step(controller: JobController, job: JobRecord, done: str) -> Action:
    controller.retry_job(db_id=job.db_id, wait=LOCK_SECONDS)
    return Action(job.db_id, done, jf_command(controller, "job", "retry", job.db_id))


def _recover(controller: JobController, job: JobRecord, limit: datetime) -> Action:
    """Resume a job that a killed runner has left behind."""
    since = job.silent_since(limit, limited_workers(controller))
    if since is None and job.remote.get("error"):
        unlock_flow(controller, job, limit)
        return _retry_step(controller, job, "is tried again at once")
    if since is None:
        raise CuprolithError(
            f"job {job.db_id} ({job.name}) is underway: {job.state}",
            remedy=f"to run it again from the start, first `cuprolith cancel {job.db_id}`",
        )
    if job.state == "DOWNLOADED" and job.lock_time is not None:
        undo_adding(controller, job)
    flow_unlocked = unlock_flow(controller, job, limit)
    if job.lock_time is not None:
        if job.state == "UPLOADED":
            return _find_submitted(controller, job)
        return _unlock(controller, job, "is unlocked, the runner resumes it")
    if flow_unlocked:
        command = jf_command(controller, "admin", "unlock-flow", "-jid", job.uuid)
        return Action(job.db_id, "is resumed: its flow is unlocked", command)
    raise CuprolithError(
        f"nothing holds job {job.db_id} ({job.name}), and no runner moves it on",
        remedy=f"start the runner: {jf_command(controller, 'runner', 'start')}",
    )


def _find_submitted(controller: JobController, job: JobRecord) -> Action:
    """Join a job to its counterpart in the queue, if it was submitted."""
    assert job.run_dir is not None, "jobflow-remote sets the folder before the state"
    known_ended = has_ended(job_output(controller, job))
    queue_id = None if known_ended else queue_id_of_folder(controller, job.worker, job.run_dir)
    if queue_id is not None:
        values = {"state": "SUBMITTED", "remote.process_id": queue_id}
        return _set(controller, job, values, f"is job {queue_id} of the queue; resumed")
    if known_ended or has_ended(job_output(controller, job)):  # meanwhile
        assert controller.project is not None
        # What is local needs no download.
        is_local = controller.project.workers[job.worker].is_local
        state = "DOWNLOADED" if is_local else "RUN_FINISHED"
        return _set(controller, job, {"state": state}, "had run already; its output is taken")
    if job.state == REMOTE_ERROR:
        return _set(controller, job, {"state": "UPLOADED"}, "is not in the queue; submitted again")
    return _unlock(controller, job, "is not in the queue; submitted again")


def _set(controller: JobController, job: JobRecord, values: dict[str, Any], done: str) -> Action:
    from jobflow_remote.jobs.state import JobState

    fresh = {
        "remote.error": None,
        "remote.step_attempts": 0,
        "remote.retry_time_limit": None,
        "updated_on": datetime.now(UTC),
    }
    controller.set_job_doc_properties(
        {**values, **fresh},
        db_id=job.db_id,
        break_lock=True,
        acceptable_states=[JobState(job.state)],
    )
    return Action(job.db_id, done)


def _unlock(controller: JobController, job: JobRecord, done: str) -> Action:
    from jobflow_remote.jobs.state import JobState

    controller.unlock_jobs(db_ids=job.db_id, states=JobState(job.state))
    return Action(job.db_id, done, jf_command(controller, "admin", "unlock", "-did", job.db_id))
