"""Run a job of a :class:`JobFolder`: inputs from the results of others, its own result beside."""

from __future__ import annotations

import time
from contextlib import chdir
from datetime import UTC, datetime
from typing import Any

from jobflow import Flow, Job, JobStore
from jobflow.core.reference import OnMissing
from maggma.stores import MemoryStore

from workflows.errors import WallTimeError
from workflows.hpc.submission.job_folder import JobFolder, KeptJob
from workflows.jobs.run_records import HoldingStore, JobOutcome
from workflows.jobs.runner import ALWAYS_RUN
from workflows.jobs.stored_jobs import stored_flow


def is_finished(folder: JobFolder, kept: KeptJob) -> bool:
    """Whether a job has a result that is no older than those it rests on."""
    finished = folder.finished_at(kept.job.uuid)
    if finished is None or kept.job.metadata.get(ALWAYS_RUN):
        return False
    before = (folder.finished_at(uuid) for uuid in kept.rests_on)
    return all(time is None or time <= finished for time in before)


def input_results(folder: JobFolder, job: Job) -> list[dict[str, Any] | None]:
    """Return the results that a job is made from, trajectories and all; None where one is not."""
    return [folder.result(uuid) for uuid in job.input_uuids]


def held_up(job: Job, inputs: list[dict[str, Any] | None]) -> str:
    """Say why a job cannot run: one before it failed, or stopped it; "" if it can."""
    for parent in inputs:
        if parent is None and job.config.on_missing_references == OnMissing.ERROR:
            return "a job before it has not succeeded"
        if parent is not None and parent["stop_children"]:
            return "a job before it has stopped those after it"
    return ""


def run_inner(folder: JobFolder, job: Job, inputs: list[dict[str, Any] | None]) -> tuple[Flow, ...]:
    """Run a job, keep its result, and return the flows it leads to.

    Parameters
    ----------
    inputs
        As `input_results` returns them.

    Raises
    ------
    WallTimeError
        If another job has to go on with it.
    Exception
        Whatever the job raises; kept as its failure.
    """
    started = time.perf_counter()
    store = HoldingStore(JobStore(MemoryStore(), additional_stores={"data": MemoryStore()}))
    store.connect()
    if documents := [parent["document"] for parent in inputs if parent is not None]:
        store.docs_store.update(documents, key=["uuid", "index"])
    store.expect(job)
    folder.directory.mkdir(parents=True, exist_ok=True)
    try:
        with chdir(folder.directory):
            response = job.run(store=store)
        output, outcome = store.release(), JobOutcome.of(response, serial=0)
        result = {
            "document": output.document.model_dump(),
            "save": output.save,
            "seconds": time.perf_counter() - started,
            "finished_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "stop_children": outcome.stop_children,
            "stop_jobflow": outcome.stop_jobflow,
            "followers": [stored_flow(flow) for flow in outcome.followers],
        }
    except WallTimeError:
        raise
    except Exception as error:
        folder.write_failure(job, error)
        raise
    folder.write_result(job.uuid, result)
    return outcome.followers
