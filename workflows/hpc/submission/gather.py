"""Results of queued label jobs into the workdir's own store, as if they had run at home.

Whatever reads labels (collect, labels.json, the report, `cuprolith run`) then knows one place.
"""

from __future__ import annotations

from datetime import datetime

from jobflow.core.schemas import JobStoreDocument

from workflows.hpc.submission.job_folder import JobFolder
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

    One result is in memory at a time. They are stored in the order in which they were given, so
    that a run at home finds none outdated.
    """
    jobs = label_jobs(workdir)
    store = job_store(workdir.label_store)
    store.connect()
    records = RunRecords(store)
    n_gathered = 0
    try:
        uuids = list(jobs.results())
        with progress_bar("gather", total=len(uuids)) as bar:
            for uuid in uuids:
                n_gathered += _gathered(jobs, uuid, records)
                bar.advance(1)
        for failure in jobs.failures():
            records.keep_failure(JobFailure(**failure))
    finally:
        records.close()
        store.close()
    return n_gathered


def _gathered(jobs: JobFolder, uuid: str, records: RunRecords) -> bool:
    """Store a result, unless the store has this one; return whether it was stored."""
    job = jobs.job(uuid).job
    known, written = records.finished(uuid, job.index), jobs.finished_at(uuid)
    if known is not None and written is not None and _nanoseconds(known["finished_at"]) >= written:
        return False
    result = jobs.result(uuid)
    if result is None:
        return False
    outcome = JobOutcome(
        followers=tuple(map(rebuilt_flow, result["followers"])),
        stop_children=result["stop_children"],
        stop_jobflow=result["stop_jobflow"],
        serial=records.next_serial(),
    )
    output = HeldOutput(JobStoreDocument(**result["document"]), result["save"])
    records.finish(job, output, outcome, result["seconds"])
    return True


def _nanoseconds(time: str) -> float:
    return datetime.fromisoformat(time).timestamp() * 1e9
