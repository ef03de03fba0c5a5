"""The doctor's jobs in the queue: submit one to each worker, watch them, remove all they left.

All are flows of one name. Each doctor first removes those that an earlier one has left.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from time import monotonic, sleep
from typing import TYPE_CHECKING

from cuprolith.errors import CuprolithError
from cuprolith.progress import progress_bar
from workflows.hpc.doctor.probe import examine_node
from workflows.hpc.job_metadata import CAMPAIGN, STAGE
from workflows.hpc.jobs.campaign_jobs import PROBE_CAMPAIGN, JobRecord, find_job
from workflows.hpc.jobs.job_database import jf_command
from workflows.hpc.jobs.job_states import UNDERWAY_STATES, word_of
from workflows.hpc.jobs.jobflow_remote_repairs import LOCK_SECONDS
from workflows.hpc.setup.workers import VASP_EXECUTION
from workflows.tuning.resources import RESOURCE

if TYPE_CHECKING:
    from jobflow_remote.jobs.jobcontroller import JobController

FLOW = "cuprolith doctor"
NOT_STARTED = ("WAITING", "READY", "CHECKED_OUT")
# A campaign's jobs may wait for the runner by the thousand.
_PRIORITY = 1000
_POLL_SECONDS = 1.0
# A runner that works has taken a new job after so many looks, and so many seconds.
_RUNNER_LOOKS = 4
_RUNNER_SECONDS = 120.0
# In these states the runner is in the middle of something: the job is not removed then.
_IN_HAND = ("CHECKED_OUT", "RUN_FINISHED", "DOWNLOADED")


def submit_probe(controller: JobController, worker: str, gpus: int = 0) -> JobRecord:
    """Submit a job to a worker, with the worker's own resources.

    Parameters
    ----------
    gpus
        GPUs that the class `gpu` asks for.
    """
    from jobflow import Flow, Job

    assert controller.project is not None
    dft = worker.startswith("dft-")
    job = Job(
        function=examine_node,
        function_args=(worker, str(controller.project.workers[worker].work_dir)),
        function_kwargs={"engines": dft, "gpus": gpus if worker.startswith("gpu") else None},
        name=f"doctor-{worker}",
        metadata={CAMPAIGN: PROBE_CAMPAIGN, STAGE: "probe", RESOURCE: worker},
    )
    execution = VASP_EXECUTION if dft and VASP_EXECUTION in controller.project.exec_config else None
    (db_id,) = controller.add_flow(
        Flow([job], name=FLOW), worker=worker, exec_config=execution, priority=_PRIORITY
    )
    return find_job(controller, db_id)


def watch_probes(
    controller: JobController, probes: Iterable[JobRecord], *, seconds: float
) -> list[JobRecord]:
    """Wait until all have ended, or the time is over; return the last state of each.

    If no runner takes any of them for a while, it stops waiting.

    Raises
    ------
    CuprolithError
        If another doctor has removed them meanwhile.
    """
    jobs = {probe.db_id: probe for probe in probes}
    start = monotonic()
    patience = min(seconds, runner_patience(controller))
    with progress_bar("round trip", len(jobs)) as bar:
        while True:
            for db_id in [db_id for db_id, probe in jobs.items() if not has_ended(probe)]:
                jobs[db_id] = _look_up(controller, db_id)
                bar.advance(int(has_ended(jobs[db_id])))
            left = [probe for probe in jobs.values() if not has_ended(probe)]
            counts = Counter(word_of(probe.state) or probe.state for probe in left)
            bar.say(", ".join(f"{count} {word}" for word, count in counts.items()))
            no_runner = all(probe.state in NOT_STARTED for probe in jobs.values())
            if not left or monotonic() - start > (patience if no_runner else seconds):
                return list(jobs.values())
            sleep(_POLL_SECONDS)


def runner_patience(controller: JobController) -> float:
    """Return after how many seconds a runner that works has taken a new job."""
    assert controller.project is not None
    return max(_RUNNER_SECONDS, _RUNNER_LOOKS * controller.project.runner.delay_checkout)


def has_ended(probe: JobRecord) -> bool:
    """Return whether there is no more to learn: it has ended, or a step of it failed.

    jobflow-remote tries that step again after a while, and most often fails again.
    """
    return bool(probe.remote.get("error")) or probe.state not in (*NOT_STARTED, *UNDERWAY_STATES)


def waits_in_queue(probe: JobRecord) -> bool:
    """Return whether the runner has taken it, and it has not ended."""
    return not has_ended(probe) and probe.state not in NOT_STARTED


def remove_left_overs(controller: JobController) -> list[CuprolithError]:
    """Remove the jobs of earlier doctors; return why those that are left cannot be removed."""
    flows = controller.flows.find({"name": FLOW}, ["jobs"])
    return remove_probes(controller, [it for flow in flows for it in flow["jobs"]], force=True)


def remove_probes(
    controller: JobController, uuids: Iterable[str], *, force: bool = False
) -> list[CuprolithError]:
    """Remove jobs from the queue and the database, with output and folder.

    Parameters
    ----------
    uuids
        Uuids of the jobs; those that no longer exist are skipped.
    force
        Also remove those that the runner is working on.

    Returns
    -------
    list of CuprolithError
        Why those that are left cannot be removed.
    """
    problems = []
    for uuid in uuids:
        flow = controller.flows.find_one({"jobs": uuid}, ["uuid"])
        if flow is None:
            continue
        try:
            probe = find_job(controller, uuid)
            if force or has_ended(probe) or probe.state not in _IN_HAND:
                controller.delete_flow(
                    flow["uuid"], delete_output=True, delete_files=True, wait=LOCK_SECONDS
                )
        # jobflow-remote's locks, SSH: each raises its own errors
        except Exception as error:  # noqa: BLE001
            command = jf_command(controller, "flow", "delete", "--all", uuid)
            message = f"a job of a doctor was not removed: {error}"
            problems.append(CuprolithError(message, remedy=command))
    return problems


def _look_up(controller: JobController, db_id: str) -> JobRecord:
    try:
        return find_job(controller, db_id)
    except CuprolithError:
        raise CuprolithError(
            "the jobs of this doctor were removed while it waited, by another doctor",
            remedy="run one at a time",
        ) from None
