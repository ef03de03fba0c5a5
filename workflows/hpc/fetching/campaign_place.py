"""Where a submitted campaign is: its folder on the cluster, and a worker whose host has it."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from cuprolith.errors import CuprolithError
from workflows.hpc.job_metadata import WORKDIR, in_database, of_campaign

if TYPE_CHECKING:
    from jobflow_remote.jobs.jobcontroller import JobController


def campaign_place(
    controller: JobController, campaign: str, workdir: str | None = None
) -> tuple[PurePosixPath, str]:
    """Return the folder of a campaign as its jobs' metadata have it, and the name of a worker.

    Parameters
    ----------
    workdir
        Which folder, if a campaign was submitted to several.

    Raises
    ------
    CuprolithError
        If its jobs name no folder, or several, or none of their workers is in the project.
    """
    project = controller.project
    assert project is not None
    key, query = in_database(WORKDIR), of_campaign(campaign)
    folders = sorted(filter(None, controller.jobs.distinct(key, query)))
    shown = ", ".join(folders)
    if not folders:
        raise CuprolithError(
            f"the jobs of campaign {campaign} do not say where its folder is",
            remedy="only campaigns sent by `cuprolith submit` can be fetched",
        )
    if workdir is None and len(folders) > 1:
        raise CuprolithError(
            f"campaign {campaign} is in several folders: {shown}", remedy="specify one with --from"
        )
    folder = workdir or folders[0]
    if folder not in folders:
        message = f"no jobs of campaign {campaign} have this folder"
        raise CuprolithError(message, where=folder, remedy=f"one of: {shown}")
    workers = sorted(controller.jobs.distinct("worker", {**query, key: folder}))
    known = [worker for worker in workers if worker in project.workers]
    if not known:
        raise CuprolithError(
            f"campaign {campaign} ran on {', '.join(workers)}, and project {project.name} has no "
            "such worker",
            remedy="name the --project that it was submitted with",
        )
    return PurePosixPath(folder), known[0]
