"""The jobs that the queue knows: each runs one of a :class:`JobFolder`, and leads to others."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from jobflow import Flow, Job, JobConfig, OnMissing, Response, job

from cuprolith.errors import WallTimeError
from workflows.hpc.job_metadata import CAMPAIGN, RESOURCE, STAGE, STRUCTURE, WORKDIR
from workflows.hpc.setup.job_script import plain_job_name
from workflows.hpc.submission.inner_job import (
    finished_followers,
    held_up,
    input_results,
    run_inner,
)
from workflows.hpc.submission.job_folder import JobFolder, KeptJob
from workflows.hpc.submission.queue_file import QueueFile, read_queue_file
from workflows.jobs.execution_order import execution_order
from workflows.jobs.job_ids import stable_uuid
from workflows.workdir import Workdir


@job
def queued_job(
    workdir: str,
    folder: dict[str, str],
    uuid: str,
    stage: str,
    after: list[Any],
    turn: int,
    generation: str,
) -> Response:
    """Run a job, unless its result is there or one before it failed.

    A job whose wall time is over leads to another that goes on with it.

    Parameters
    ----------
    workdir
        Of the campaign.
    folder
        ``root`` and ``directory`` of the :class:`JobFolder`.
    uuid
        Of the job there.
    stage
        To which the job belongs, and those it leads to.
    after
        Outputs of queued jobs that have to end before; they say nothing.
    turn
        How many queued jobs have worked on it before.
    generation
        Of the submission that the job belongs to.
    """
    opened = Workdir(Path(workdir))
    queue = read_queue_file(opened)
    queue.require_version()
    queue.require_generation(generation)
    jobs = JobFolder(Path(folder["root"]), Path(folder["directory"]))
    planner = QueuePlanner(opened, queue, jobs, stage)
    kept = jobs.job(uuid)
    inner = kept.job
    inputs = input_results(jobs, inner)
    if reason := held_up(inner, inputs):
        return Response(output={"job": inner.name, "not run": reason})
    finished = finished_followers(jobs, kept)
    if finished is not None:
        return Response(output={"job": inner.name}, detour=planner.flow(finished, uuid))
    try:
        followers = run_inner(jobs, kept, inputs)
    except WallTimeError as error:
        print(f"{inner.name}: {error}; another job goes on", flush=True)
        again = planner.queued(inner, [], turn + 1)
        return Response(output={"job": inner.name, "goes on": True}, detour=Flow([again]))
    return Response(output={"job": inner.name}, detour=planner.flow(followers, uuid))


class QueuePlanner:
    """Makes queued jobs of the jobs of a flow: of those that have no result yet.

    Parameters
    ----------
    workdir, queue
        Campaign and its queue.
    jobs
        Where the jobs are kept.
    stage
        To which they belong.
    """

    def __init__(self, workdir: Workdir, queue: QueueFile, jobs: JobFolder, stage: str) -> None:
        self._workdir = workdir
        self._queue = queue
        self._jobs = jobs
        self._stage = stage
        # Queued jobs that have to end before the result of a job, and all it leads to, is there.
        self._before: dict[str, list[Job]] = {}

    def flow(self, flows: Iterable[Flow], origin: str | None = None) -> Flow | None:
        """Return the flow of what is left; None if nothing is.

        Flows may refer to those before them. They are taken one at a time.

        Parameters
        ----------
        origin
            Uuid of the job that has led to them.
        """
        queued = [made for flow in flows for made in self._left(flow, origin)]
        return Flow(queued, name=self._stage) if queued else None

    def queued(self, inner: Job, after: list[Job], turn: int = 0) -> Job:
        """Return the queued job of a job.

        A job that fails stops none: each finds out by itself whether it can run, so that a stage
        always comes to its end.
        """
        folder = {"root": str(self._jobs.root), "directory": str(self._jobs.directory)}
        outputs = [before.output for before in after]
        root, generation = str(self._workdir.root), self._queue.generation
        made = queued_job(root, folder, inner.uuid, self._stage, outputs, turn, generation)
        # Campaigns that share a structure share the ids of its label jobs, and the database.
        place = (str(self._workdir.root), self._stage, inner.uuid)
        made.set_uuid(stable_uuid("queue", str(self._queue.submission), *place, str(turn)))
        return placed(made, self._workdir, self._queue, inner, self._stage)

    def _left(self, flow: Flow, origin: str | None) -> list[Job]:
        made: list[Job] = []
        for inner, parents in execution_order(flow, allow_external_references=True):
            kept = KeptJob(inner, origin)
            self._jobs.write_job(kept)
            after = [before for parent in parents for before in self._before.get(parent, [])]
            followers = None if after else finished_followers(self._jobs, kept)
            if followers is not None:
                leads = [queued for each in followers for queued in self._left(each, inner.uuid)]
                made += leads
                self._before[inner.uuid] = leads
            else:
                queued = self.queued(inner, after)
                made.append(queued)
                self._before[inner.uuid] = [queued]
        return made


def placed(made: Job, workdir: Workdir, queue: QueueFile, inner: Job, stage: str) -> Job:
    """Give a job of the queue its name, its worker and what the verbs know it by."""
    made.name = plain_job_name(inner.name)
    made.config = JobConfig(
        on_missing_references=OnMissing.NONE,
        manager_config=queue.manager_config(inner),
        pass_manager_config=False,
    )
    known = {
        CAMPAIGN: queue.campaign,
        STAGE: stage,
        RESOURCE: queue.resource(inner),
        WORKDIR: str(workdir.root),
    }
    if STRUCTURE in inner.metadata:
        known[STRUCTURE] = inner.metadata[STRUCTURE]  # by which the engine's logs are found
    made.update_metadata(known, dynamic=False)
    return made
