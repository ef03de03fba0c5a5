"""Submit a campaign to a queue. Resubmitting adds only the jobs that are still missing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from cuprolith.errors import CuprolithError
from cuprolith.words import plural
from workflows.environment import cuprolith_version
from workflows.hpc.setup.project import project_settings
from workflows.hpc.submission.campaign_folder import CampaignFolder, worker_host
from workflows.hpc.submission.earlier_flows import EarlierFlows, JobsUnderway, last_workdir
from workflows.hpc.submission.frozen_campaign import FrozenCampaign
from workflows.hpc.submission.queue_file import QueueFile, routes
from workflows.hpc.submission.stage_jobs import campaign_flow
from workflows.inputs.campaign import Campaign
from workflows.resource_classes import ResourceClass
from workflows.workdir import Workdir

if TYPE_CHECKING:
    from jobflow_remote.jobs.jobcontroller import JobController

_FIRST_WORKER: ResourceClass = "cpu"


@dataclass(frozen=True)
class Submission:
    """What a submission has done.

    Attributes
    ----------
    n_jobs
        Jobs added: the stages, which add all others.
    underway
        Jobs of an earlier submission that are ready or underway; nothing was added then.
    finished
        Whether an earlier submission has done all of it; nothing was added then.
    workdir
        Of the campaign, as the nodes see it.
    """

    campaign: str
    workdir: PurePosixPath
    n_jobs: int = 0
    underway: int = 0
    finished: bool = False

    def __str__(self) -> str:
        """One line for the terminal."""
        if self.underway:
            return (
                f"campaign {self.campaign} is in the queue already "
                f"({plural(self.underway, 'job')} ready or underway); nothing added"
            )
        if self.finished:
            return f"campaign {self.campaign} is finished; nothing added"
        return f"campaign {self.campaign}: {plural(self.n_jobs, 'stage')} added, in {self.workdir}"


def submit(
    campaign: Campaign,
    controller: JobController,
    *,
    workdir: PurePosixPath | None = None,
    update: bool = False,
) -> Submission:
    """Copy a campaign to the cluster and add its flow to the queue.

    While jobs of an earlier submission are ready or underway, nothing is added or changed.
    Otherwise a new flow is added, with the jobs that have no result yet.

    A flow has the hash of the campaign file that it was made for. A submission that was killed has
    left a file without a flow; the next one adds that flow.

    Parameters
    ----------
    controller
        jobflow-remote's, of a project made by `cuprolith hpc init`.
    workdir
        Full path on the cluster's file system; by default that of the last submission, or
        ``<work_dir>/campaigns/<name>``.
    update
        Accept a campaign that differs from the one there; finished labels that still fit are kept.

    Raises
    ------
    CuprolithError
        If the folder holds another campaign and `update` is false; if jobs are underway of another
        campaign in the folder, or of this one with other settings; or if the cluster cannot be
        reached.
    """
    project = controller.project
    assert project is not None
    settings = project_settings(project)
    default = PurePosixPath(settings.work_dir) / "campaigns" / campaign.name
    place = workdir or last_workdir(controller, campaign.name) or default
    earlier = EarlierFlows(controller, campaign.name, place)
    earlier.remove_incomplete()
    underway = next(iter(earlier.underway()), None)
    at = place if underway is None else PurePosixPath(underway.workdir)
    with TemporaryDirectory() as scratch, worker_host(project, _FIRST_WORKER) as host:
        frozen = FrozenCampaign(campaign, CampaignFolder(host, at), Path(scratch))
        if underway is not None:
            _require_same_underway(campaign.name, underway, frozen)
            return Submission(campaign.name, at, underway=underway.count)
        if not update:
            frozen.require_same()
        if _is_done(earlier, frozen):
            return Submission(campaign.name, place, finished=True)
        queue = QueueFile(
            campaign=campaign.name,
            project=project.name,
            version=cuprolith_version(),
            submission=earlier.next_submission,
            campaign_hash=frozen.hash,
            routes=routes(settings),
            dft_large_from_atoms=settings.dft_large_from_atoms,
        )
        frozen.put(queue)
    earlier.supersede()
    flow = campaign_flow(Workdir(Path(place)), queue, campaign)
    try:
        added = controller.add_flow(flow, worker=queue.routes[_FIRST_WORKER].worker)
    except ValueError as error:  # the ids exist: somebody else has just submitted it
        raise CuprolithError(
            f"the campaign was submitted by another process meanwhile ({error})",
            remedy=f"see `cuprolith status {campaign.name}`",
        ) from error
    return Submission(campaign.name, place, n_jobs=len(added))


def _require_same_underway(name: str, underway: JobsUnderway, frozen: FrozenCampaign) -> None:
    """Raise unless the jobs underway are those of the campaign to submit, unchanged.

    Raises
    ------
    CuprolithError
        With what differs, and what to do.
    """
    working = underway.campaign
    wait = (
        f"wait until `cuprolith status {working}` shows that all jobs have ended, or stop them "
        f"with `cuprolith cancel --all --campaign {working}`; then "
    )
    if working != name:
        raise CuprolithError(
            f"campaign {working} has {plural(underway.count, 'job')} ready or underway in this "
            "folder; nothing changed, nothing added",
            where=underway.workdir,
            remedy=f"use another --workdir; or {wait}`cuprolith submit` with --update",
        )
    if differences := frozen.differences():
        raise CuprolithError(
            f"campaign {name} is in the queue already, and this file differs from it; nothing "
            "changed, nothing added. It differs in\n    " + "\n    ".join(differences),
            where=underway.workdir,
            remedy=f"{wait}run `cuprolith submit` on this file with --update",
        )


def _is_done(earlier: EarlierFlows, frozen: FrozenCampaign) -> bool:
    """Return whether the last flow in the folder was made for this campaign and is finished."""
    return (
        bool(frozen.present_hash)
        and frozen.present_hash == earlier.last_hash()
        and not frozen.differences()
        and earlier.is_finished()
    )
