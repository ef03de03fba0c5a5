"""One run of a runner: which jobs are run, skipped or left out, and what is recorded of them."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from jobflow import Flow, Job
from jobflow.core.reference import OnMissing

from workflows.jobs.disk_space import DiskFullError, is_disk_full
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
from workflows.jobs.observer import Observer
from workflows.progress import announce


@dataclass
class RunSummary:
    """What became of the jobs of a run.

    Attributes
    ----------
    finished, skipped, failed
        Jobs run to their end, jobs finished earlier, and jobs that ended in an exception.
    not_run
        Jobs left out because one before them failed or stopped its children.
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


class Run:
    """State of one run, which works off one flow after another."""

    def __init__(self, folder: JobFolder, log: JobLog, observer: Observer) -> None:
        self.summary = RunSummary()
        self.stopped = False
        self._folder = folder
        self._log = log
        self._observer = observer
        self._errored: set[str] = set()
        self._stopped_parents: set[str] = set()
        self._said_lost = False

    def settle_log(self) -> None:
        """Note the end of a job that a kill kept from the log, though not from the folder."""
        last = self._log.last
        if last is None or last.get("event") != "started":
            return
        job = last["uuid"], last["index"], last["name"]
        try:
            result = self._folder.result(result_name(*job[:2]))
        except DamagedFileError:
            return
        if result is not None and result.finished_at >= last["time"]:
            self._log.write("finished", *job, result.seconds, result.finished_at)

    def work_off(
        self, flow: Flow | Job | list[Flow | Job], *, allow_external_references: bool
    ) -> None:
        """Run a flow and all it leads to.

        What a job leads to runs before the rest of its flow. A stack instead of recursion lets
        chains of detours be as long as they like, and lets go of what has been run.
        """
        order = execution_order(flow, allow_external_references=allow_external_references)
        self._observer.on_flow(len(order))
        stack: list[tuple[JobOrder, str | None]] = [(order, None)]
        while stack and not self.stopped:
            jobs, origin = stack[-1]
            if not jobs:
                stack.pop()
                continue
            followers = self._visit_next(jobs, origin)
            if not jobs:
                stack.pop()
            stack.extend(reversed(followers))

    def _visit_next(self, jobs: JobOrder, origin: str | None) -> list[tuple[JobOrder, str | None]]:
        """Take the next job, run or skip it, and return what it leads to, as the stack has it."""
        job, parents = jobs.popleft()
        if self._held_up(job, parents):
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
        # A job that always runs may be another one next time: what it led to stays finished.
        origin = None if job.metadata.get(ALWAYS_RUN) else result_name(job.uuid, job.index)
        followers = []
        for follower in outcome.followers:
            # they may refer to jobs outside of them, as in jobflow
            order = execution_order(follower, allow_external_references=True)
            self._observer.on_flow(len(order))
            followers.append((order, origin))
        return followers

    def _held_up(self, job: Job, parents: frozenset[str]) -> bool:
        """Whether a job is left out since one before it failed or stopped its children."""
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
                f"warning: {error.where}: what {job.name!r} gave is damaged; it runs again, all "
                "else is kept"
            )
            return None
        if outcome is None:
            self._say_if_lost(job)
            return None
        self._log.write("skipped", job.uuid, job.index, job.name)
        self._observer.on_skip(job)
        self.summary.skipped += 1
        return outcome

    def _say_if_lost(self, job: Job) -> None:
        """Say so, once, if a job runs again since its result is gone."""
        if self._said_lost or job.metadata.get(ALWAYS_RUN):
            return
        path = self._folder.path_of_result(result_name(job.uuid, job.index))
        if path.exists() or (job.uuid, job.index) not in self._log.finished:
            return
        self._said_lost = True
        announce(
            f"warning: {self._folder.root} lacks what {job.name!r}, and maybe others, gave, though "
            f"they have finished as {self._log.path} says: they run again. If the folder was not "
            "copied whole, or you have a backup, stop now and put the whole one there"
        )

    def _execute(self, job: Job, origin: str | None) -> JobOutcome | None:
        """Run a job and store what it gave; None if it failed."""
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
        """Record a failure, unless it is the disk's and not the job's."""
        if isinstance(error, DiskFullError | UnwritableFolderError):
            raise error
        if is_disk_full(error):
            raise unwritable(error, self._folder.root) from error
        self._errored.add(job.uuid)
        self.summary.failures.append(self._folder.write_failure(job, error))
        self.summary.failed += 1
        self._log.write("failed", job.uuid, job.index, job.name, seconds)
        self._observer.on_fail(job, error)
