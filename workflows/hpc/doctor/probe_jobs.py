"""The doctor's jobs in the queue: sent to each worker, watched, and removed with all they left."""

from __future__ import annotations

import os
import socket
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

import psutil

from cuprolith.errors import CuprolithError
from workflows.hpc.doctor.probe import examine_node
from workflows.hpc.job_metadata import CAMPAIGN, RESOURCE, STAGE
from workflows.hpc.jobs.campaign_jobs import PROBE_CAMPAIGN, CampaignJobs, JobRecord, find_job
from workflows.hpc.jobs.job_database import jf_command
from workflows.hpc.jobs.job_states import PASSING_STATES, UNDERWAY_STATES
from workflows.hpc.jobs.jobflow_remote_repairs import LOCK_SECONDS
from workflows.hpc.setup.workers import VASP_EXECUTION
from workflows.progress import progress_bar

if TYPE_CHECKING:
    from jobflow_remote.jobs.jobcontroller import JobController

_FLOW = "cuprolith doctor"
_OWNER = "doctor"
# A campaign's jobs may wait for the runner by the thousand.
_PRIORITY = 1000
_POLL_SECONDS = 1.0
# Looks of the runner for new jobs, and the least time, after which it is not at work.
_RUNNER_LOOKS = 4
_RUNNER_SECONDS = 120.0
_CLOCKS_DIFFER = timedelta(hours=1)
NOT_TAKEN_UP = ("WAITING", "READY", "CHECKED_OUT")
# Where taking a job away would hit the runner or an allocation in the middle of it.
_IN_HAND = ("CHECKED_OUT", "BATCH_RUNNING", "RUN_FINISHED", "DOWNLOADED")
_WORDS = {
    "SUBMITTED": "in the queue",
    "BATCH_SUBMITTED": "before an allocation",
    "RUNNING": "running",
    "BATCH_RUNNING": "running",
}


def submit_probe(controller: JobController, worker: str, *, seconds: float) -> JobRecord:
    """Send a job to a worker, with the worker's own resources.

    Parameters
    ----------
    seconds
        How long whoever sends it is going to wait for it.
    """
    from jobflow import Flow, Job

    assert controller.project is not None
    vasp = worker.startswith("dft-")
    until = datetime.now(UTC) + timedelta(seconds=seconds) + _CLOCKS_DIFFER
    owner = {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "started": psutil.Process().create_time(),
        "until": until.isoformat(),
    }
    job = Job(
        function=examine_node,
        function_args=(str(controller.project.workers[worker].work_dir),),
        function_kwargs={"vasp": vasp, "gpu": worker.startswith("gpu")},
        name=f"doctor-{worker}",
        metadata={
            CAMPAIGN: PROBE_CAMPAIGN,
            STAGE: "probe",
            RESOURCE: worker,
            _OWNER: owner,
        },
    )
    execution = VASP_EXECUTION if VASP_EXECUTION in controller.project.exec_config else None
    (db_id,) = controller.add_flow(
        Flow([job], name=_FLOW),
        worker=worker,
        exec_config=execution if vasp else None,
        priority=_PRIORITY,
    )
    return find_job(controller, db_id)


def watch_probes(
    controller: JobController, probes: Iterable[JobRecord], *, seconds: float
) -> list[JobRecord]:
    """Wait until all have ended, or the time is over; return how each stands then.

    Where no runner takes up any of them, that is told without waiting longer.
    """
    standing = {probe.db_id: probe for probe in probes}
    start = monotonic()
    patience = min(seconds, runner_patience(controller))
    ended: set[str] = set()
    with progress_bar("round trip", len(standing)) as bar:
        while True:
            for db_id in [db_id for db_id in standing if db_id not in ended]:
                standing[db_id] = find_job(controller, db_id)
                if has_ended(standing[db_id]):
                    ended.add(db_id)
                    bar.advance(1)
            bar.say(_said(probe for db_id, probe in standing.items() if db_id not in ended))
            untouched = all(probe.state in NOT_TAKEN_UP for probe in standing.values())
            waited = monotonic() - start
            if len(ended) == len(standing) or waited > (patience if untouched else seconds):
                return list(standing.values())
            sleep(_POLL_SECONDS)


def runner_patience(controller: JobController) -> float:
    """Return after how many seconds a runner that is at work has taken up a new job."""
    assert controller.project is not None
    return max(_RUNNER_SECONDS, _RUNNER_LOOKS * controller.project.runner.delay_checkout)


def has_ended(probe: JobRecord) -> bool:
    """Return whether there is no more to learn: it has ended, or a step of it failed.

    jobflow-remote tries that step again after a while, and most often fails again.
    """
    return bool(probe.remote.get("error")) or not _is_open(probe)


def is_free(probe: JobRecord) -> bool:
    """Return whether a job can be taken away: nothing works on it but the queue."""
    return has_ended(probe) or probe.state not in _IN_HAND


def left_over_probes(controller: JobController) -> list[JobRecord]:
    """Return the jobs of doctors that are no more."""
    return [probe for probe in _all_probes(controller) if not _is_owned(probe)]


def remove_probe(controller: JobController, probe: JobRecord) -> None:
    """Remove a job from the queue and the database, with its output and its folder.

    Raises
    ------
    CuprolithError
        If something of it cannot be removed.
    """
    flow = controller.flows.find_one({"jobs": probe.uuid}, ["uuid"])
    if flow is None:
        return
    try:
        if probe.state == "BATCH_SUBMITTED":
            _withdraw(controller, probe)
        controller.delete_flow(
            flow["uuid"], delete_output=True, delete_files=True, wait=LOCK_SECONDS
        )
    # jobflow-remote's locks, SSH: each raises what it likes
    except Exception as error:
        command = jf_command(controller, "flow", "delete", "--all", probe.uuid)
        raise CuprolithError(
            f"job {probe.db_id} ({probe.name}) was not removed: {error}", remedy=command
        ) from error


def _withdraw(controller: JobController, probe: JobRecord) -> None:
    """Take a job out of the folder from which allocations take theirs."""
    from jobflow_remote.jobs.batch import RemoteBatchManager
    from jobflow_remote.utils.remote import SharedHosts

    assert controller.project is not None
    batch = controller.project.workers[probe.worker].batch
    if batch is None:
        return
    with SharedHosts(controller.project) as hosts:
        host = hosts.get_host(probe.worker)
        batches = RemoteBatchManager(host, batch.jobs_handle_dir)
        name = f"{probe.uuid}_{probe.index}"
        if name in batches.get_submitted():
            host.remove(batches.submitted_dir / name)


def _all_probes(controller: JobController) -> list[JobRecord]:
    from jobflow_remote.jobs.state import JobState

    states = [state.value for state in JobState]
    return list(CampaignJobs(controller, PROBE_CAMPAIGN).in_states(*states))


def _is_owned(probe: JobRecord) -> bool:
    """Return whether the doctor that sent it may still wait for it."""
    owner: dict[str, Any] = probe.metadata.get(_OWNER) or {}
    if owner.get("host") != socket.gethostname():
        return datetime.now(UTC) < datetime.fromisoformat(owner["until"]) if owner else False
    try:
        return bool(psutil.Process(owner["pid"]).create_time() == owner["started"])
    except psutil.Error:
        return False


def _is_open(probe: JobRecord) -> bool:
    return probe.state in (*NOT_TAKEN_UP, *UNDERWAY_STATES)


def _said(probes: Iterable[JobRecord]) -> str:
    counts = Counter(_word(probe.state) for probe in probes)
    return ", ".join(f"{count} {word}" for word, count in counts.items())


def _word(state: str) -> str:
    if state in NOT_TAKEN_UP:
        return "for the runner to take up"
    if state in PASSING_STATES:
        return "on its way"
    return _WORDS.get(state, state)
