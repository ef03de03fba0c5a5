"""The jobs of one campaign in jobflow-remote's database, counted and chosen by the server.

A job belongs to the campaign that its metadata name under ``campaign``; ``stage`` and ``resource``
beside it say what it is for and on which class of worker it runs. Jobs that a job adds while it
runs inherit them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cuprolith.errors import CuprolithError
from workflows.hpc.job_metadata import CAMPAIGN, STAGE, SUPERSEDED, in_database, of_campaign
from workflows.hpc.jobs.job_states import ON_A_NODE, PASSING_STATES, UNDERWAY_STATES
from workflows.tuning.resources import RESOURCE

if TYPE_CHECKING:
    from jobflow_remote.jobs.jobcontroller import JobController

PROBE_CAMPAIGN = "_doctor"
"""Campaign of the jobs of ``cuprolith doctor --hpc``; no campaign can have that name."""

_HOUR_MS = 3_600_000
_UUID_PREFIX = 4
_SHOWN = 5


@dataclass(frozen=True)
class JobGroup:
    """Jobs that are alike in all that a status distinguishes.

    Attributes
    ----------
    nodes
        Nodes that the jobs ask for themselves; None if they leave it to their worker.
    hours_ago
        Whole hours since they ended; None if they did not.
    seconds
        Sum of the time that the last attempt of each has run, or runs.
    first_start
        When the first of them started; None if none did.
    """

    stage: str
    resource: str
    worker: str
    state: str
    nodes: int | None
    hours_ago: int | None
    jobs: int
    seconds: float
    first_start: datetime | None


@dataclass(frozen=True)
class JobRecord:
    """What the database knows of one job, without its inputs."""

    db_id: str
    uuid: str
    index: int
    name: str
    state: str
    worker: str
    metadata: dict[str, Any]
    remote: dict[str, Any]
    previous_state: str | None = None
    run_dir: str | None = None
    error: str | None = None
    lock_time: datetime | None = None
    updated_on: datetime | None = None

    @property
    def stage(self) -> str:
        """Stage of the campaign; empty if the metadata name none."""
        return str(self.metadata.get(STAGE) or "")

    def silent_since(self, limit: datetime, limited_workers: frozenset[str]) -> datetime | None:
        """Return since when nothing has moved a job that should be moved on; None if all is well.

        A lock held for long is left over from a runner that no longer exists. In a passing state a
        job stays for seconds, unless it waits for a place on a worker with a limited number.

        Parameters
        ----------
        limit
            Silence that began later does not count.
        limited_workers
            Workers that run a limited number of jobs at a time.
        """
        if self.state not in UNDERWAY_STATES:
            return None
        if self.lock_time is not None:
            return self.lock_time if self.lock_time < limit else None
        waits = self.state == "UPLOADED" and self.worker in limited_workers
        if self.state not in PASSING_STATES or waits or self.updated_on is None:
            return None
        since = max(self.updated_on, _utc(self.remote.get("retry_time_limit")) or self.updated_on)
        return since if since < limit else None


_OF_DOCUMENT = [it.name for it in fields(JobRecord) if it.name not in ("name", "metadata")]
_RECORD_FIELDS = (*_OF_DOCUMENT, "job.name", "job.metadata")


class CampaignJobs:
    """The jobs of a campaign.

    Parameters
    ----------
    campaign
        Its name.
    """

    def __init__(self, controller: JobController, campaign: str) -> None:
        self.campaign = campaign
        self._jobs = controller.jobs
        self._query = of_campaign(campaign)

    def groups(self, now: datetime) -> list[JobGroup]:
        """Count the jobs, in one aggregation on the server."""
        pipeline = [{"$match": self._query}, {"$group": _group_stage(now)}]
        return [_group(found) for found in self._jobs.aggregate(pipeline)]

    def in_states(self, *states: str, stage: str | None = None) -> Iterator[JobRecord]:
        """Yield the jobs in some states, the one last changed first; not what is superseded.

        Parameters
        ----------
        stage
            Only jobs of this stage.
        """
        query: dict[str, Any] = {
            **self._query,
            "state": {"$in": list(states)},
            in_database(SUPERSEDED): {"$ne": True},
        }
        if stage is not None:
            query[in_database(STAGE)] = stage
        found = self._jobs.find(query, _RECORD_FIELDS).sort("updated_on", -1)
        yield from map(_record, found)


def has_campaign(controller: JobController, name: str) -> bool:
    """Return whether a database has jobs of a campaign."""
    return controller.jobs.find_one(of_campaign(name), ["_id"]) is not None


def campaign_names(controller: JobController) -> list[str]:
    """Return the names of all campaigns in a database, without the doctor's."""
    # The jobs of a flow belong to one campaign, so its first job is enough.
    flows = controller.flows.find({}, {"jobs": {"$slice": 1}})
    firsts = [uuid for flow in flows for uuid in flow["jobs"]]
    jobs = controller.jobs.find({"uuid": {"$in": firsts}}, [in_database(CAMPAIGN)])
    names = {(job["job"].get("metadata") or {}).get(CAMPAIGN) for job in jobs}
    return sorted(name for name in names if name and name != PROBE_CAMPAIGN)


def find_job(controller: JobController, identifier: str) -> JobRecord:
    """Return the job of a database id, or of a uuid or its beginning; the last of its indices.

    Raises
    ------
    CuprolithError
        If there is none, or several begin so.
    """
    found = controller.jobs.find_one({"db_id": identifier}, _RECORD_FIELDS)
    if found is not None:
        return _record(found)
    # Bounds, not a regular expression: an index serves them, and no character has a meaning.
    bounds = {"$gte": identifier, "$lt": identifier + "g"}
    matches: dict[str, JobRecord] = {}
    if len(identifier) >= _UUID_PREFIX:
        begun = controller.jobs.find({"uuid": bounds}, _RECORD_FIELDS).sort("index", 1)
        matches = {record.uuid: record for record in map(_record, begun.limit(100))}
    if not matches:
        raise CuprolithError(
            f"no job {identifier}",
            remedy="give a number that `cuprolith status` shows, or a uuid or its first characters",
        )
    if len(matches) > 1:
        shown = ", ".join(sorted(matches)[:_SHOWN])
        raise CuprolithError(
            f"{len(matches)} jobs begin with {identifier}: {shown}", remedy="give more of the uuid"
        )
    return next(iter(matches.values()))


def jobs_with_ids(controller: JobController, ids: Iterable[tuple[str, int]]) -> list[JobRecord]:
    """Return the jobs of some uuids and indices."""
    wanted = set(ids)
    found = controller.jobs.find({"uuid": {"$in": [uuid for uuid, _ in wanted]}}, _RECORD_FIELDS)
    return [it for it in map(_record, found) if (it.uuid, it.index) in wanted]


def _group_stage(now: datetime) -> dict[str, Any]:
    # A job that was killed could not write when it ended; its state changed soon after.
    unwritten = {"$cond": [{"$in": ["$state", list(ON_A_NODE)]}, now, "$updated_on"]}
    end = {"$ifNull": ["$end_time", unwritten]}
    return {
        "_id": {
            "stage": f"${in_database(STAGE)}",
            "resource": f"${in_database(RESOURCE)}",
            "worker": "$worker",
            "state": {"$cond": [f"${in_database(SUPERSEDED)}", SUPERSEDED, "$state"]},
            "nodes": "$resources.nodes",
            "hours_ago": {"$trunc": {"$divide": [{"$subtract": [now, "$end_time"]}, _HOUR_MS]}},
        },
        "jobs": {"$sum": 1},
        # The difference of two dates is in milliseconds; of none, nothing is added.
        "milliseconds": {"$sum": {"$subtract": [end, "$start_time"]}},
        "first_start": {"$min": "$start_time"},
    }


def _group(found: dict[str, Any]) -> JobGroup:
    key = found["_id"]
    nodes, hours_ago = key.get("nodes"), key.get("hours_ago")
    return JobGroup(
        stage=key.get("stage") or "",
        resource=key.get("resource") or "",
        worker=key["worker"],
        state=key["state"],
        nodes=nodes if isinstance(nodes, int) else None,
        hours_ago=None if hours_ago is None else int(hours_ago),
        jobs=found["jobs"],
        seconds=max(0.0, found["milliseconds"] / 1000),
        first_start=_utc(found["first_start"]),
    )


def _record(found: dict[str, Any]) -> JobRecord:
    given: dict[str, Any] = {key: found.get(key) for key in _OF_DOCUMENT}
    given |= {key: _utc(given[key]) for key in ("lock_time", "updated_on")}
    given |= {"remote": given["remote"] or {}, "metadata": found["job"].get("metadata") or {}}
    return JobRecord(name=found["job"]["name"], **given)


def _utc(time: datetime | None) -> datetime | None:
    """Return a time of the database, which keeps UTC without saying so."""
    return time.replace(tzinfo=UTC) if time is not None and time.tzinfo is None else time
