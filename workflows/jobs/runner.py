"""Run jobflow flows on one machine, and continue where an earlier run was stopped or killed.

Semantics are those of ``jobflow.run_locally``; in addition, a job that is finished in the store is
not run again, and what its ``Response`` led to is taken up from the store.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

from jobflow import Flow, Job

from workflows.jobs.disk_space import is_disk_full
from workflows.jobs.job_execution import ALWAYS_RUN
from workflows.jobs.job_folder import JobFolder, unwritable
from workflows.jobs.job_log import JobLog
from workflows.jobs.job_run import Run, RunSummary
from workflows.jobs.observer import Observer, SilentObserver

__all__ = ["ALWAYS_RUN", "RunSummary", "run_flow", "run_flows"]


def run_flow(
    flow: Flow | Job | list[Flow | Job],
    folder: JobFolder,
    observer: Observer | None = None,
    *,
    log_path: Path | None = None,
    allow_external_references: bool = False,
) -> RunSummary:
    """Run the jobs of a flow that are not finished in the folder, one after another.

    Output and ``Response`` of a job are committed together, so that a kill at any moment loses
    the job in progress only, and the jobs that finished jobs lead to are found again. A finished
    job is known by its uuid and index: makers give their jobs uuids of their own
    (:func:`~workflows.jobs.job_ids.stable_uuid`). Jobs with ``metadata["always_run"]`` run each
    time.

    A job that ends in an exception is recorded (:meth:`JobFolder.failures`), the others continue,
    and the next run tries it again.

    A finished job runs again if it was made from other results than those that the jobs before it,
    and the one that led to it, give now: say, it ran without the output of a parent that had failed
    then (``on_missing_references``). A result that is lost or damaged is made again alone.

    Parameters
    ----------
    folder
        Where the results are, and where the jobs run.
    log_path
        One JSON line per event is appended to this file.
    allow_external_references
        Let jobs use outputs of jobs outside the flow.

    Raises
    ------
    DiskFullError
        If there is no space left; what is finished stays.
    UnwritableFolderError
        If the folder cannot be written for another reason.
    ValueError
        If the flow cannot be ordered, see :func:`~workflows.jobs.execution_order.execution_order`.
    """
    return run_flows(
        [flow],
        folder,
        observer,
        log_path=log_path,
        allow_external_references=allow_external_references,
    )


def run_flows(
    flows: Iterable[Flow | Job | list[Flow | Job]],
    folder: JobFolder,
    observer: Observer | None = None,
    *,
    log_path: Path | None = None,
    allow_external_references: bool = False,
) -> RunSummary:
    """Run flows one after another, as :func:`run_flow` does one.

    They are taken from the iterable one at a time, so that with a generator only one is in
    memory. With ``allow_external_references`` a flow may depend on those before it: a job that
    failed or stopped its children counts for later flows as well. ``stop_jobflow`` ends the whole
    run.
    """
    started = time.perf_counter()
    # A job may change the working directory.
    folder = JobFolder(folder.root.resolve(), folder.directory.resolve())
    try:
        with JobLog(log_path) as log:
            run = Run(folder, log, observer or SilentObserver())
            run.settle_log()
            for flow in flows:
                run.work_off(flow, allow_external_references=allow_external_references)
                if run.stopped:
                    break
    except OSError as error:
        if is_disk_full(error):
            raise unwritable(error, folder.root) from error
        raise
    run.summary.seconds = time.perf_counter() - started
    return run.summary
