"""Results of queued label jobs into the workdir's own store, as if they had run at home.

Whatever reads labels (collect, labels.json, the report, `cuprolith run`) then knows one place.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

from jobflow import Job
from jobflow.core.schemas import JobStoreDocument

from workflows.hpc.submission.job_folder import DamagedFileError, JobFolder, KeptJob
from workflows.jobs.run_records import HeldOutput, JobFailure, JobOutcome, RunRecords
from workflows.jobs.stored_jobs import rebuilt_flow
from workflows.progress import progress_bar
from workflows.store.sqlite_store import job_store
from workflows.workdir import Workdir


def label_jobs(workdir: Workdir) -> JobFolder:
    """Return the folder of a workdir's label jobs."""
    return JobFolder(workdir.root / "queue" / "label", workdir.runs)


def gather_labels(workdir: Workdir) -> int:
    """Store all results that the label store does not have, and all failures; return how many.

    One result is in memory at a time. Each is stored after those it was made from, so that a run at
    home finds none outdated. One that cannot be read is listed with the failures.
    """
    jobs = label_jobs(workdir)
    n_gathered = 0
    with job_store(workdir.label_store) as store, closing(RunRecords(store)) as records:
        uuids = list(jobs.results())
        with progress_bar("gather", total=len(uuids)) as bar, store.docs_store.transaction():
            for kept in _parents_first(jobs, uuids):
                n_gathered += _gathered(jobs, kept, records)
                bar.advance(1)
        for failure in jobs.failures():
            records.keep_failure(JobFailure(**failure))
    return n_gathered


def _parents_first(jobs: JobFolder, uuids: list[str]) -> Iterator[KeptJob]:
    """Yield jobs with results, each after those it rests on."""
    left = dict.fromkeys(uuids)
    for first in uuids:
        waiting = [first]
        while waiting:
            if waiting[-1] not in left:
                waiting.pop()
                continue
            kept = jobs.job(waiting[-1])
            if before := [uuid for uuid in kept.rests_on if uuid in left]:
                waiting += before
            else:
                del left[waiting.pop()]
                yield kept


def _gathered(jobs: JobFolder, kept: KeptJob, records: RunRecords) -> bool:
    """Store a result, unless the store has this one; return whether it was stored."""
    job = kept.job
    known = records.finished(job.uuid, job.index)
    if known is not None and not kept.rests_on:
        return False
    try:
        recipe, result = jobs.recipe(job.uuid), jobs.result(job.uuid)
    except DamagedFileError as error:
        if known is None:
            records.fail(job, error, "")
        return False
    if result is None or (known is not None and known.get("recipe", recipe) == recipe):
        return False
    outcome = JobOutcome(
        followers=tuple(map(rebuilt_flow, result["followers"])),
        stop_children=result["stop_children"],
        stop_jobflow=result["stop_jobflow"],
        serial=_serial(records, job, known),
    )
    output = HeldOutput(JobStoreDocument(**result["document"]), result["save"])
    records.finish(job, output, outcome, result["seconds"], recipe=recipe)
    return True


def _serial(records: RunRecords, job: Job, known: dict[str, Any] | None) -> int:
    """Return the serial of a result; one that was damaged in the store keeps its own."""
    damaged = known is None and records.serial(job.uuid, job.index)
    return damaged or records.next_serial()
