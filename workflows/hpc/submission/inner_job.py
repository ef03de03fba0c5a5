"""Run a job of a :class:`JobFolder`: inputs from the results of others, its own result beside."""

from __future__ import annotations

import time
from contextlib import chdir
from datetime import UTC, datetime
from typing import Any

from jobflow import Flow, Job, JobStore
from jobflow.core.reference import OnMissing
from maggma.stores import MemoryStore

from cuprolith.errors import WallTimeError
from workflows.hpc.submission.job_folder import (
    MADE_FROM,
    DamagedFileError,
    JobFolder,
    KeptJob,
)
from workflows.jobs.run_records import HoldingStore, JobOutcome
from workflows.jobs.runner import ALWAYS_RUN
from workflows.jobs.stored_jobs import rebuilt_flow, stored_flow


def finished_followers(folder: JobFolder, kept: KeptJob) -> list[Flow] | None:
    """Return the flows that a finished job has led to; None if it has to run.

    It is finished if its result is there and was made from what the jobs before it gave: one that
    ran without the result of a job that had failed then runs again. A result that is damaged counts
    as missing.
    """
    if kept.job.metadata.get(ALWAYS_RUN):
        return None
    try:
        result = folder.result(kept.job.uuid)
    except DamagedFileError as error:
        print(f"{kept.job.name} runs again: {error}", flush=True)
        return None
    if result is None or not _fits(result, folder, kept):
        return None
    return [rebuilt_flow(flow) for flow in result["followers"]]


def _fits(result: dict[str, Any], folder: JobFolder, kept: KeptJob) -> bool:
    made_from = result.get(MADE_FROM)
    if made_from is None:  # of an earlier version
        return True
    recipes = _recipes(folder, kept)
    return all(
        now is None or now == made_from.get(uuid)  # one that is missing is made again first
        for uuid, now in recipes.items()
    )


def _recipes(folder: JobFolder, kept: KeptJob) -> dict[str, str | None]:
    """Return the recipes of what a job is made from."""
    found: dict[str, str | None] = {}
    for uuid in kept.rests_on:
        try:
            found[uuid] = folder.recipe(uuid)
        except DamagedFileError:
            found[uuid] = None
    return found


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


def run_inner(
    folder: JobFolder, kept: KeptJob, inputs: list[dict[str, Any] | None]
) -> tuple[Flow, ...]:
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
    job, made_from = kept.job, _recipes(folder, kept)
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
            MADE_FROM: made_from,
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
