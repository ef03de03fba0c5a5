"""Run jobs side by side on one machine, each in a process of its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterable

from jobflow import Job
from monty.json import MontyDecoder, MontyEncoder

from workflows.jobs.disk_space import DiskFullError, is_disk_full
from workflows.jobs.job_execution import JobOutcome, finished_outcome, run_job
from workflows.jobs.job_folder import JobFolder
from workflows.jobs.processes import even_shares, run_in_processes

SIDE_BY_SIDE = "side_by_side"
"""Metadata of jobs that may run beside their neighbours in a flow."""


def run_side_by_side(
    folder: JobFolder,
    jobs: Iterable[Job],
    origin: str | None,
    workers: int,
    on_start: Callable[[Job], None],
) -> Generator[tuple[Job, JobOutcome | None, Exception | None, float], None, None]:
    """Run jobs in processes, at most so many at a time, and yield how they end as they do.

    Parameters
    ----------
    folder
        Has the results of the jobs that these need, and takes theirs.
    origin
        Name of the result that has led to the jobs.
    on_start
        Called before each job.

    Yields
    ------
    Job, its outcome or its error, and seconds.
    """
    by_uuid = {job.uuid: job for job in jobs}
    # Names first: it is what the process is told by.
    items = [
        (uuid, json.dumps(job, cls=MontyEncoder), folder, origin) for uuid, job in by_uuid.items()
    ]
    endings = run_in_processes(
        _run, items, even_shares(workers), lambda item: on_start(by_uuid[item[0]])
    )
    try:
        for (uuid, *_), error, seconds in endings:
            job = by_uuid[uuid]
            yield job, None if error else finished_outcome(folder, job), error, seconds
    finally:
        endings.close()


def _run(item: tuple[str, str, JobFolder, str | None]) -> None:
    _, stored, folder, origin = item
    try:
        run_job(folder, MontyDecoder().decode(stored), origin)
    except Exception as error:
        if is_disk_full(error) and not isinstance(error, DiskFullError):
            # Its cause, by which it is known, does not come along to the parent.
            raise DiskFullError(f"no space left on the disk ({error})") from error
        raise
