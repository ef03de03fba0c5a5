"""Run jobflow flows on one machine, and continue where an earlier run was stopped or killed.

Semantics are those of ``jobflow.run_locally``; in addition, a job that is finished in the store is
not run again, and what its ``Response`` led to is taken up from the store.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable
from pathlib import Path

from jobflow import Flow, Job, JobStore

from workflows.jobs.disk_space import is_disk_full
from workflows.jobs.job_log import JobLog
from workflows.jobs.job_run import ALWAYS_RUN, Run, RunSummary, store_error
from workflows.jobs.observer import Observer, SilentObserver
from workflows.jobs.run_records import RunRecords

__all__ = ["ALWAYS_RUN", "RunSummary", "run_flow", "run_flows"]


def run_flow(
    flow: Flow | Job | list[Flow | Job],
    store: JobStore,
    observer: Observer | None = None,
    *,
    log_path: Path | None = None,
    root_dir: Path | None = None,
    allow_external_references: bool = False,
    workers: int = 1,
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
    workers
        Jobs with ``metadata["side_by_side"]`` that stand together in a flow run in processes of
        their own, so many at a time
        (:func:`~workflows.jobs.side_by_side.run_side_by_side`); all others run alone, in this
        process. A kill loses the jobs in progress.

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
        workers=workers,
    )


def run_flows(
    flows: Iterable[Flow | Job | list[Flow | Job]],
    store: JobStore,
    observer: Observer | None = None,
    *,
    log_path: Path | None = None,
    root_dir: Path | None = None,
    allow_external_references: bool = False,
    workers: int = 1,
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
            run = Run(store, records, log, observer or SilentObserver(), root, workers)
            run.settle_log()
            for flow in flows:
                run.work_off(flow, allow_external_references=allow_external_references)
                if run.stopped:
                    break
    except sqlite3.Error as error:
        raise store_error(error, store) from error
    except OSError as error:
        if is_disk_full(error):
            raise store_error(error, store) from error
        raise
    finally:
        records.close()
    run.summary.seconds = time.perf_counter() - started
    return run.summary
