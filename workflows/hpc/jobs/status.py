"""Progress of a campaign by stage, and the jobs that need attention."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from workflows.hpc.jobs.campaign_jobs import CampaignJobs, JobGroup, JobRecord
from workflows.hpc.jobs.error_lines import error_line
from workflows.hpc.jobs.job_states import (
    FAILED_STATES,
    REMOTE_ERROR,
    UNDERWAY_STATES,
    WORDS,
    word_of,
)
from workflows.hpc.jobs.node_hours import job_nodes
from workflows.hpc.jobs.runner_status import RunnerStatus, runner_status
from workflows.stage import ordered_stages

if TYPE_CHECKING:
    from jobflow_remote.jobs.jobcontroller import JobController

# No step of jobflow-remote's runner takes as long.
SILENT_AFTER = timedelta(minutes=15)
SHOWN_JOBS = 20
# The rate at which jobs end is that of the last of these spans in which enough did.
_RATE_HOURS = (1, 6, 24, 168)
_ENOUGH_FOR_RATE = 3


class StageStatus(BaseModel):
    """The jobs of one stage on one resource class.

    Attributes
    ----------
    other
        Jobs in other states, by state.
    node_hours
        Of the last attempt of each job, those that run included.
    expected_end
        At the rate at which such jobs finished lately; None if too few did, or nothing is left.
    """

    stage: str
    resource: str
    done: int = 0
    running: int = 0
    waiting: int = 0
    failed: int = 0
    other: dict[str, int] = {}
    node_hours: float = 0.0
    expected_end: datetime | None = None

    @property
    def left(self) -> int:
        """Jobs that have not ended."""
        return self.running + self.waiting


class JobTrouble(BaseModel):
    """A job that needs a look.

    Attributes
    ----------
    kind
        ``failed``: the job ended with an error; ``transfer``: a file could not be moved or the
        scheduler refused; ``retried``: the same, and jobflow-remote tries again by itself;
        ``silent``: nothing has moved it.
    remedy
        Command that fixes it, or shows more.
    """

    db_id: str
    uuid: str
    name: str
    stage: str
    state: str
    kind: str
    error: str
    remedy: str


class CampaignStatus(BaseModel):
    """Progress of a campaign.

    Attributes
    ----------
    expected_end
        End of all jobs that exist now; None if it is unknown for one of the stages.
    troubles
        The last `SHOWN_JOBS` failed jobs, and those that are silent or tried again.
    n_failed
        All failed jobs.
    """

    campaign: str
    time: datetime
    stages: list[StageStatus]
    node_hours: float
    expected_end: datetime | None
    troubles: list[JobTrouble]
    n_failed: int
    runner: RunnerStatus

    @property
    def left(self) -> int:
        """Jobs that have not ended."""
        return sum(stage.left for stage in self.stages)


def campaign_status(
    controller: JobController,
    campaign: str,
    *,
    now: datetime | None = None,
    silent_after: timedelta = SILENT_AFTER,
) -> CampaignStatus:
    """Return the progress of a campaign.

    Parameters
    ----------
    silent_after
        How long nothing may move a job that ought to be moved.
    """
    now = now or datetime.now(UTC)
    jobs = CampaignJobs(controller, campaign)
    stages = _stages(jobs.groups(now), _workers(controller), now)
    failed = [_failure(job) for job in islice(jobs.in_states(*FAILED_STATES), SHOWN_JOBS)]
    held_up = held_up_jobs(controller, jobs, now - silent_after)
    return CampaignStatus(
        campaign=campaign,
        time=now,
        stages=stages,
        node_hours=sum(stage.node_hours for stage in stages),
        expected_end=_last_end(stages),
        troubles=[*held_up, *failed],
        n_failed=sum(stage.failed for stage in stages),
        runner=runner_status(controller),
    )


def held_up_jobs(
    controller: JobController, jobs: CampaignJobs, limit: datetime
) -> list[JobTrouble]:
    """Return the jobs that nothing has moved since `limit`, or that are tried again."""
    limited = limited_workers(controller)
    troubles = []
    for job in jobs.in_states(*UNDERWAY_STATES):
        since = job.silent_since(limit, limited)
        if since is not None:
            held = "locked and " if job.lock_time else ""
            text = f"{held}silent since {since.astimezone():%d %b %H:%M}"
            troubles.append(_trouble(job, "silent", text, f"cuprolith retry {job.db_id}"))
        elif job.remote.get("error"):
            text = f"tried again by itself: {error_line(job.remote['error'])}"
            troubles.append(_trouble(job, "retried", text, f"cuprolith logs {job.db_id}"))
    return troubles


def limited_workers(controller: JobController) -> frozenset[str]:
    """Return the workers that run a limited number of jobs at a time."""
    return frozenset(name for name, worker in _workers(controller).items() if worker.max_jobs)


def _workers(controller: JobController) -> dict[str, Any]:
    return dict(controller.project.workers) if controller.project is not None else {}


def _failure(job: JobRecord) -> JobTrouble:
    if job.state == REMOTE_ERROR:
        text = error_line(job.remote.get("error"))
        return _trouble(job, "transfer", text, f"cuprolith retry {job.db_id}")
    return _trouble(job, "failed", error_line(job.error), f"cuprolith logs {job.db_id}")


def _trouble(job: JobRecord, kind: str, error: str, remedy: str) -> JobTrouble:
    known = {key: getattr(job, key) for key in ("db_id", "uuid", "name", "stage", "state")}
    return JobTrouble(**known, kind=kind, error=error, remedy=remedy)


def _stages(
    groups: Iterable[JobGroup], workers: dict[str, Any], now: datetime
) -> list[StageStatus]:
    by_stage: dict[tuple[str, str], list[JobGroup]] = {}
    for group in groups:
        by_stage.setdefault((group.stage, group.resource or group.worker), []).append(group)
    order = {stage.name: number for number, stage in enumerate(ordered_stages())}
    ordered = sorted(by_stage, key=lambda key: (order.get(key[0], len(order)), key))
    return [_stage(*key, by_stage[key], workers, now) for key in ordered]


def _stage(
    name: str, resource: str, groups: list[JobGroup], workers: dict[str, Any], now: datetime
) -> StageStatus:
    counts: Counter[str] = Counter()
    for group in groups:
        counts[word_of(group.state) or group.state] += group.jobs
    stage = StageStatus(
        stage=name,
        resource=resource,
        done=counts["done"],
        running=counts["running"],
        waiting=counts["waiting"],
        failed=counts["failed"],
        other={state: count for state, count in counts.items() if state not in WORDS},
        node_hours=sum(_node_hours(group, workers) for group in groups),
    )
    if stage.left:
        stage.expected_end = _expected_end(stage.left, groups, now)
    return stage


def _node_hours(group: JobGroup, workers: dict[str, Any]) -> float:
    # A worker that the project no longer has counts as one node.
    resources = getattr(workers.get(group.worker), "resources", None)
    return group.seconds / 3600 * (group.nodes or job_nodes(resources))


def _expected_end(left: int, groups: list[JobGroup], now: datetime) -> datetime | None:
    starts = [group.first_start for group in groups if group.first_start is not None]
    done = [
        (group.hours_ago, group.jobs)
        for group in groups
        if word_of(group.state) == "done" and group.hours_ago is not None
    ]
    for hours in _RATE_HOURS:
        finished = sum(jobs for hours_ago, jobs in done if hours_ago < hours)
        if starts and finished >= _ENOUGH_FOR_RATE:
            return now + min(timedelta(hours=hours), now - min(starts)) * (left / finished)
    return None


def _last_end(stages: list[StageStatus]) -> datetime | None:
    ends = [stage.expected_end for stage in stages if stage.left]
    known = [end for end in ends if end is not None]
    return max(known) if known and len(known) == len(ends) else None
