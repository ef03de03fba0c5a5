"""Finding a job that was submitted, though the database does not know: in the queue."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from cuprolith.errors import CuprolithError

if TYPE_CHECKING:
    from jobflow_remote.jobs.jobcontroller import JobController

_SQUEUE = "squeue --noheader --format='%A %Z'"


def queue_id_of_folder(controller: JobController, worker: str, folder: str) -> str | None:
    """Return the queue's id of the job that was submitted from a folder; None if there is none.

    jobflow-remote gives each job a folder named after it, and submits from there. Where there are
    links, the queue knows the folders above by other names.

    Raises
    ------
    CuprolithError
        If the scheduler cannot be asked, or does not answer.
    """
    from jobflow_remote.utils.remote import SharedHosts

    assert controller.project is not None
    described = controller.project.workers[worker]
    if described.scheduler_type != "slurm":
        raise CuprolithError(
            f"the scheduler of worker {worker} cannot be asked for the job of a folder",
            where=folder,
            remedy="look whether the job is in the queue, end it there, then `jf admin unlock`",
        )
    with SharedHosts(controller.project) as hosts:
        output, error, code = hosts.get_host(worker).execute(_SQUEUE)
    if code:
        raise CuprolithError(
            f"squeue failed on worker {worker}: {error.strip() or output.strip()}",
            remedy="mend that first: else a job could be submitted twice",
        )
    for line in output.splitlines():
        job_id, _, submitted_from = line.strip().partition(" ")
        if PurePosixPath(submitted_from).name == PurePosixPath(folder).name:
            return job_id
    return None
