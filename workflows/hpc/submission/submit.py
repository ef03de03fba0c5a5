"""Send a campaign to a queue; again, and only what is missing is added."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from workflows.campaign import Campaign
from workflows.environment import cuprolith_version
from workflows.errors import CuprolithError
from workflows.hpc.fetching.campaign_folder import CampaignFolder, worker_host
from workflows.hpc.job_metadata import (
    CAMPAIGN,
    STAGE,
    SUPERSEDED,
    WORKDIR,
    in_database,
    of_campaign,
)
from workflows.hpc.jobs.campaign_jobs import CampaignJobs
from workflows.hpc.jobs.job_states import FAILED_STATES, STOPPED_STATES, UNDERWAY_STATES
from workflows.hpc.jobs.stopping import update_flow_states
from workflows.hpc.resource_classes import ResourceClass
from workflows.hpc.setup.project import project_settings
from workflows.hpc.setup.settings import HpcSettings
from workflows.hpc.submission.queue_file import (
    QueueFile,
    routes,
    write_queue_file,
)
from workflows.hpc.submission.stage_jobs import LAST_STAGE, campaign_flow
from workflows.workdir import Workdir

if TYPE_CHECKING:
    from jobflow_remote.config.base import Project
    from jobflow_remote.jobs.jobcontroller import JobController

_FIRST_WORKER: ResourceClass = "cpu"
_BEING_WRITTEN = timedelta(seconds=30)


@dataclass(frozen=True)
class Submission:
    """What a submission has done.

    Attributes
    ----------
    n_jobs
        Jobs added: the stages, which add all others.
    underway
        Jobs of an earlier submission that go on; nothing was added then.
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
                f"campaign {self.campaign} is in the queue already ({self.underway} jobs ready or "
                "underway); nothing added"
            )
        if self.finished:
            return f"campaign {self.campaign} is finished; nothing added"
        return f"campaign {self.campaign}: {self.n_jobs} stages added, in {self.workdir}"


def submit(
    campaign: Campaign,
    controller: JobController,
    *,
    workdir: PurePosixPath | None = None,
    update: bool = False,
) -> Submission:
    """Bring a campaign to the cluster and add its flow to the queue.

    While jobs of an earlier submission are ready or underway nothing is added. Otherwise a new
    flow is, whose label jobs and trials are those that have given no result yet.

    Parameters
    ----------
    controller
        jobflow-remote's, of a project made by `cuprolith hpc init`.
    workdir
        Full path on the cluster's file system; by default that of the earlier submission, or
        ``<work_dir>/campaigns/<name>``.
    update
        Accept a campaign that differs from the one there; finished labels that it still asks for
        are kept.

    Raises
    ------
    CuprolithError
        If another campaign is there and `update` is false, or the cluster cannot be reached.
    """
    project = controller.project
    assert project is not None
    settings = project_settings(project)
    earlier = _EarlierFlows(controller, campaign.name)
    earlier.remove_cut_off()
    place = workdir or earlier.workdir() or _default_workdir(settings, campaign)
    if underway := earlier.n_underway():
        return Submission(campaign.name, place, underway=underway)
    queue = QueueFile(
        campaign=campaign.name,
        project=project.name,
        version=cuprolith_version(),
        submission=earlier.count,
        routes=routes(settings),
        dft_large_from_atoms=settings.dft_large_from_atoms,
    )
    finished = earlier.is_finished()
    with _opened(project, place) as folder:
        changed = _bring(campaign, folder, queue, update=update, finished=finished)
    if finished and not changed:
        return Submission(campaign.name, place, finished=True)
    earlier.supersede()
    flow = campaign_flow(Workdir(Path(place)), queue, tunes=campaign.tuning is not None)
    try:
        added = controller.add_flow(flow, worker=queue.routes[_FIRST_WORKER].worker)
    except ValueError as error:  # the ids are there: somebody else has just submitted it
        raise CuprolithError(
            f"the campaign was submitted by another process meanwhile ({error})",
            remedy=f"see `cuprolith status {campaign.name}`",
        ) from error
    return Submission(campaign.name, place, n_jobs=len(added))


class _EarlierFlows:
    """Flows of earlier submissions of a campaign in the database."""

    def __init__(self, controller: JobController, campaign: str) -> None:
        self._controller = controller
        self._campaign = campaign
        self._jobs = CampaignJobs(controller, campaign)
        self._flows = self._found()

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._flows)

    def workdir(self) -> PurePosixPath | None:
        """Return where the last one works; None if there is none."""
        return PurePosixPath(self._flows[-1]["metadata"][WORKDIR]) if self._flows else None

    def n_underway(self) -> int:
        """Count the jobs that are ready or underway; those that only wait may wait for ever."""
        return sum(1 for _ in self._jobs.in_states("READY", *UNDERWAY_STATES))

    def is_finished(self) -> bool:
        """Whether the last one has done all that there was to do.

        It has not where a job failed, or was tried again with success after the report.
        """
        if not self._flows:
            return False
        uuids = {"uuid": {"$in": self._flows[-1]["jobs"]}}
        report = self._controller.jobs.find_one(
            {**uuids, in_database(STAGE): LAST_STAGE, "state": "COMPLETED"},
            ["start_time", "db_id"],
        )
        if report is None or report.get("start_time") is None:
            return False
        behind = {"db_id": {"$ne": report["db_id"]}, "end_time": {"$gt": report["start_time"]}}
        undone = [{"state": {"$in": list(FAILED_STATES)}}, behind]
        return bool(self._controller.jobs.find_one({**uuids, "$or": undone}, ["_id"]) is None)

    def remove_cut_off(self) -> None:
        """Remove a flow that a killed submission has left without some of its jobs.

        jobflow-remote writes the flow first, then the jobs. Whatever ran of it has left its
        results in the workdir, where those of the next submission find them.

        Raises
        ------
        CuprolithError
            If it was written a moment ago: somebody may be writing the jobs.
        """
        for flow in self._flows:
            present = self._controller.jobs.count_documents({"uuid": {"$in": flow["jobs"]}})
            if present == len(flow["jobs"]):
                continue
            if datetime.now(UTC) - flow["created_on"].replace(tzinfo=UTC) < _BEING_WRITTEN:
                raise CuprolithError(
                    f"campaign {self._campaign} is being submitted, or that was just cut off",
                    remedy=f"give the command again in {_BEING_WRITTEN.seconds} s",
                )
            self._controller.jobs.delete_many({"uuid": {"$in": flow["jobs"]}})
            self._controller.flows.delete_one({"uuid": flow["uuid"]})
        self._flows = self._found()

    def supersede(self) -> None:
        """Stop jobs of earlier flows that wait for failed ones: a new flow does what they did."""
        campaign = of_campaign(self._campaign)
        ended = {"state": {"$in": [*FAILED_STATES, *STOPPED_STATES]}}
        mark = {in_database(SUPERSEDED): True}
        self._controller.jobs.update_many({**campaign, **ended}, {"$set": mark})
        stopped = {**mark, "state": "USER_STOPPED", "updated_on": datetime.now(UTC)}
        waiting = {**campaign, "state": "WAITING"}
        if not self._controller.jobs.update_many(waiting, {"$set": stopped}).modified_count:
            return
        update_flow_states(self._controller, (flow["uuid"] for flow in self._flows))

    def _found(self) -> list[dict[str, Any]]:
        query = {f"metadata.{CAMPAIGN}": self._campaign}
        return list(self._controller.flows.find(query).sort("created_on", 1))


def _default_workdir(settings: HpcSettings, campaign: Campaign) -> PurePosixPath:
    return PurePosixPath(settings.work_dir) / "campaigns" / campaign.name


@contextmanager
def _opened(project: Project, place: PurePosixPath) -> Iterator[CampaignFolder]:
    with worker_host(project, _FIRST_WORKER) as host:
        folder = CampaignFolder(host, place)
        folder.make()
        yield folder


def _bring(
    campaign: Campaign, folder: CampaignFolder, queue: QueueFile, *, update: bool, finished: bool
) -> bool:
    """Freeze the campaign in the workdir on the cluster; return whether another was there."""
    with tempfile.TemporaryDirectory() as scratch:
        local = Workdir(Path(scratch) / "workdir")
        known = local.campaign_yaml.relative_to(local.root).as_posix()
        if folder.exists(known):
            folder.get(known, local.campaign_yaml)
        before = local.campaign().campaign_hash if local.campaign_yaml.exists() else None
        frozen = local.freeze(campaign, update=update)
        changed = before != frozen.campaign_hash
        if changed or not finished:
            write_queue_file(local, queue)
            folder.put_tree(local.root)
    return changed
