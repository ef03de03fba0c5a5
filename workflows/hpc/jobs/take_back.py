"""Jobs that went on without one that failed: taken back, so that they run after it.

A campaign's jobs are never held up by a failure: each looks for itself what it can do without. To
run the failed job again, jobflow-remote must put all that came after it back; it would do so while
they are in the queue, or with jobs that they have led to, which it cannot take back.
"""

from __future__ import annotations

import time
from collections import defaultdict
from contextlib import suppress
from typing import TYPE_CHECKING

from cuprolith.errors import CuprolithError
from workflows.hpc.jobs.batches import withdraw_from_batches
from workflows.hpc.jobs.campaign_jobs import JobRecord, jobs_with_ids
from workflows.hpc.jobs.half_added_jobs import jobs_led_to
from workflows.hpc.jobs.job_output import job_output
from workflows.hpc.jobs.job_states import (
    BATCH_SUBMITTED,
    COMPLETED,
    NOT_BEGUN_STATES,
    UNDERWAY_STATES,
)
from workflows.hpc.jobs.stopping import LOCK_SECONDS, stop_not_begun

if TYPE_CHECKING:
    from jobflow_remote.jobs.jobcontroller import JobController

_NOT_READY = ("WAITING", "PAUSED")
# No node has begun with these.
_IN_THE_QUEUE = ("CHECKED_OUT", "UPLOADED", "SUBMITTED", BATCH_SUBMITTED)
_ON_A_NODE = tuple(state for state in UNDERWAY_STATES if state not in _IN_THE_QUEUE)
# What the runner or a node may yet move on.
_MOVING = (*NOT_BEGUN_STATES, *UNDERWAY_STATES)
_POLL_SECONDS = 1.0


def take_back(controller: JobController, job: JobRecord, *, patience: float = LOCK_SECONDS) -> bool:
    """Stop all jobs after one that is to run again; return whether there were any to stop.

    If so, jobflow-remote's ``rerun_job`` puts them back when it is forced to. Jobs in the queue are
    taken out of it. If this is cut off, the same again completes it.

    Parameters
    ----------
    patience
        How long to wait for those that a node has begun with, s.

    Raises
    ------
    CuprolithError
        If the campaign has gone on: the next stage has begun, or one of the jobs has led to others.
        Or if one of them runs.
    """
    after = jobs_after(controller, job)
    if all(each.state in _NOT_READY for each in after):
        return False
    end = time.monotonic() + patience
    while True:
        _require_no_way_on(controller, job, after)
        moving = [each for each in after if each.state in _MOVING]
        if not moving:
            return True
        if time.monotonic() > end:
            raise _still_underway(job, moving[0])
        n_stopped = stop_not_begun(controller, {"uuid": {"$in": [each.uuid for each in moving]}})
        for each in moving:
            _take_out_of_queue(controller, each)
        if n_stopped < len(moving):
            time.sleep(_POLL_SECONDS)
        after = jobs_after(controller, job)


def jobs_after(controller: JobController, job: JobRecord) -> list[JobRecord]:
    """Return all jobs that come after one."""
    flow = controller.flows.find_one({"jobs": job.uuid}, ["parents"])
    children: dict[str, set[tuple[str, int]]] = defaultdict(set)
    for uuid, by_index in flow["parents"].items() if flow else ():
        for index, parents in by_index.items():
            for parent in parents:
                children[parent].add((uuid, int(index)))
    # jobflow-remote's own search goes through each way there is: too many where ways meet again.
    reached: set[tuple[str, int]] = set()
    left = [job.uuid]
    while left:
        fresh = children[left.pop()] - reached
        reached |= fresh
        left += [uuid for uuid, _ in fresh]
    return jobs_with_ids(controller, reached)


def _require_no_way_on(controller: JobController, job: JobRecord, after: list[JobRecord]) -> None:
    """Refuse where something that cannot be taken back rests on what came without the job."""
    for each in after:
        if each.stage != job.stage:
            went_on = each.state in (COMPLETED, *_ON_A_NODE)
        else:
            went_on = each.state == COMPLETED and any(
                jobs_led_to(job_output(controller, each) or {})
            )
        if went_on:
            raise CuprolithError(
                f"job {job.db_id} ({job.name}) cannot run again: the campaign has gone on without "
                f"it, with {each.name} ({each.db_id})",
                remedy="when the campaign has ended, `cuprolith submit` it again: that adds what "
                "is missing, and what rests on it",
            )


def _take_out_of_queue(controller: JobController, job: JobRecord) -> None:
    if job.state == BATCH_SUBMITTED and not withdraw_from_batches(controller, job):
        return  # a batch has begun with it
    if job.state in _IN_THE_QUEUE:
        with suppress(Exception):  # it is locked, or has gone on; it is looked at again
            controller.stop_job(db_id=job.db_id)


def _still_underway(job: JobRecord, other: JobRecord) -> CuprolithError:
    return CuprolithError(
        f"job {job.db_id} ({job.name}) was not tried again: job {other.db_id} ({other.name}) has "
        f"begun without it and is {other.state}",
        remedy="such a job ends by itself: give the command again when it has",
    )
