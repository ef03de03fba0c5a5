"""Run jobflow flows on one machine, and resume after an earlier run was stopped or killed.

Semantics are those of ``jobflow.run_locally``; in addition, a job with a result in the folder does
not run again, and the jobs that its ``Response`` led to are read from the folder.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from jobflow import Flow, Job
from jobflow.core.reference import OnMissing

from cuprolith.disk_space import DiskFullError, is_disk_full
from cuprolith.progress import announce
from workflows.jobs.execution_order import JobOrder, execution_order
from workflows.jobs.job_execution import ALWAYS_RUN, JobOutcome, earlier_outcome, run_job
from workflows.jobs.job_folder import (
    DamagedFileError,
    JobFailure,
    JobFolder,
    UnwritableFolderError,
    result_name,
    unwritable,
)
from workflows.jobs.job_log import JobLog


class Observer(Protocol):
    """Gets the events of a run, to show its progress for instance."""

    def on_flow(self, n_jobs: int) -> None:
        """Note jobs added: those of the flow itself, later those that jobs lead to."""
        return

    def on_start(self, job: Job) -> None:
        """Note that a job starts."""
        return

    def on_finish(self, job: Job, seconds: float) -> None:
        """Note that a job has finished and its output is stored."""
        return

    def on_skip(self, job: Job) -> None:
        """Note that a job was finished already."""
        return

    def on_fail(self, job: Job, error: BaseException) -> None:
        """Note that a job ended in an exception."""
        return


class _SilentObserver(Observer):
    """Ignores all events."""


@dataclass
class RunSummary:
    """Counts of the jobs of a run.

    Attributes
    ----------
    finished, skipped, failed
        Jobs that ran to their end, jobs finished earlier, and jobs that ended in an exception.
    not_run
        Jobs left out because a job before them failed or stopped its children.
    failures
        The exceptions.
    seconds
        Time of the whole run.
    """

    finished: int = 0
    skipped: int = 0
    failed: int = 0
    not_run: int = 0
    failures: list[JobFailure] = field(default_factory=list)
    seconds: float = 0.0


def run_flows(
    flows: Iterable[Flow | Job | list[Flow | Job]],
    folder: JobFolder,
    observer: Observer | None = None,
    *,
    log_path: Path | None = None,
) -> RunSummary:
    """Run the jobs of flows that are not finished in the folder, one after another.

    Flows are taken from the iterable one at a time, so that with a generator only one is in memory.
    Jobs may use outputs of jobs outside their flow; a job that failed or stopped its children also
    counts for later flows.

    Output and ``Response`` of a job are written together, so that a kill at any moment loses only
    the job in progress, and the jobs that finished jobs lead to are found again. A finished job is
    known by its uuid and index: makers give their jobs uuids of their own
    (:func:`~workflows.jobs.job_ids.stable_uuid`). Jobs with ``metadata["always_run"]`` run each
    time.

    A job that ends in an exception is recorded (:meth:`JobFolder.failures`), the others continue,
    and the next run tries it again. ``stop_jobflow`` ends the whole run.

    A finished job runs again if the jobs before it, or the one that led to it, have other results
    now than those it was made from: for instance, if it ran without the output of a parent that had
    failed then (``on_missing_references``). Only lost or damaged results are computed again.

    Parameters
    ----------
    folder
        Where the results are, and where the jobs run.
    log_path
        File to which one JSON line per event is appended.

    Raises
    ------
    DiskFullError
        If there is no space left; finished jobs are kept.
    UnwritableFolderError
        If the folder cannot be written for another reason.
    ValueError
        If a flow cannot be ordered, see :func:`~workflows.jobs.execution_order.execution_order`.
    """
    started = time.perf_counter()
    # A job may change the working directory.
    folder = JobFolder(folder.root.resolve(), folder.directory.resolve())
    try:
        with JobLog(log_path) as log:
            run = _Run(folder, log, observer or _SilentObserver())
            run.close_open_log_entry()
            for flow in flows:
                run.run_flow(flow)
                if run.stopped:
                    break
    except OSError as error:
        if is_disk_full(error):
            raise unwritable(error, folder.root) from error
        raise
    run.summary.seconds = time.perf_counter() - started
    return run.summary


class _Run:
    """State of one run, which runs one flow after another."""

    def __init__(self, folder: JobFolder, log: JobLog, observer: Observer) -> None:
        self.summary = RunSummary()
        self.stopped = False
        self._folder = folder
        self._log = log
        self._observer = observer
        self._errored: set[str] = set()
        self._stopped_parents: set[str] = set()
        self._warned_of_loss = False

    def close_open_log_entry(self) -> None:
        """Log the end of a job whose result was written, but not logged before a kill."""
        last = self._log.last
        if last is None or last.get("event") != "started":
            return
        job = last["uuid"], last["index"], last["name"]
        try:
            record = self._folder.record(result_name(*job[:2]))
        except DamagedFileError:
            return
        if record is not None and record.finished_at >= last["time"]:
            self._log.write("finished", *job, record.seconds, record.finished_at)

    def run_flow(self, flow: Flow | Job | list[Flow | Job]) -> None:
        """Run a flow and all that its jobs lead to.

        The flows that a job leads to run before the rest of its flow. A stack in place of recursion
        allows chains of detours of any length, and frees the memory of finished jobs.
        """
        order = execution_order(flow)
        self._observer.on_flow(len(order))
        stack: list[tuple[JobOrder, str | None]] = [(order, None)]
        while stack and not self.stopped:
            jobs, origin = stack[-1]
            if not jobs:
                stack.pop()
                continue
            followers = self._run_or_skip_next(jobs, origin)
            if not jobs:
                stack.pop()
            stack.extend(reversed(followers))

    def _run_or_skip_next(
        self, jobs: JobOrder, origin: str | None
    ) -> list[tuple[JobOrder, str | None]]:
        """Run or skip the next job, and return the flows that it leads to, for the stack."""
        job, parents = jobs.popleft()
        if self._is_blocked(job, parents):
            return []
        outcome = self._finished_before(job, origin) or self._execute(job, origin)
        if outcome is None:
            return []
        if outcome.stop_children:
            self._stopped_parents.add(job.uuid)
        if outcome.stop_jobflow:
            self.stopped = True
        return self._ordered_followers(job, outcome)

    def _ordered_followers(
        self, job: Job, outcome: JobOutcome
    ) -> list[tuple[JobOrder, str | None]]:
        # A job that always runs may differ next time: the jobs that it led to stay finished.
        origin = None if job.metadata.get(ALWAYS_RUN) else result_name(job.uuid, job.index)
        followers = []
        for follower in outcome.followers:
            order = execution_order(follower)
            self._observer.on_flow(len(order))
            followers.append((order, origin))
        return followers

    def _is_blocked(self, job: Job, parents: frozenset[str]) -> bool:
        """Whether a job is left out because one before it failed or stopped its children."""
        if parents & self._stopped_parents:
            self._stopped_parents.add(job.uuid)
        elif parents & self._errored and job.config.on_missing_references == OnMissing.ERROR:
            self._errored.add(job.uuid)
        else:
            return False
        self.summary.not_run += 1
        return True

    def _finished_before(self, job: Job, origin: str | None) -> JobOutcome | None:
        """Return the outcome of an earlier run; None if the job has to run."""
        try:
            outcome = earlier_outcome(self._folder, job, origin)
        except DamagedFileError as error:
            announce(
                f"warning: {error.where}: the result of {job.name!r} is damaged; the job runs "
                "again, all others are kept"
            )
            return None
        if outcome is None:
            self._warn_if_lost(job)
            return None
        self._log.write("skipped", job.uuid, job.index, job.name)
        self._observer.on_skip(job)
        self.summary.skipped += 1
        return outcome

    def _warn_if_lost(self, job: Job) -> None:
        """Warn, once, if a job runs again because its result is lost."""
        if self._warned_of_loss or job.metadata.get(ALWAYS_RUN):
            return
        path = self._folder.path_of_result(result_name(job.uuid, job.index))
        if path.exists() or (job.uuid, job.index) not in self._log.finished:
            return
        self._warned_of_loss = True
        announce(
            f"warning: the result of {job.name!r}, and maybe of others, is missing in "
            f"{self._folder.root}, although {self._log.path} says that they finished: they run "
            "again. If the folder was not copied completely, or you have a backup, stop now and "
            "restore it"
        )

    def _execute(self, job: Job, origin: str | None) -> JobOutcome | None:
        """Run a job and store its result; None if it failed."""
        self._log.write("started", job.uuid, job.index, job.name)
        self._observer.on_start(job)
        started = time.perf_counter()
        try:
            outcome = run_job(self._folder, job, origin)
        except Exception as error:  # noqa: BLE001  # whatever a job raises must not end the others
            self._fail(job, error, time.perf_counter() - started)
            return None
        seconds = time.perf_counter() - started
        self._log.write("finished", job.uuid, job.index, job.name, seconds)
        self._observer.on_finish(job, seconds)
        self.summary.finished += 1
        return outcome

    def _fail(self, job: Job, error: Exception, seconds: float) -> None:
        """Record a failure; raise it if the disk, not the job, is the cause."""
        if isinstance(error, DiskFullError | UnwritableFolderError):
            raise error
        if is_disk_full(error):
            raise unwritable(error, self._folder.root) from error
        self._errored.add(job.uuid)
        self.summary.failures.append(self._folder.write_failure(job, error))
        self.summary.failed += 1
        self._log.write("failed", job.uuid, job.index, job.name, seconds)
        self._observer.on_fail(job, error)
