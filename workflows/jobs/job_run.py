"""One run of a runner: which jobs are run, skipped or left out, and what is recorded of them."""

from __future__ import annotations

import copy
import sqlite3
import time
import traceback
from contextlib import chdir, closing
from dataclasses import dataclass, field
from pathlib import Path

from jobflow import Flow, Job, JobStore, Response
from jobflow.core.reference import OnMissing

from cuprolith.errors import CuprolithError
from workflows.jobs.disk_space import DiskFullError, is_disk_full
from workflows.jobs.execution_order import JobOrder, execution_order
from workflows.jobs.job_log import JobLog
from workflows.jobs.observer import Observer
from workflows.jobs.run_records import (
    HeldOutput,
    HoldingStore,
    JobFailure,
    JobOutcome,
    RunRecords,
    replayed_outcome,
)
from workflows.jobs.side_by_side import SIDE_BY_SIDE, run_side_by_side
from workflows.progress import announce

ALWAYS_RUN = "always_run"


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

    def __init__(
        self,
        store: JobStore,
        records: RunRecords,
        log: JobLog,
        observer: Observer,
        root: Path,
        workers: int,
    ) -> None:
        self.summary = RunSummary()
        self.stopped = False
        self._store = HoldingStore(store)
        self._records = records
        self._log = log
        self._observer = observer
        self._root = root
        self._workers = workers
        self._errored: set[str] = set()
        self._stopped_parents: set[str] = set()
        self._serials: dict[str, int] = {}
        self._kept_serials: dict[tuple[str, int], int] = {}
        self._said_lost = False

    def settle_log(self) -> None:
        """Note the end of a job that a kill kept from the log, though not from the store."""
        last = self._log.last
        if last is None or last.get("event") != "started":
            return
        record = self._records.finished(last["uuid"], last["index"])
        if record is not None and record["finished_at"] >= last["time"]:
            self._log.write(
                "finished",
                last["uuid"],
                last["index"],
                last["name"],
                record["seconds"],
                record["finished_at"],
            )

    def work_off(
        self, flow: Flow | Job | list[Flow | Job], *, allow_external_references: bool
    ) -> None:
        """Run a flow and all it leads to.

        What a job leads to runs before the rest of its flow. A stack instead of recursion lets
        chains of detours be as long as they like, and lets go of what has been run.
        """
        order = execution_order(flow, allow_external_references=allow_external_references)
        self._observer.on_flow(len(order))
        stack = [(order, 0)]
        while stack and not self.stopped:
            jobs, origin = stack[-1]
            if not jobs:
                stack.pop()
                continue
            outcomes = self._visit_next(jobs, origin)
            if not jobs:
                stack.pop()
            for outcome in reversed(outcomes):
                stack.extend(reversed(self._ordered_followers(outcome)))

    def _visit_next(self, jobs: JobOrder, origin: int) -> list[JobOutcome]:
        """Take the next job, or the next ones that go side by side, and run or skip them."""
        if self._workers > 1 and jobs[0][0].metadata.get(SIDE_BY_SIDE):
            return self._visit_together(_taken_together(jobs), origin)
        job, parents = jobs.popleft()
        outcome = self._visit(job, parents, origin)
        return [] if outcome is None else [outcome]

    def _ordered_followers(self, outcome: JobOutcome) -> list[tuple[JobOrder, int]]:
        """Return the flows a job leads to, as the stack has them."""
        added = []
        for follower in outcome.followers:
            # they may refer to jobs outside of them, as in jobflow
            order = execution_order(follower, allow_external_references=True)
            self._observer.on_flow(len(order))
            added.append((order, outcome.serial))
        return added

    def _visit(self, job: Job, parents: frozenset[str], origin: int) -> JobOutcome | None:
        """Run or skip a job; None if it was not run, or failed.

        ``origin`` is the serial of the job that led to it.
        """
        if self._held_up(job, parents):
            return None
        outcome = self._finished_before(job, self._newest(parents, origin)) or self._execute(job)
        return self._noted(job, outcome)

    def _visit_together(
        self, jobs: list[tuple[Job, frozenset[str]]], origin: int
    ) -> list[JobOutcome]:
        """Run or skip jobs none of which needs another; their outcomes in the order of the jobs."""
        outcomes: dict[str, JobOutcome | None] = {}
        runnable: dict[str, Job] = {}
        for job, parents in jobs:
            if self._held_up(job, parents):
                continue
            finished = self._finished_before(job, self._newest(parents, origin))
            if finished is not None:
                outcomes[job.uuid] = self._noted(job, finished)
            elif (resolved := self._resolved(job)) is not None:
                runnable[job.uuid] = resolved
        endings = run_side_by_side(runnable.values(), self._workers, self._root, self._begin)
        with closing(endings):
            for ending in endings:
                job = ending.job
                if ending.error is not None:
                    self._fail(job, ending.error, ending.seconds)
                    continue
                assert ending.output is not None
                assert ending.response is not None
                stored = self._conclude(job, ending.output, ending.response, ending.seconds)
                outcomes[job.uuid] = self._noted(job, stored)
        found = (outcomes.get(job.uuid) for job, _ in jobs)
        return [outcome for outcome in found if outcome is not None]

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

    def _newest(self, parents: frozenset[str], origin: int) -> int:
        """Return the serial of the last job to finish of those a job follows."""
        return max(origin, *(self._serials.get(parent, 0) for parent in parents), 0)

    def _noted(self, job: Job, outcome: JobOutcome | None) -> JobOutcome | None:
        """Remember what a job's outcome means for the jobs after it."""
        if outcome is None:
            return None
        self._serials[job.uuid] = outcome.serial
        if outcome.stop_children:
            self._stopped_parents.add(job.uuid)
        if outcome.stop_jobflow:
            self.stopped = True
        return outcome

    def _finished_before(self, job: Job, newest: int) -> JobOutcome | None:
        """Return the outcome on record; None if there is none, or one older than ``newest``."""
        if job.metadata.get(ALWAYS_RUN):
            return None
        record = self._records.finished(job.uuid, job.index)
        if record is None:
            self._say_why_again(job, newest)
            return None
        if record["serial"] < newest:
            return None
        outcome = replayed_outcome(record)
        if outcome is None:
            return None
        self._log.write("skipped", job.uuid, job.index, job.name)
        self._observer.on_skip(job)
        self.summary.skipped += 1
        return outcome

    def _say_why_again(self, job: Job, newest: int) -> None:
        """Say so if a job runs again since what it gave is damaged or lost.

        It keeps its place in the order, so that nothing that was made from it runs again.
        """
        identity = (job.uuid, job.index)
        damaged = self._records.damaged(*identity)
        if not damaged and identity not in self._log.finished:
            return
        self._kept_serials[identity] = max(self._records.serial(*identity), newest, 1)
        if damaged:
            announce(
                f"warning: {self._records.path}: what {job.name!r} gave is damaged; it runs again, "
                "all else is kept"
            )
        elif not self._said_lost:
            self._said_lost = True
            announce(
                f"warning: {self._records.path} lacks what {job.name!r}, and maybe others, gave, "
                f"though they have finished as {self._log.path} says: they run again. If the file "
                "was copied without the -wal or -journal beside it, or you have a backup, stop "
                "now and put the whole one there"
            )

    def _begin(self, job: Job) -> None:
        self._log.write("started", job.uuid, job.index, job.name)
        self._observer.on_start(job)

    def _resolved(self, job: Job) -> Job | None:
        """Return a copy of a job with outputs in place of references; None if that failed."""
        resolved = copy.copy(job)
        try:
            resolved.resolve_args(store=self._store)
        except Exception as error:  # noqa: BLE001  # as for a job that runs alone
            self._begin(job)
            self._fail(job, error, 0.0)
            return None
        return resolved

    def _execute(self, job: Job) -> JobOutcome | None:
        """Run a job and store what it gave; None if it failed."""
        self._begin(job)
        started = time.perf_counter()
        # resolving references replaces a job's inputs: those of the copy, which is let go of
        runnable = copy.copy(job)
        self._store.expect(job)
        try:
            with chdir(self._root):
                response = runnable.run(store=self._store)
        except Exception as error:  # noqa: BLE001  # whatever a job raises must not end the others
            self._fail(job, error, time.perf_counter() - started)
            return None
        seconds = time.perf_counter() - started
        return self._conclude(runnable, self._store.release(), response, seconds)

    def _conclude(
        self, job: Job, output: HeldOutput, response: Response, seconds: float
    ) -> JobOutcome | None:
        """Store what a job gave; None if that cannot be stored."""
        serial = 0
        if not job.metadata.get(ALWAYS_RUN):
            kept = self._kept_serials.pop((job.uuid, job.index), 0)
            serial = kept or self._records.next_serial()
        outcome = JobOutcome.of(response, serial)
        try:
            self._records.finish(job, output, outcome, seconds)
        except sqlite3.Error:
            raise
        except Exception as error:  # noqa: BLE001  # what the job gave cannot be stored
            self._fail(job, error, seconds)
            return None
        self._log.write("finished", job.uuid, job.index, job.name, seconds)
        self._observer.on_finish(job, seconds)
        self.summary.finished += 1
        return outcome

    def _fail(self, job: Job, error: Exception, seconds: float) -> None:
        """Record a failure, unless it is the disk's and not the job's."""
        if isinstance(error, DiskFullError):  # of a run inside the job
            raise error
        if is_disk_full(error):
            raise store_error(error, self._store) from error
        trace = "".join(traceback.format_exception(error))
        self._errored.add(job.uuid)
        self.summary.failures.append(self._records.fail(job, error, trace))
        self.summary.failed += 1
        self._log.write("failed", job.uuid, job.index, job.name, seconds)
        self._observer.on_fail(job, error)


def _taken_together(jobs: JobOrder) -> list[tuple[Job, frozenset[str]]]:
    """Take the jobs at the front that may run side by side and do not need each other."""
    taken: list[tuple[Job, frozenset[str]]] = []
    uuids: set[str] = set()
    while jobs:
        job, parents = jobs[0]
        if not job.metadata.get(SIDE_BY_SIDE) or parents & uuids:
            break
        taken.append(jobs.popleft())
        uuids.add(job.uuid)
    return taken


def store_error(error: BaseException, store: JobStore) -> CuprolithError:
    """Explain an error of the store or the disk to the user."""
    where = store.docs_store.path
    if is_disk_full(error):
        return DiskFullError(f"no space left on the disk ({error})", where=where)
    return CuprolithError(
        f"the run cannot be recorded: {error}",
        where=where,
        remedy="check the disk and that no other program holds the file, then give the same "
        "command again: it continues",
    )
