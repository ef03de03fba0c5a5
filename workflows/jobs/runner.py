"""Run jobflow flows serially, and continue where an earlier run was stopped or killed.

Semantics are those of ``jobflow.run_locally``; in addition, a job that is finished in the store is
not run again, and what its ``Response`` led to is taken up from the store.
"""

from __future__ import annotations

import copy
import sqlite3
import time
import traceback
from collections.abc import Iterable
from contextlib import chdir
from dataclasses import dataclass, field
from pathlib import Path

from jobflow import Flow, Job, JobStore
from jobflow.core.reference import OnMissing

from workflows.errors import CuprolithError
from workflows.jobs.disk_space import DiskFullError, is_disk_full
from workflows.jobs.execution_order import JobOrder, execution_order
from workflows.jobs.job_log import JobLog
from workflows.jobs.observer import Observer, SilentObserver
from workflows.jobs.run_records import (
    HoldingStore,
    JobFailure,
    JobOutcome,
    RunRecords,
    replayed_outcome,
)

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


def run_flow(
    flow: Flow | Job | list[Flow | Job],
    store: JobStore,
    observer: Observer | None = None,
    *,
    log_path: Path | None = None,
    root_dir: Path | None = None,
    allow_external_references: bool = False,
) -> RunSummary:
    """Run the jobs of a flow that are not finished in the store, one after another.

    Output and ``Response`` of a job are committed together, so that a kill at any moment loses
    the job in progress only, and the jobs that finished jobs lead to are found again. A finished
    job is known by its uuid and index: makers give their jobs uuids of their own
    (:func:`~workflows.jobs.job_ids.stable_uuid`). Jobs with ``metadata["always_run"]`` run each
    time.

    A job that ends in an exception is recorded
    (:func:`~workflows.jobs.run_records.failed_jobs`), the others go on, and the next run tries it
    again.

    As with ``make``, a finished job runs again if a job it depends on, or the one that led to it,
    has finished after it: say, it ran without the output of a parent that had failed then
    (``on_missing_references``), or that output was removed from the store. Jobs that always run do
    not make those after them outdated.

    Parameters
    ----------
    store
        Made by :func:`~workflows.store.sqlite_store.job_store`; left connected.
    log_path
        One JSON line per event is appended to this file.
    root_dir
        Working directory of the jobs; the current one by default.
    allow_external_references
        Let jobs use outputs of jobs outside the flow.

    Raises
    ------
    DiskFullError
        If there is no space left; what is finished stays.
    CuprolithError
        If the store cannot be written for another reason.
    ValueError
        If the flow cannot be ordered, see :func:`~workflows.jobs.execution_order.execution_order`.
    """
    return run_flows(
        [flow],
        store,
        observer,
        log_path=log_path,
        root_dir=root_dir,
        allow_external_references=allow_external_references,
    )


def run_flows(
    flows: Iterable[Flow | Job | list[Flow | Job]],
    store: JobStore,
    observer: Observer | None = None,
    *,
    log_path: Path | None = None,
    root_dir: Path | None = None,
    allow_external_references: bool = False,
) -> RunSummary:
    """Run flows one after another, as :func:`run_flow` does one.

    They are taken from the iterable one at a time, so that with a generator only one is in
    memory. With ``allow_external_references`` a flow may depend on those before it: a job that
    failed or stopped its children counts for later flows as well. ``stop_jobflow`` ends the whole
    run.
    """
    started = time.perf_counter()
    root = Path.cwd() if root_dir is None else root_dir.resolve()
    root.mkdir(parents=True, exist_ok=True)
    store.connect()
    records = RunRecords(store)
    try:
        with JobLog(log_path) as log:
            run = _Run(store, records, log, observer or SilentObserver(), root)
            run.settle_log()
            for flow in flows:
                run.work_off(flow, allow_external_references=allow_external_references)
                if run.stopped:
                    break
    except sqlite3.Error as error:
        raise _store_error(error, store) from error
    except OSError as error:
        if is_disk_full(error):
            raise _store_error(error, store) from error
        raise
    finally:
        records.close()
    run.summary.seconds = time.perf_counter() - started
    return run.summary


class _Run:
    """State of one run."""

    def __init__(
        self, store: JobStore, records: RunRecords, log: JobLog, observer: Observer, root: Path
    ) -> None:
        self.summary = RunSummary()
        self.stopped = False
        self._store = HoldingStore(store)
        self._records = records
        self._log = log
        self._observer = observer
        self._root = root
        self._errored: set[str] = set()
        self._stopped_parents: set[str] = set()
        self._serials: dict[str, int] = {}

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
            job, parents = jobs.popleft()
            outcome = self._visit(job, parents, origin)
            del job
            if not jobs:
                stack.pop()
            if outcome is not None:
                stack.extend(reversed(self._ordered_followers(outcome)))

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
        if parents & self._stopped_parents:
            self._stopped_parents.add(job.uuid)
            self.summary.not_run += 1
            return None
        if parents & self._errored and job.config.on_missing_references == OnMissing.ERROR:
            self._errored.add(job.uuid)
            self.summary.not_run += 1
            return None
        newest = max((self._serials.get(parent, 0) for parent in parents), default=0)
        outcome = self._finished_before(job, max(newest, origin)) or self._execute(job)
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
        if record is None or record["serial"] < newest:
            return None
        outcome = replayed_outcome(record)
        if outcome is None:
            return None
        self._log.write("skipped", job.uuid, job.index, job.name)
        self._observer.on_skip(job)
        self.summary.skipped += 1
        return outcome

    def _execute(self, job: Job) -> JobOutcome | None:
        """Run a job and store what it gave; None if it failed."""
        self._log.write("started", job.uuid, job.index, job.name)
        self._observer.on_start(job)
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
        serial = 0 if job.metadata.get(ALWAYS_RUN) else self._records.next_serial()
        outcome = JobOutcome.of(response, serial)
        seconds = time.perf_counter() - started
        try:
            self._records.finish(runnable, self._store.release(), outcome, seconds)
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
            raise _store_error(error, self._store) from error
        trace = "".join(traceback.format_exception(error))
        self._errored.add(job.uuid)
        self.summary.failures.append(self._records.fail(job, error, trace))
        self.summary.failed += 1
        self._log.write("failed", job.uuid, job.index, job.name, seconds)
        self._observer.on_fail(job, error)


def _store_error(error: BaseException, store: JobStore) -> CuprolithError:
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
