"""The jobs that the queue knows: each runs one or several of a :class:`JobFolder`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import ceil
from pathlib import Path
from typing import Any

from jobflow import Flow, Job, JobConfig, OnMissing, Response, job

from cuprolith.errors import WallTimeError
from workflows.hpc.job_metadata import CAMPAIGN, RESOURCE, STAGE, STRUCTURE, WORKDIR
from workflows.hpc.setup.job_script import plain_job_name
from workflows.hpc.submission.queue_file import QueueFile, read_queue_file
from workflows.hpc.submission.short_jobs import Ending, run_one_after_another
from workflows.jobs.execution_order import execution_order
from workflows.jobs.job_execution import JobOutcome, blocking_reason, earlier_outcome, run_job
from workflows.jobs.job_folder import DamagedFileError, JobFolder, result_name
from workflows.jobs.job_ids import stable_uuid
from workflows.labelling.label_metadata import BUILDS
from workflows.workdir import Workdir


@job
def queued_job(
    workdir: str,
    folder: dict[str, str],
    uuids: list[str],
    stage: str,
    after: list[Any],
    turn: int,
    generation: str,
) -> Response:
    """Run jobs, unless their results are there or one before them failed.

    Of several, each runs in a process of its own, one after the other. Those for which the wall
    time was too short lead to another queued job. One that failed is run once more, by itself, so
    that its error is the error of a queued job.

    Parameters
    ----------
    workdir
        Of the campaign.
    folder
        ``root`` and ``directory`` of the :class:`JobFolder`.
    uuids
        Of the jobs there.
    stage
        To which the jobs belong, and those they lead to.
    after
        Outputs of queued jobs that have to end before; they say nothing.
    turn
        How many queued jobs have worked on them before.
    generation
        Of the submission that the job belongs to.
    """
    opened = Workdir(Path(workdir))
    queue = read_queue_file(opened)
    queue.require_version()
    queue.require_generation(generation)
    jobs = JobFolder(Path(folder["root"]), Path(folder["directory"]))
    planner = QueuePlanner(opened, queue, jobs, stage)

    def run(uuid: str) -> Attempt:
        return attempt(jobs, uuid)

    if len(uuids) > 1:
        short = queue.short_jobs(jobs.job(uuids[0])[0].metadata)
        endings = run_one_after_another(run, uuids, short.longest if short else 0)
        attempts = [run(uuid) for uuid in uuids if endings.get(uuid) is Ending.RAN]
        resumed = [uuid for uuid in uuids if endings.get(uuid) in (None, Ending.WALL_TIME)]
        failed = [uuid for uuid in uuids if endings.get(uuid) is Ending.FAILED]
    else:
        failed, resumed, attempts = [], [], []
        try:
            attempts = [run(uuid) for uuid in uuids]
        except WallTimeError as error:
            print(f"{error}; another job resumes it", flush=True)
            resumed = uuids
    again = [planner.resumed(group, turn + 1) for group in [resumed, *([uuid] for uuid in failed)]]
    led_to = planner.jobs((flow, each.result) for each in attempts for flow in each.followers)
    detour = [*led_to, *filter(None, again)]
    output = {
        "jobs": [each.name for each in attempts if not each.reason],
        "not run": {each.name: each.reason for each in attempts if each.reason},
        "resumed": resumed,
        "run again": failed,
    }
    return Response(
        output={key: value for key, value in output.items() if value},
        detour=Flow(detour, name=stage) if detour else None,
    )


@dataclass(frozen=True)
class Attempt:
    """What came of a job.

    Attributes
    ----------
    result
        Name of its result.
    followers
        Flows it leads to.
    reason
        Why it did not run; empty if it did.
    """

    name: str
    result: str
    followers: Sequence[Flow] = ()
    reason: str = ""


def attempt(jobs: JobFolder, uuid: str) -> Attempt:
    """Run a job that has no result yet and can run.

    Raises
    ------
    WallTimeError
        If another job has to resume it.
    Exception
        Whatever the job raises.
    """
    known, origin = jobs.job(uuid)
    result = result_name(known.uuid, known.index)
    if reason := blocking_reason(jobs, known):
        return Attempt(known.name, result, reason=reason)
    outcome = finished(jobs, known, origin)
    if outcome is None:
        try:
            outcome = run_job(jobs, known, origin)
        except WallTimeError:
            raise
        except Exception as error:
            jobs.write_failure(known, error)
            raise
    return Attempt(known.name, result, outcome.followers)


def finished(jobs: JobFolder, known: Job, origin: str | None) -> JobOutcome | None:
    """Return the outcome of a job that is finished; None if it has to run, damage included."""
    try:
        return earlier_outcome(jobs, known, origin)
    except DamagedFileError as error:
        print(f"{known.name} runs again: {error}", flush=True)
        return None


@dataclass
class _Waiting:
    """A job that is to be queued: what is known of it without its content.

    Attributes
    ----------
    after
        Uuids of those that have to end before.
    rests_on
        Numbers of the groups whose long jobs have to end before.
    """

    uuid: str
    name: str
    metadata: dict[str, Any]
    after: list[str]
    level: int
    rests_on: frozenset[int] = field(default=frozenset())


class QueuePlanner:
    """Makes queued jobs of the jobs of a flow: of those that have no result yet.

    Parameters
    ----------
    workdir, queue
        Campaign and its queue.
    jobs
        Where the jobs are.
    stage
        To which they belong.
    """

    def __init__(self, workdir: Workdir, queue: QueueFile, jobs: JobFolder, stage: str) -> None:
        self._workdir = workdir
        self._queue = queue
        self._jobs = jobs
        self._stage = stage
        self._waiting: dict[str, _Waiting] = {}
        # What has to end before the result of a job, and all it leads to, is there.
        self._before: dict[str, list[str]] = {}

    def flow(self, flows: Iterable[Flow]) -> Flow | None:
        """Return the flow of what is left of flows; None if nothing is."""
        jobs = self.jobs((flow, None) for flow in flows)
        return Flow(jobs, name=self._stage) if jobs else None

    def jobs(self, flows: Iterable[tuple[Flow, str | None]]) -> list[Job]:
        """Return the queued jobs of what is left.

        Parameters
        ----------
        flows
            Taken one at a time; may refer to those before them. Each with the name of the result
            that has led to it, if one has.
        """
        for flow, origin in flows:
            self._look_through(flow, origin)
        made: dict[str, Job] = {}
        for group in self._groups():
            after = dict.fromkeys(uuid for each in group for uuid in each.after)
            before = {made[uuid].uuid: made[uuid] for uuid in after}
            queued = self._queued(group, list(before.values()))
            made |= {each.uuid: queued for each in group}
        # in the order in which the flows have them, or the first of each group
        return list({made[uuid].uuid: made[uuid] for uuid in self._waiting}.values())

    def resumed(self, uuids: list[str], turn: int) -> Job | None:
        """Return a queued job that runs jobs on which others have worked; None if there are none.

        Parameters
        ----------
        turn
            How many have.
        """
        known = [self._jobs.job(uuid)[0] for uuid in uuids]
        group = [_Waiting(each.uuid, each.name, each.metadata, [], 0) for each in known]
        return self._queued(group, [], turn) if group else None

    def _queued(self, group: list[_Waiting], after: list[Job], turn: int = 0) -> Job:
        """Return the queued job of a group.

        A job that fails stops none: each finds out by itself whether it can run, so that a stage
        always comes to its end.
        """
        folder = {"root": str(self._jobs.root), "directory": str(self._jobs.directory)}
        outputs = [before.output for before in after]
        root, generation = str(self._workdir.root), self._queue.generation
        uuids = [each.uuid for each in group]
        made = queued_job(root, folder, uuids, self._stage, outputs, turn, generation)
        # Campaigns that share a structure share the ids of its label jobs, and the database.
        place = (root, self._stage, *uuids)
        made.set_uuid(stable_uuid("queue", str(self._queue.submission), *place, str(turn)))
        first = group[0]
        more = f" and {len(group) - 1} more" if len(group) > 1 else ""
        placed(made, self._workdir, self._queue, self._stage, first.name + more, first.metadata)
        structures = [each.metadata[STRUCTURE] for each in group if STRUCTURE in each.metadata]
        if len(group) > 1 and structures:
            made.update_metadata({STRUCTURE: list(dict.fromkeys(structures))}, dynamic=False)
        return made

    def _look_through(self, flow: Flow, origin: str | None) -> list[str]:
        """Keep the jobs of a flow, and return the uuids of those that are left."""
        left: list[str] = []
        for known, parents in execution_order(flow):
            self._jobs.write_job(known, origin)
            after = [before for parent in parents for before in self._before.get(parent, [])]
            outcome = None if after else finished(self._jobs, known, origin)
            if outcome is not None:
                name = result_name(known.uuid, known.index)
                here = [
                    uuid for each in outcome.followers for uuid in self._look_through(each, name)
                ]
            else:
                here = [known.uuid]
                level = 1 + max((self._waiting[uuid].level for uuid in after), default=-1)
                self._waiting[known.uuid] = _Waiting(
                    known.uuid, known.name, dict(known.metadata), after, level
                )
            self._before[known.uuid] = here
            left += here
        return left

    def _groups(self) -> list[list[_Waiting]]:
        """Return the jobs in groups that run together, each behind those it rests on.

        Short jobs form a group if they run on the same worker and rest on the same long jobs, at
        the same distance: no group then waits for another one in a circle.
        """
        groups: list[list[_Waiting]] = []
        rests_on: dict[str, frozenset[int]] = {}
        levels: defaultdict[int, list[_Waiting]] = defaultdict(list)
        for each in self._waiting.values():
            levels[each.level].append(each)
        for level in sorted(levels):
            alike: defaultdict[tuple[Any, ...], list[_Waiting]] = defaultdict(list)
            for each in levels[level]:
                each.rests_on = frozenset().union(*(rests_on[uuid] for uuid in each.after))
                short = self._queue.short_jobs(each.metadata)
                alike[(short.worker, each.rests_on) if short else (each.uuid,)].append(each)
            for pool in alike.values():
                for group in self._parts(pool):
                    number = frozenset([len(groups)])
                    groups.append(group)
                    # what only builds a start takes no time: what follows it is not told apart
                    for each in group:
                        rests_on[each.uuid] = each.rests_on if each.metadata.get(BUILDS) else number
        return groups

    def _parts(self, pool: list[_Waiting]) -> list[list[_Waiting]]:
        """Divide jobs evenly, so that no part has too many and the worker has enough to do."""
        short = self._queue.short_jobs(pool[0].metadata)
        if short is None:
            return [pool]
        n_parts = max(ceil(len(pool) / short.jobs), min(len(pool), short.at_a_time))
        ends = [len(pool) * part // n_parts for part in range(n_parts + 1)]
        return [pool[begin:end] for begin, end in pairwise(ends)]


def placed(
    made: Job, workdir: Workdir, queue: QueueFile, stage: str, name: str, metadata: dict[str, Any]
) -> Job:
    """Give a job of the queue its name, its worker and what the verbs know it by.

    Parameters
    ----------
    name, metadata
        Of the job that it runs, or the first of them.
    """
    made.name = plain_job_name(name)
    made.config = JobConfig(
        on_missing_references=OnMissing.NONE,
        manager_config=queue.manager_config(metadata),
        pass_manager_config=False,
    )
    known = {
        CAMPAIGN: queue.campaign,
        STAGE: stage,
        RESOURCE: queue.resource(metadata),
        WORKDIR: str(workdir.root),
    }
    if STRUCTURE in metadata:
        known[STRUCTURE] = metadata[STRUCTURE]  # by which the engine's logs are found
    made.update_metadata(known, dynamic=False)
    return made
