"""Jobs for the queue: each runs one or several jobs of a :class:`JobFolder`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from math import ceil
from pathlib import Path
from typing import Any

from jobflow import Flow, Job, JobConfig, OnMissing, Response, job

from cuprolith.errors import WallTimeError
from workflows.hpc.job_metadata import CAMPAIGN, STAGE, STRUCTURE, WORKDIR
from workflows.hpc.setup.job_script import plain_job_name
from workflows.hpc.submission.queue_file import QueueFile, read_queue_file
from workflows.hpc.submission.short_jobs import Ending, run_one_after_another
from workflows.jobs.execution_order import execution_order
from workflows.jobs.job_execution import JobOutcome, blocking_reason, earlier_outcome, run_job
from workflows.jobs.job_folder import DamagedFileError, JobFolder, result_name
from workflows.jobs.job_ids import stable_uuid
from workflows.labelling.label_metadata import BUILDS
from workflows.tuning.resources import RESOURCE
from workflows.workdir import Workdir


@job
def run_jobs(
    workdir: str,
    folder: dict[str, str],
    uuids: list[str],
    stage: str,
    after: list[Any],
    turn: int,
    generation: str,
) -> Response:
    """Run jobs, unless their results exist or one before them failed.

    Of several, each runs in a process of its own, one after the other. Those for which the wall
    time was too short are run by another job of the queue. One that failed runs once more, by
    itself, so that the queue shows its error.

    Parameters
    ----------
    workdir
        Of the campaign.
    folder
        ``root`` and ``directory`` of the :class:`JobFolder`.
    uuids
        Of the jobs there.
    stage
        Stage of the jobs, and of those they lead to.
    after
        Outputs that make this job wait for others; not read.
    turn
        How many jobs of the queue have worked on them before.
    generation
        Of the submission that the job belongs to.
    """
    opened = Workdir(Path(workdir))
    queue = read_queue_file(opened)
    queue.require_version()
    queue.require_generation(generation)
    jobs = JobFolder(Path(folder["root"]), Path(folder["directory"]))
    planner = QueuePlanner(opened, queue, jobs, stage)
    run = partial(attempt, jobs)
    if len(uuids) > 1:
        batch = queue.batch(jobs.job(uuids[0])[0].metadata)
        endings = run_one_after_another(run, uuids, batch.longest_job if batch else 0)
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
    """What an attempt to run a job gave.

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
    """A job without a result: what is known of it without its content.

    Attributes
    ----------
    after
        Uuids of those that have to end before.
    needs
        Numbers of the groups whose long jobs have to end before.
    """

    uuid: str
    name: str
    metadata: dict[str, Any]
    after: list[str]
    level: int
    needs: frozenset[int] = field(default=frozenset())


class QueuePlanner:
    """Makes jobs for the queue, for those jobs of a flow that have no result yet.

    Parameters
    ----------
    workdir, queue
        Campaign and its queue.
    jobs
        Where the jobs are.
    stage
        Stage of the jobs.
    """

    def __init__(self, workdir: Workdir, queue: QueueFile, jobs: JobFolder, stage: str) -> None:
        self._workdir = workdir
        self._queue = queue
        self._jobs = jobs
        self._stage = stage
        self._waiting: dict[str, _Waiting] = {}
        # Jobs that have to end before a job and all it leads to have their results.
        self._before: dict[str, list[str]] = {}

    def flow(self, flows: Iterable[Flow]) -> Flow | None:
        """Return a flow of the jobs of flows that have no result; None if all have."""
        jobs = self.jobs((flow, None) for flow in flows)
        return Flow(jobs, name=self._stage) if jobs else None

    def jobs(self, flows: Iterable[tuple[Flow, str | None]]) -> list[Job]:
        """Return jobs for the queue that run the jobs of flows that have no result.

        Parameters
        ----------
        flows
            Read one at a time; may refer to those before them. Each with the name of the result
            that has led to it, if there is one.
        """
        for flow, origin in flows:
            self._look_through(flow, origin)
        made: dict[str, Job] = {}
        for group in self._groups():
            after = dict.fromkeys(uuid for each in group for uuid in each.after)
            before = {made[uuid].uuid: made[uuid] for uuid in after}
            runs_group = self._job(group, list(before.values()))
            made |= {each.uuid: runs_group for each in group}
        # in the order in which the flows have them, or the first of each group
        return list({made[uuid].uuid: made[uuid] for uuid in self._waiting}.values())

    def resumed(self, uuids: list[str], turn: int) -> Job | None:
        """Return a job that runs jobs on which `turn` others have worked; None without jobs."""
        known = [self._jobs.job(uuid)[0] for uuid in uuids]
        group = [_Waiting(each.uuid, each.name, each.metadata, [], 0) for each in known]
        return self._job(group, [], turn) if group else None

    def _job(self, group: list[_Waiting], after: list[Job], turn: int = 0) -> Job:
        """Return a job for the queue that runs a group.

        One that fails stops no other: each finds out whether it can run, so that a stage ends.
        """
        folder = {"root": str(self._jobs.root), "directory": str(self._jobs.directory)}
        outputs = [before.output for before in after]
        root, generation = str(self._workdir.root), self._queue.generation
        uuids = [each.uuid for each in group]
        made = run_jobs(root, folder, uuids, self._stage, outputs, turn, generation)
        # Campaigns with the same structure have jobs of the same ids, in one database.
        place = (root, self._stage, *uuids)
        made.set_uuid(stable_uuid("queue", str(self._queue.submission), *place, str(turn)))
        first = group[0]
        more = f" and {len(group) - 1} more" if len(group) > 1 else ""
        assign_worker(
            made, self._workdir, self._queue, self._stage, first.name + more, first.metadata
        )
        structures = [each.metadata[STRUCTURE] for each in group if STRUCTURE in each.metadata]
        if len(group) > 1 and structures:
            made.update_metadata({STRUCTURE: list(dict.fromkeys(structures))}, dynamic=False)
        return made

    def _look_through(self, flow: Flow, origin: str | None) -> list[str]:
        """Write the jobs of a flow, and return the uuids of those that are left."""
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
        """Return the jobs in groups that run together, each after those it needs.

        Short jobs form a group if they run on the same worker and need the same long jobs, at the
        same distance: groups then never wait for each other in a circle.
        """
        groups: list[list[_Waiting]] = []
        needs: dict[str, frozenset[int]] = {}
        levels: defaultdict[int, list[_Waiting]] = defaultdict(list)
        for each in self._waiting.values():
            levels[each.level].append(each)
        for level in sorted(levels):
            alike: defaultdict[tuple[Any, ...], list[_Waiting]] = defaultdict(list)
            for each in levels[level]:
                each.needs = frozenset().union(*(needs[uuid] for uuid in each.after))
                short = self._queue.batch(each.metadata)
                alike[
                    (self._queue.resource(each.metadata), each.needs) if short else (each.uuid,)
                ].append(each)
            for pool in alike.values():
                for group in self._parts(pool):
                    number = frozenset([len(groups)])
                    groups.append(group)
                    # what only builds a start takes no time, so what follows it can be mixed
                    for each in group:
                        needs[each.uuid] = each.needs if each.metadata.get(BUILDS) else number
        return groups

    def _parts(self, pool: list[_Waiting]) -> list[list[_Waiting]]:
        """Divide jobs evenly, so that no part has too many and the worker has enough to do."""
        batch = self._queue.batch(pool[0].metadata)
        if batch is None:
            return [pool]
        n_parts = max(ceil(len(pool) / batch.jobs_per_process), min(len(pool), batch.processes))
        ends = [len(pool) * part // n_parts for part in range(n_parts + 1)]
        return [pool[begin:end] for begin, end in pairwise(ends)]


def assign_worker(
    made: Job, workdir: Workdir, queue: QueueFile, stage: str, name: str, metadata: dict[str, Any]
) -> None:
    """Give a job of the queue its name, its worker and the metadata that the verbs search for.

    Parameters
    ----------
    name, metadata
        Of the job that it runs, or of the first one.
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
