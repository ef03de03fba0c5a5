"""Run one job of a :class:`JobFolder`, or find its earlier result."""

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

from workflows.jobs.job_folder import JobFolder, JobRecord, JobResult, now, result_name
from workflows.jobs.stored_jobs import rebuilt_flow, stored_flow

ALWAYS_RUN = "always_run"
"""Metadata key of jobs that run each time."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class JobOutcome:
    """Effect of a finished job on the jobs after it.

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

    It is finished if its result exists and was made from the present results of the jobs before it:
    one that ran without the result of a failed job runs again when that job has succeeded. The jobs
    that it leads to keep their ids.

    Parameters
    ----------
    origin
        Name of the result that led to the job.

    Raises
    ------
    DamagedFileError
        If the result is damaged; the job has to run.
    """
    if job.metadata.get(ALWAYS_RUN):
        return None
    found = folder.checked_record(result_name(job.uuid, job.index))
    if found is None:
        return None
    record, followers = found
    fingerprints = _fingerprints(folder, job, origin)
    # A missing result is made again first; it is the same then.
    if any(each not in (None, record.made_from.get(of)) for of, each in fingerprints.items()):
        return None
    return _rebuilt(job, record, followers)


def blocking_reason(folder: JobFolder, job: Job) -> str:
    """Return why a job cannot run: one before it failed, or stopped it; "" if it can run."""
    for uuid in job.input_uuids:
        parent = folder.record(folder.newest(uuid))
        if parent is None and job.config.on_missing_references == OnMissing.ERROR:
            return "a job before it has not succeeded"
        if parent is not None and parent.stop_children:
            return "a job before it has stopped those after it"
    return ""


def run_job(folder: JobFolder, job: Job, origin: str | None) -> JobOutcome:
    """Run a job in the folder's directory, write its result, and return what follows from it.

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
    made_from, store = _fingerprints(folder, job, origin), OutputStore(folder)
    folder.directory.mkdir(parents=True, exist_ok=True)
    with chdir(folder.directory):
        # Resolving references replaces the inputs of a job: here those of a copy.
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
    """Store that gives a running job the outputs of other jobs of a folder.

    It keeps the job's own document until that can be written together with the job's ``Response``,
    which jobflow returns only at the end.
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
        """Keep the document of the job."""
        assert isinstance(docs, JobStoreDocument)
        self.document, self.large_keys = docs.model_dump(), save or {}


def _fingerprints(folder: JobFolder, job: Job, origin: str | None) -> dict[str, str | None]:
    """Return the fingerprints of the results that a job uses; None for missing or damaged ones."""
    names = {uuid: folder.newest(uuid) for uuid in job.input_uuids}
    if origin is not None:
        names[origin] = origin
    return {key: folder.fingerprint(name) for key, name in names.items()}


def _rebuilt(job: Job, record: JobRecord, followers: list[dict[str, Any]]) -> JobOutcome | None:
    """Return an outcome with its flows; None if the installed code cannot rebuild them."""
    try:
        flows = tuple(map(rebuilt_flow, followers))
    except Exception as error:  # noqa: BLE001  # constructors raise whatever they like
        logger.warning(
            "%s (%s, index %d) runs again: the jobs it led to cannot be rebuilt with the "
            "installed code (%r)",
            *(job.name, job.uuid, job.index, error),
        )
        return None
    return JobOutcome(flows, record.stop_children, record.stop_jobflow)


def _stored(job: Job, flows: tuple[Flow, ...]) -> list[dict[str, Any]]:
    try:
        return [stored_flow(flow) for flow in flows]
    except Exception as error:  # MSONable objects raise whatever they like
        raise UnstorableResponseError(
            f"the jobs that {job.name!r} leads to cannot be stored ({error!r}); their functions "
            "must be importable and their inputs MSONable"
        ) from error
