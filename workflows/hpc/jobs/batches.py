"""Jobs that were handed to a batch worker, which takes them from a folder on the cluster."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jobflow_remote.jobs.batch import RemoteBatchManager
    from jobflow_remote.jobs.jobcontroller import JobController

    from workflows.hpc.jobs.campaign_jobs import JobRecord

# A job that goes from one folder to the next is in neither for a moment.
_LOOKS = 2


def is_in_batches(controller: JobController, job: JobRecord) -> bool:
    """Return whether a job waits or runs in a batch, or has run in one and nobody noticed."""
    with _batches(controller, job.worker) as batches:
        return batches is not None and any(_is_there(batches, job) for _ in range(_LOOKS))


def withdraw_from_batches(controller: JobController, job: JobRecord) -> bool:
    """Take back a job that no batch has begun with; return whether it was there to be taken."""
    with _batches(controller, job.worker) as batches:
        if batches is None or not _waits(batches, job):
            return False
        try:
            batches.host.remove(batches.submitted_dir / f"{job.uuid}_{job.index}")
        except OSError:  # a batch was faster
            return False
        return True


@contextmanager
def _batches(controller: JobController, worker: str) -> Iterator[RemoteBatchManager | None]:
    """Open the folder of a worker's batches; None if it runs none."""
    from jobflow_remote.jobs.batch import RemoteBatchManager
    from jobflow_remote.utils.remote import SharedHosts

    assert controller.project is not None
    batch = controller.project.workers[worker].batch
    if batch is None:
        yield None
        return
    with SharedHosts(controller.project) as hosts:
        yield RemoteBatchManager(hosts.get_host(worker), batch.jobs_handle_dir)


def _waits(batches: RemoteBatchManager, job: JobRecord) -> bool:
    return f"{job.uuid}_{job.index}" in batches.get_submitted()


def _is_there(batches: RemoteBatchManager, job: JobRecord) -> bool:
    # in the order in which jobs go through the folders
    return _waits(batches, job) or any(
        taken[:2] == (job.uuid, job.index)
        for taken in (*batches.get_running(), *batches.get_run_finished())
    )
