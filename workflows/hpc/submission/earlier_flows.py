"""Flows of earlier submissions: of a campaign, and of others that worked in the same folder."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from cuprolith.errors import CuprolithError
from workflows.hpc.job_metadata import (
    CAMPAIGN,
    CAMPAIGN_HASH,
    STAGE,
    SUBMISSION,
    SUPERSEDED,
    WORKDIR,
    in_database,
)
from workflows.hpc.jobs.job_states import FAILED_STATES, STOPPED_STATES, UNDERWAY_STATES
from workflows.hpc.jobs.jobflow_remote_repairs import update_flow_states
from workflows.stage import ordered_stages

if TYPE_CHECKING:
    from jobflow_remote.jobs.jobcontroller import JobController

_BEING_WRITTEN = timedelta(seconds=30)


@dataclass(frozen=True)
class JobsUnderway:
    """How many jobs of a campaign are ready or underway in a folder."""

    campaign: str
    workdir: str
    count: int


class EarlierFlows:
    """Earlier flows of a campaign or its folder, for a submission.

    Parameters
    ----------
    campaign
        Name of the campaign to submit.
    workdir
        Its folder on the cluster.
    """

    def __init__(self, controller: JobController, campaign: str, workdir: PurePosixPath) -> None:
        self._controller = controller
        self._campaign = campaign
        self._workdir = str(workdir)

    @property
    def next_submission(self) -> int:
        """Number of the next flow here.

        It enters the flow's id and follows from the flows that were there before `underway` looked:
        of two that submit at once, one either finds the jobs of the other or cannot write its flow.
        """
        known = [flow["metadata"].get(SUBMISSION, -1) + 1 for flow in self._here]
        return max([0, *known, len(self._here)])

    def last_hash(self) -> str | None:
        """Return the hash of the campaign that the last flow here was made for."""
        return self._here[-1]["metadata"].get(CAMPAIGN_HASH) if self._here else None

    def underway(self) -> list[JobsUnderway]:
        """Return the jobs that are ready or underway, those of the same campaign first.

        Jobs that only wait do not count: they may wait for ever.
        """
        states = {"state": {"$in": ["READY", *UNDERWAY_STATES]}}
        of = {"campaign": f"${in_database(CAMPAIGN)}", "workdir": f"${in_database(WORKDIR)}"}
        group = {"_id": of, "jobs": {"$sum": 1}}
        query = {**self._jobs, **states, in_database(SUPERSEDED): {"$ne": True}}
        found = self._controller.jobs.aggregate([{"$match": query}, {"$group": group}])
        counted = [
            JobsUnderway(each["_id"]["campaign"], each["_id"].get("workdir") or "", each["jobs"])
            for each in found
        ]
        return sorted(counted, key=lambda each: (each.campaign != self._campaign, each.workdir))

    def is_finished(self) -> bool:
        """Return whether the last flow here has completed all its jobs, the report last.

        A job that was tried again after the report is not in it.
        """
        if not self._here:
            return False
        uuids = {"uuid": {"$in": self._here[-1]["jobs"]}}
        report = self._controller.jobs.find_one(
            {**uuids, in_database(STAGE): ordered_stages()[-1].name, "state": "COMPLETED"},
            ["start_time", "db_id"],
        )
        if report is None or report.get("start_time") is None:
            return False
        after_report = {
            "db_id": {"$ne": report["db_id"]},
            "end_time": {"$gt": report["start_time"]},
        }
        undone = [{"state": {"$in": list(FAILED_STATES)}}, after_report]
        return bool(self._controller.jobs.find_one({**uuids, "$or": undone}, ["_id"]) is None)

    def remove_incomplete(self) -> None:
        """Remove a flow that a killed submission has left without some of its jobs.

        jobflow-remote writes the flow first, then the jobs. Results of jobs that ran are in the
        workdir, where those of the next submission find them.

        Raises
        ------
        CuprolithError
            If it was written a moment ago: somebody may be writing the jobs.
        """
        for flow in list(self._flows):
            present = self._controller.jobs.count_documents({"uuid": {"$in": flow["jobs"]}})
            if present == len(flow["jobs"]):
                continue
            self._flows.remove(flow)
            if datetime.now(UTC) - flow["created_on"].replace(tzinfo=UTC) < _BEING_WRITTEN:
                raise CuprolithError(
                    f"campaign {flow['metadata'][CAMPAIGN]} is being submitted, or was until "
                    "a moment ago",
                    remedy=f"run the command again in {_BEING_WRITTEN.seconds} s",
                )
            self._controller.jobs.delete_many({"uuid": {"$in": flow["jobs"]}})
            self._controller.flows.delete_one({"uuid": flow["uuid"]})

    def supersede(self) -> None:
        """Stop jobs of earlier flows that wait for failed ones: a new flow replaces them.

        Flows that somebody else has submitted since are left alone.
        """
        known = {"uuid": {"$in": [uuid for flow in self._flows for uuid in flow["jobs"]]}}
        ended = {"state": {"$in": [*FAILED_STATES, *STOPPED_STATES]}}
        mark = {in_database(SUPERSEDED): True}
        self._controller.jobs.update_many({**known, **ended}, {"$set": mark})
        stopped = {**mark, "state": "USER_STOPPED", "updated_on": datetime.now(UTC)}
        waiting = {**known, "state": "WAITING"}
        if self._controller.jobs.update_many(waiting, {"$set": stopped}).modified_count:
            update_flow_states(self._controller, (flow["uuid"] for flow in self._flows))

    @cached_property
    def _flows(self) -> list[dict[str, Any]]:
        """Flows of the campaign or in its folder, read once, the incomplete ones left out later."""
        query = _either(
            f"metadata.{CAMPAIGN}", self._campaign, f"metadata.{WORKDIR}", self._workdir
        )
        return list(self._controller.flows.find(query).sort("created_on", 1))

    @property
    def _here(self) -> list[dict[str, Any]]:
        """Flows of any campaign in the folder, the last one last."""
        flows = [flow for flow in self._flows if flow["metadata"].get(WORKDIR) == self._workdir]
        # The clocks of those who submit may differ.
        return sorted(flows, key=lambda flow: flow["metadata"].get(SUBMISSION, -1))

    @property
    def _jobs(self) -> dict[str, Any]:
        return _either(in_database(CAMPAIGN), self._campaign, in_database(WORKDIR), self._workdir)


def last_workdir(controller: JobController, campaign: str) -> PurePosixPath | None:
    """Return the folder of a campaign's last flow; None if it has none."""
    flows = controller.flows.find({f"metadata.{CAMPAIGN}": campaign}, ["metadata"])
    last = next(iter(flows.sort("created_on", -1).limit(1)), None)
    return PurePosixPath(last["metadata"][WORKDIR]) if last else None


def _either(campaign_key: str, campaign: str, workdir_key: str, workdir: str) -> dict[str, Any]:
    return {"$or": [{campaign_key: campaign}, {workdir_key: workdir}]}
