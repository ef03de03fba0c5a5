"""Run a job of a :class:`JobFolder`: inputs from the results of others, its own result beside."""

from __future__ import annotations

import copy
import logging
import time
from contextlib import chdir
from dataclasses import dataclass
from typing import Any

from jobflow import Flow, Job, JobStore
from jobflow.core.reference import OnMissing
from jobflow.core.schemas import JobStoreDocument
from maggma.stores import MemoryStore

from workflows.jobs.job_folder import JobFolder, JobResult, now, result_name
from workflows.jobs.stored_jobs import rebuilt_flow, stored_flow

ALWAYS_RUN = "always_run"
"""Metadata of jobs that run each time."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class JobOutcome:
    """What a finished job means for the jobs after it.

    Attributes
    ----------
    followers
        Flows that the job's ``Response`` asks for, in the order they run: replacement, detour,
        addition.
    """

    followers: tuple[Flow, ...] = ()
    stop_children: bool = False
    stop_jobflow: bool = False


class UnstorableResponseError(ValueError):
    """A job's replacement, detour or addition cannot be written, so it could not be found again."""


def earlier_outcome(folder: JobFolder, job: Job, origin: str | None) -> JobOutcome | None:
    """Return the outcome of a job that is finished; None if it has to run.

    It is finished if its result is there and was made from what the jobs before it gave: one that
    ran without the result of a job that had failed then runs again. The jobs that it leads to have
    the ids they had before.

    Parameters
    ----------
    origin
        Name of the result that has led to the job.

    Raises
    ------
    DamagedFileError
        If the result is damaged; the job has to run.
    """
    if job.metadata.get(ALWAYS_RUN):
        return None
    found = folder.whole_result(result_name(job.uuid, job.index))
    if found is None:
        return None
    result, followers = found
    recipes = _recipes(folder, job, origin)
    # A result that is missing is made again first, and is the same then.
    if any(each is not None and each != result.made_from.get(of) for of, each in recipes.items()):
        return None
    return _rebuilt(job, result, followers)


def held_up(folder: JobFolder, job: Job) -> str:
    """Say why a job cannot run: one before it failed, or stopped it; "" if it can."""
    for uuid in job.input_uuids:
        parent = folder.result(folder.newest(uuid))
        if parent is None and job.config.on_missing_references == OnMissing.ERROR:
            return "a job before it has not succeeded"
        if parent is not None and parent.stop_children:
            return "a job before it has stopped those after it"
    return ""


def run_job(folder: JobFolder, job: Job, origin: str | None) -> JobOutcome:
    """Run a job in the folder's directory, keep its result, and return what it leads to.

    Raises
    ------
    DiskFullError, UnwritableFolderError
        If the result cannot be written.
    UnstorableResponseError
        If a flow that follows the job cannot be serialised.
    Exception
        Whatever the job raises.
    """
    started = time.perf_counter()
    made_from, store = _recipes(folder, job, origin), OutputStore(folder)
    folder.directory.mkdir(parents=True, exist_ok=True)
    with chdir(folder.directory):
        # Resolving references replaces a job's inputs: those of the copy, which is let go of.
        response = copy.copy(job).run(store=store)
    flows = (response.replace, response.detour, response.addition)
    outcome = JobOutcome(
        followers=tuple(flow for flow in flows if flow is not None),
        stop_children=bool(response.stop_children),
        stop_jobflow=bool(response.stop_jobflow),
    )
    followers = _stored(job, outcome.followers)
    result = JobResult(
        document=store.document,
        made_from=made_from,
        seconds=time.perf_counter() - started,
        finished_at=now(),
        stop_children=outcome.stop_children,
        stop_jobflow=outcome.stop_jobflow,
        always_runs=bool(job.metadata.get(ALWAYS_RUN)),
    )
    folder.write_result(result, followers, store.large_keys)
    return outcome


class OutputStore(JobStore):
    """What a running job sees of a folder: the outputs of other jobs.

    The job's own document is held back, to be written together with its ``Response``, which jobflow
    returns only afterwards.
    """

    def __init__(self, folder: JobFolder) -> None:
        super().__init__(MemoryStore())
        self._folder = folder
        self.document: dict[str, Any] = {}
        self.large_keys: dict[str, Any] = {}

    def query_one(
        self, criteria: Any = None, properties: Any = None, sort: Any = None, load: Any = None
    ) -> dict[str, Any] | None:
        """Return the index or the output of a job, which is what resolving a reference asks for."""
        uuid, index = criteria["uuid"], criteria.get("index")
        name = result_name(uuid, index) if index else self._folder.newest(uuid)
        result = self._folder.result(name)
        if result is None or "output" not in properties:
            return None if result is None else result.document
        return {"output": self._folder.output(uuid, index)}

    def update(self, docs: Any, key: Any = None, save: Any = None) -> None:
        """Hold back the document of the job."""
        assert isinstance(docs, JobStoreDocument)
        self.document, self.large_keys = docs.model_dump(), save or {}


def _recipes(folder: JobFolder, job: Job, origin: str | None) -> dict[str, str | None]:
    """Return the recipes of what a job is made from, as far as it is there and whole."""
    recipes = {uuid: folder.recipe(folder.newest(uuid)) for uuid in job.input_uuids}
    return recipes if origin is None else {**recipes, origin: folder.recipe(origin)}


def _rebuilt(job: Job, result: JobResult, followers: list[dict[str, Any]]) -> JobOutcome | None:
    """Return an outcome with its flows; None if today's code cannot rebuild them."""
    try:
        flows = tuple(map(rebuilt_flow, followers))
    except Exception as error:  # noqa: BLE001  # constructors raise whatever they like
        logger.warning(
            "%s (%s, index %d) runs again: the jobs it led to cannot be rebuilt with today's "
            "code (%r)",
            *(job.name, job.uuid, job.index, error),
        )
        return None
    return JobOutcome(flows, result.stop_children, result.stop_jobflow)


def _stored(job: Job, flows: tuple[Flow, ...]) -> list[dict[str, Any]]:
    try:
        return [stored_flow(flow) for flow in flows]
    except Exception as error:  # MSONable objects raise whatever they like
        raise UnstorableResponseError(
            f"the jobs that {job.name!r} leads to cannot be stored ({error!r}); their functions "
            "must be importable and their inputs MSONable"
        ) from error
