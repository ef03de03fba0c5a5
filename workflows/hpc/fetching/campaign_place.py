"""Where a submitted campaign lies: its folder on the cluster, and a worker that leads there."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from cuprolith.errors import CuprolithError
from workflows.hpc.job_metadata import WORKDIR, in_database, of_campaign

if TYPE_CHECKING:
    from jobflow_remote.jobs.jobcontroller import JobController


@dataclass(frozen=True)
class CampaignPlace:
    """The folder of a campaign as all its jobs see it, and the name of a worker."""

    workdir: PurePosixPath
    worker: str


def campaign_place(
    controller: JobController, campaign: str, workdir: str | None = None
) -> CampaignPlace:
    """Return where a campaign lies, as the metadata of its jobs say.

    Parameters
    ----------
    workdir
        Which folder is meant, where a campaign was submitted to several.

    Raises
    ------
    CuprolithError
        If its jobs name no folder, or several, or none of their workers is in the project.
    """
    project = controller.project
    assert project is not None
    jobs_on: defaultdict[str, Counter[str]] = defaultdict(Counter)
    group = {"_id": {"workdir": f"${in_database(WORKDIR)}", "worker": "$worker"}, "n": {"$sum": 1}}
    matching = {"$match": of_campaign(campaign)}
    for found in controller.jobs.aggregate([matching, {"$group": group}]):
        if folder := found["_id"].get("workdir"):
            jobs_on[folder][found["_id"]["worker"]] += found["n"]
    folder = _the_folder(campaign, sorted(jobs_on), workdir)
    for worker, _ in jobs_on[folder].most_common():
        if worker in project.workers:
            return CampaignPlace(PurePosixPath(folder), worker)
    raise CuprolithError(
        f"campaign {campaign} ran on {', '.join(sorted(jobs_on[folder]))}, and project "
        f"{project.name} has no such worker",
        remedy="name the --project that it was submitted with",
    )


def _the_folder(campaign: str, folders: list[str], given: str | None) -> str:
    if given in folders or (given is None and len(folders) == 1):
        return given or folders[0]
    if given is not None:
        raise CuprolithError(
            f"no jobs of campaign {campaign} have this folder",
            where=given,
            remedy=f"one of: {', '.join(folders) or 'none'}",
        )
    if folders:
        raise CuprolithError(
            f"campaign {campaign} lies in several folders: {', '.join(folders)}",
            remedy="specify one with --from",
        )
    raise CuprolithError(
        f"the jobs of campaign {campaign} do not say where its folder is",
        remedy="only campaigns sent by `cuprolith submit` can be fetched",
    )
