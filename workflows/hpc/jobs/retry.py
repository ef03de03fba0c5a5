"""Trying a job again: each state needs another verb of jobflow-remote."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from cuprolith.errors import CuprolithError
from workflows.hpc.jobs.batches import is_in_batches
from workflows.hpc.jobs.campaign_jobs import JobRecord
from workflows.hpc.jobs.half_added_jobs import remove_half_added_jobs
from workflows.hpc.jobs.job_database import jf_command
from workflows.hpc.jobs.job_output import OUTPUT_FILE, has_ended, job_output
from workflows.hpc.jobs.job_states import (
    BATCH_STATES,
    BATCH_SUBMITTED,
    FAILED,
    REMOTE_ERROR,
    STOPPED_STATES,
    UNDERWAY_STATES,
)
from workflows.hpc.jobs.queue_search import queue_id_of_folder
from workflows.hpc.jobs.status import SILENT_AFTER, limited_workers
from workflows.hpc.jobs.stopping import LOCK_SECONDS
from workflows.hpc.jobs.take_back import take_back

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

    A job that failed runs again. A transfer or submission that failed is repeated, the job is not.
    A job that a killed runner has left behind is unlocked; if it was being submitted, it is first
    looked for in the queue, so that it does not run twice.

    Parameters
    ----------
    silent_after
        How long nothing may have moved a job underway, for it to count as left behind.

    Raises
    ------
    CuprolithError
        If there is nothing to try again, or jobflow-remote refuses.
    """
    limit = datetime.now(UTC) - silent_after
    try:
        if job.state not in UNDERWAY_STATES:
            _unlock_flow(controller, job, limit)  # whatever follows needs the flow
        if job.state in (FAILED, *STOPPED_STATES):
            return _run_again(controller, job)
        if job.state == REMOTE_ERROR:
            return _repeat_step(controller, job)
        if job.state in UNDERWAY_STATES:
            return _take_up(controller, job, limit)
    except CuprolithError:
        raise
    except Exception as error:  # jobflow-remote raises ValueError, RuntimeError, its own
        raise _refused(job, error) from error
    raise CuprolithError(
        f"job {job.db_id} ({job.name}) is {job.state}: there is nothing to try again",
        remedy="`cuprolith status` shows the jobs that failed",
    )


def _run_again(controller: JobController, job: JobRecord) -> Action:
    """Run a job afresh, and after it those that went on without it."""
    taken_back = take_back(controller, job)
    force = taken_back or job.state in (*STOPPED_STATES, *BATCH_STATES)
    controller.rerun_job(db_id=job.db_id, wait=LOCK_SECONDS, force=force)
    words = ["job", "rerun", *(["--force"] if force else []), job.db_id]
    return Action(job.db_id, "runs again", jf_command(controller, *words))


def _repeat_step(controller: JobController, job: JobRecord) -> Action:
    """Repeat what went wrong between the database and the scheduler."""
    error = job.remote.get("error") or ""
    if job.previous_state == "UPLOADED" and _UNKNOWN_ID in error:
        return _find_submitted(controller, job)
    if job.previous_state in ("RUN_FINISHED", "DOWNLOADED") and OUTPUT_FILE in error:
        # The job ended without its output: to fetch it once more brings nothing.
        return _run_again(controller, job)
    if job.previous_state in BATCH_STATES and not is_in_batches(controller, job):
        return _after_batch(controller, job)
    if job.previous_state == "DOWNLOADED" and _DUPLICATE in error:
        _undo_adding(controller, job)
    controller.retry_job(db_id=job.db_id, wait=LOCK_SECONDS)
    done = f"the step after {job.previous_state} is repeated"
    return Action(job.db_id, done, jf_command(controller, "job", "retry", job.db_id))


def _after_batch(controller: JobController, job: JobRecord) -> Action:
    """Go on with a job that no batch knows any more; put back as it was, nobody would run it."""
    if has_ended(job_output(controller, job)):
        return _take_output(controller, job)
    if job.lock_time is not None:
        controller.unlock_jobs(db_ids=job.db_id)
    return _run_again(controller, job)


def _take_up(controller: JobController, job: JobRecord, limit: datetime) -> Action:
    """Take up a job that a killed runner has left behind."""
    since = job.silent_since(limit, limited_workers(controller))
    abandoned = since is not None or job.lock_time is None
    # jobflow-remote forgets the end of a job of a batch that is locked just then
    if job.state in BATCH_STATES and abandoned and not is_in_batches(controller, job):
        _unlock_flow(controller, job, limit)
        return _after_batch(controller, job)
    if since is None and job.remote.get("error"):
        _unlock_flow(controller, job, limit)
        controller.retry_job(db_id=job.db_id, wait=LOCK_SECONDS)
        command = jf_command(controller, "job", "retry", job.db_id)
        return Action(job.db_id, "is tried again at once", command)
    if since is None:
        raise CuprolithError(
            f"job {job.db_id} ({job.name}) is underway: {job.state}",
            remedy=f"to run it afresh, first `cuprolith cancel {job.db_id}`",
        )
    if job.state == "DOWNLOADED" and job.lock_time is not None:
        _undo_adding(controller, job)
    flow_freed = _unlock_flow(controller, job, limit)
    if job.lock_time is None:
        if flow_freed:
            command = jf_command(controller, "admin", "unlock-flow", "-jid", job.uuid)
            return Action(job.db_id, "goes on: its flow is unlocked", command)
        raise CuprolithError(
            f"nothing holds job {job.db_id} ({job.name}), and no runner moves it on",
            remedy=f"start the runner: {jf_command(controller, 'runner', 'start')}",
        )
    if job.state == "UPLOADED":
        return _find_submitted(controller, job)
    return _unlock(controller, job, "is unlocked, the runner goes on with it")


def _find_submitted(controller: JobController, job: JobRecord) -> Action:
    """Join a job to its counterpart in the queue, if it was submitted."""
    assert job.run_dir is not None, "jobflow-remote sets the folder before the state"
    assert controller.project is not None
    worker = controller.project.workers[job.worker]
    if worker.batch is not None:
        if is_in_batches(controller, job):
            return _set(controller, job, {"state": BATCH_SUBMITTED}, "is in a batch; taken up")
        return _unlock(controller, job, "is in no batch; handed over again")
    known_ended = has_ended(job_output(controller, job))
    queue_id = None if known_ended else queue_id_of_folder(controller, job.worker, job.run_dir)
    if queue_id is not None:
        values = {"state": "SUBMITTED", "remote.process_id": queue_id}
        return _set(controller, job, values, f"is job {queue_id} of the queue; taken up")
    if known_ended or has_ended(job_output(controller, job)):  # meanwhile
        return _take_output(controller, job)
    if job.state == REMOTE_ERROR:
        return _set(controller, job, {"state": "UPLOADED"}, "is not in the queue; submitted again")
    return _unlock(controller, job, "is not in the queue; submitted again")


def _take_output(controller: JobController, job: JobRecord) -> Action:
    assert controller.project is not None
    # What is local needs no download.
    is_local = controller.project.workers[job.worker].is_local
    state = "DOWNLOADED" if is_local else "RUN_FINISHED"
    return _set(controller, job, {"state": state}, "had run already; its output is taken")


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


def _undo_adding(controller: JobController, job: JobRecord) -> None:
    """Remove what was added of the jobs that a job leads to, while no runner can take it."""
    at_rest = {"db_id": job.db_id, "state": job.state}
    with controller.lock_job(filter=at_rest, break_lock=True) as lock:
        if lock.locked_document is None:
            raise CuprolithError(
                f"job {job.db_id} ({job.name}) has gone on meanwhile",
                remedy="look again: cuprolith status",
            )
        remove_half_added_jobs(controller, job, job_output(controller, job) or {})


def _unlock_flow(controller: JobController, job: JobRecord, limit: datetime) -> bool:
    """Free the job's flow, if the same kill has left it locked."""
    stale = {"jobs": job.uuid, "lock_time": {"$lt": limit}}
    if controller.flows.find_one(stale, ["uuid"]) is None:
        return False
    return bool(controller.unlock_flows(job_ids=job.uuid))


def _refused(job: JobRecord, error: Exception) -> CuprolithError:
    reason = str(error).strip() or type(error).__name__
    return CuprolithError(
        f"job {job.db_id} ({job.name}) was not tried again: {reason}",
        remedy="where it says locked, wait a moment; `jf job info "
        f"{job.db_id}` shows all of the job",
    )
