"""What jobflow-remote 1.0.1 does not do itself: each function repairs one fault of that version.

"Fault" says what goes wrong, and "Source" the function of the installed 1.0.1 in which it was read.
Kills are repeated on a real SLURM by the tests of this module; other versions were not looked at.
When jobflow-remote repairs one, delete the function. Numbers are threads at
github.com/Matgenix/jobflow-remote; where none is given, a search found none.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from cuprolith.errors import CuprolithError
from workflows.hpc.jobs.campaign_jobs import JobRecord, jobs_with_ids
from workflows.hpc.jobs.job_states import COMPLETED, NOT_BEGUN_STATES, UNDERWAY_STATES

if TYPE_CHECKING:
    from jobflow_remote.jobs.jobcontroller import JobController

# The runner holds a flow for moments; jobflow-remote looks again every 10 s.
LOCK_SECONDS = 60
OUTPUT_FILE = "jfremote_out.json"
_SQUEUE = "squeue --noheader --format='%A %Z'"
_LEADS_TO = ("replace", "detour", "addition")
_UNTOUCHED = ("WAITING", "READY", "STOPPED", "PAUSED")
# No node has begun with these.
_IN_THE_QUEUE = ("CHECKED_OUT", "UPLOADED", "SUBMITTED")
_ON_A_NODE = tuple(state for state in UNDERWAY_STATES if state not in _IN_THE_QUEUE)
_POLL_SECONDS = 1.0


def unlock_flow(controller: JobController, job: JobRecord, limit: datetime) -> bool:
    """Unlock the flow of a job if it was locked before `limit`; return whether it was.

    Fault: a runner that is killed leaves its locks on jobs and flows for ever. The documentation
    says to unlock by hand (pull request 87). Source: `QueueConfig.lock_timeout` is declared, and
    nothing reads it.
    """
    stale = {"jobs": job.uuid, "lock_time": {"$lt": limit}}
    if controller.flows.find_one(stale, ["uuid"]) is None:
        return False
    return bool(controller.unlock_flows(job_ids=job.uuid))


def job_output(controller: JobController, job: JobRecord) -> dict[str, Any] | None:
    """Return what a job has written into its folder; None if it has not begun.

    Fault: a job whose state was lost between scheduler and database is submitted again when it is
    unlocked, even if its output exists. Source: `Runner.submit` does not look.
    """
    from jobflow_remote.utils.remote import SharedHosts

    with SharedHosts(controller.project) as hosts:
        path = Path(job.run_dir or "", OUTPUT_FILE)
        try:
            content = json.loads(hosts.get_host(job.worker).read_text_file(str(path)))
        except (OSError, ValueError):
            return None
    return content if isinstance(content, dict) else None


def has_ended(output: dict[str, Any] | None) -> bool:
    """Return whether a job with this output has ended; it first writes when it starts."""
    return output is not None and ("response" in output or "error" in output)


def queue_id_of_folder(controller: JobController, worker: str, folder: str) -> str | None:
    """Return the scheduler's id of the job that was submitted from a folder; None if there is none.

    Fault: a runner that is killed between `sbatch` and its write to the database, or that cannot
    read the id, leaves a job that runs and that the database does not know; unlocked, it is
    submitted a second time. Source: `Runner.submit` writes the id when it releases the lock.

    Folders are compared by their names, which are unique: where there are links, the queue knows
    the folders above by other names.

    Raises
    ------
    CuprolithError
        If the scheduler cannot be asked, or does not answer.
    """
    from jobflow_remote.utils.remote import SharedHosts

    assert controller.project is not None
    if controller.project.workers[worker].scheduler_type != "slurm":
        raise CuprolithError(
            f"the scheduler of worker {worker} cannot be asked for the job of a folder",
            where=folder,
            remedy="look whether the job is in the queue, end it there, then `jf admin unlock`",
        )
    with SharedHosts(controller.project) as hosts:
        output, error, code = hosts.get_host(worker).execute(_SQUEUE)
    if code:
        raise CuprolithError(
            f"squeue failed on worker {worker}: {error.strip() or output.strip()}",
            remedy="fix this first; otherwise the job might be submitted twice",
        )
    for line in output.splitlines():
        job_id, _, submitted_from = line.strip().partition(" ")
        if PurePosixPath(submitted_from).name == PurePosixPath(folder).name:
            return job_id
    return None


def undo_adding(controller: JobController, job: JobRecord) -> int:
    """Remove the jobs that were added when a job was completed; return how many there were.

    None of them can have run: they wait for the job that led to them.

    Fault: a runner that is killed while it adds the jobs that a job leads to adds them a second
    time, which the database refuses (duplicate key) as long as one of them is there. Source:
    `JobController._append_flow` writes them into the flow, then into the jobs, and only then
    the job is marked as completed.

    Raises
    ------
    CuprolithError
        If one of them has been started, or the job has changed meanwhile.
    """
    at_rest = {"db_id": job.db_id, "state": job.state}
    with controller.lock_job(filter=at_rest, break_lock=True) as lock:
        if lock.locked_document is None:
            raise CuprolithError(
                f"job {job.db_id} ({job.name}) has changed meanwhile",
                remedy="look again: cuprolith status",
            )
        added = set(jobs_led_to(job_output(controller, job) or {}))
        present = jobs_with_ids(controller, added)
        started = [child.db_id for child in present if child.state not in _UNTOUCHED]
        if started:
            raise CuprolithError(
                f"job {job.db_id} was interrupted as it added jobs, and {len(started)} of these "
                f"ran: {', '.join(started[:5])}",
                remedy="look at them with `jf job info`",
            )
        controller.jobs.delete_many({"db_id": {"$in": [child.db_id for child in present]}})
        _remove_from_flow(controller, job, added)
    return len(present)


def _remove_from_flow(
    controller: JobController, job: JobRecord, added: set[tuple[str, int]]
) -> None:
    flow = controller.flows.find_one({"jobs": job.uuid}, ["ids", "jobs", "parents"])
    if flow is None or not added:
        return
    parents = {
        uuid: kept
        for uuid, by_index in flow["parents"].items()
        if (kept := {i: p for i, p in by_index.items() if (uuid, int(i)) not in added})
    }
    rest = {
        "ids": [entry for entry in flow["ids"] if (entry[1], int(entry[2])) not in added],
        "jobs": [uuid for uuid in flow["jobs"] if uuid in parents],
        "parents": parents,
    }
    controller.flows.update_one({"_id": flow["_id"]}, {"$set": rest})
    gone = list({uuid for uuid, _ in added} - set(rest["jobs"]))
    waits = {"uuid": {"$in": rest["jobs"]}, "parents": {"$in": gone}}
    controller.jobs.update_many(waits, {"$pull": {"parents": {"$in": gone}}})


def jobs_led_to(output: dict[str, Any]) -> Iterator[tuple[str, int]]:
    """Yield uuid and index of each job that a job with this output leads to."""
    response = output.get("response") or {}
    parts = [response[kind] for kind in _LEADS_TO if response.get(kind)]
    while parts:
        part = parts.pop()
        if "jobs" in part:
            parts += part["jobs"]
        else:
            yield part["uuid"], int(part.get("index", 1))


def stop_not_begun(controller: JobController, query: dict[str, Any]) -> int:
    """Stop the jobs of a query that are ready or wait, all at once, and return how many.

    Fault: to stop 2,000 jobs takes half an hour, and jobs that wait are refused. Source:
    `JobController.stop_job`, which `stop_jobs` calls for each, reads the states of its whole flow.
    """
    waiting = {**query, "state": {"$in": list(NOT_BEGUN_STATES)}, "lock_id": None}
    stopped = [job["uuid"] for job in controller.jobs.find(waiting, ["uuid"])]
    if not stopped:
        return 0
    values = {"state": "USER_STOPPED", "updated_on": datetime.now(UTC)}
    # What the runner has taken meanwhile is left to it.
    done = controller.jobs.update_many({**waiting, "uuid": {"$in": stopped}}, {"$set": values})
    flows = list(controller.flows.find({"jobs": {"$in": stopped}}, ["uuid"]))
    update_flow_states(controller, (flow["uuid"] for flow in flows))
    return int(done.modified_count)


def update_flow_states(controller: JobController, uuids: Iterable[str]) -> None:
    """Bring the states of flows up to date after `stop_not_begun`."""
    for uuid in uuids:
        with controller.lock_flow(filter={"uuid": uuid}, sleep=2, max_wait=LOCK_SECONDS):
            controller.update_flow_state(flow_uuid=uuid)


def stop_jobs_after(
    controller: JobController, job: JobRecord, *, patience: float = LOCK_SECONDS
) -> bool:
    """Stop all jobs after one that is to run again; return whether there were any to stop.

    After it, `rerun_job` resets the stopped jobs if it is forced to. Jobs in the queue are taken
    out of it. If this is interrupted, the same call completes it.

    Fault: `rerun_job` refuses where a job after the failed one is no longer waiting, which is so
    whenever jobs run without their failed parents; when it is forced to, it resets jobs that are in
    the queue or on a node, too. Source: `JobController._full_rerun`. Related: issue 139.

    Parameters
    ----------
    patience
        How long to wait for those that a node has begun with, s.

    Raises
    ------
    CuprolithError
        If the next stage has begun, or one of the jobs has led to others; or if one of them runs.
    """
    after = jobs_after(controller, job)
    if all(each.state in ("WAITING", "PAUSED") for each in after):
        return False
    end = time.monotonic() + patience
    while True:
        _require_undoable(controller, job, after)
        moving = [each for each in after if each.state in (*NOT_BEGUN_STATES, *UNDERWAY_STATES)]
        if not moving:
            return True
        if time.monotonic() > end:
            raise CuprolithError(
                f"job {job.db_id} ({job.name}) was not tried again: job {moving[0].db_id} "
                f"({moving[0].name}) has begun without it and is {moving[0].state}",
                remedy="wait until it has ended, then run the same command again",
            )
        n_stopped = stop_not_begun(controller, {"uuid": {"$in": [each.uuid for each in moving]}})
        for each in moving:
            if each.state in _IN_THE_QUEUE:
                with suppress(Exception):  # locked, or has moved on: the next round looks again
                    controller.stop_job(db_id=each.db_id)
        if n_stopped < len(moving):
            time.sleep(_POLL_SECONDS)
        after = jobs_after(controller, job)


def jobs_after(controller: JobController, job: JobRecord) -> list[JobRecord]:
    """Return all jobs that come after one.

    Fault: the time grows exponentially where ways through the flow meet again. Source:
    `FlowDoc.descendants` follows each way, and visits a job once for each.
    """
    flow = controller.flows.find_one({"jobs": job.uuid}, ["parents"])
    children: dict[str, set[tuple[str, int]]] = defaultdict(set)
    for uuid, by_index in flow["parents"].items() if flow else ():
        for index, parents in by_index.items():
            for parent in parents:
                children[parent].add((uuid, int(index)))
    reached: set[tuple[str, int]] = set()
    left = [job.uuid]
    while left:
        fresh = children[left.pop()] - reached
        reached |= fresh
        left += [uuid for uuid, _ in fresh]
    return jobs_with_ids(controller, reached)


def _require_undoable(controller: JobController, job: JobRecord, after: list[JobRecord]) -> None:
    """Raise if something that cannot be undone was made without the job."""
    for each in after:
        if each.stage != job.stage:
            is_used = each.state in (COMPLETED, *_ON_A_NODE)
        else:
            output = job_output(controller, each) if each.state == COMPLETED else None
            is_used = any(jobs_led_to(output or {}))
        if is_used:
            raise CuprolithError(
                f"job {job.db_id} ({job.name}) cannot run again: the campaign has continued "
                f"without it, with {each.name} ({each.db_id})",
                remedy="when the campaign has ended, run `cuprolith submit` again: it adds what "
                "is missing, and what depends on it",
            )
