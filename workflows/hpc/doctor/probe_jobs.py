"""The doctor's jobs in the queue: sent to each worker, watched, and removed with all they left.

All are flows of one name. Whoever starts a doctor removes those that an earlier one has left.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from time import monotonic, sleep
from typing import TYPE_CHECKING

from cuprolith.errors import CuprolithError
from workflows.hpc.doctor.probe import examine_node
from workflows.hpc.job_metadata import CAMPAIGN, RESOURCE, STAGE
from workflows.hpc.jobs.campaign_jobs import PROBE_CAMPAIGN, JobRecord, find_job
from workflows.hpc.jobs.job_database import jf_command
from workflows.hpc.jobs.job_states import UNDERWAY_STATES, word_of
from workflows.hpc.jobs.jobflow_remote_repairs import LOCK_SECONDS
from workflows.hpc.setup.workers import VASP_EXECUTION
from workflows.progress import progress_bar

if TYPE_CHECKING:
    from jobflow_remote.jobs.jobcontroller import JobController

FLOW = "cuprolith doctor"
NOT_TAKEN_UP = ("WAITING", "READY", "CHECKED_OUT")
# A campaign's jobs may wait for the runner by the thousand.
_PRIORITY = 1000
_POLL_SECONDS = 1.0
# Looks of the runner for new jobs, and the least time, after which it is not at work.
_RUNNER_LOOKS = 4
_RUNNER_SECONDS = 120.0
# Where taking a job away would hit the runner in the middle of it.
_IN_HAND = ("CHECKED_OUT", "RUN_FINISHED", "DOWNLOADED")


def submit_probe(controller: JobController, worker: str) -> JobRecord:
    """Send a job to a worker, with the worker's own resources."""
    from jobflow import Flow, Job

    assert controller.project is not None
    engine = worker.startswith("dft-")
    job = Job(
        function=examine_node,
        function_args=(str(controller.project.workers[worker].work_dir),),
        function_kwargs={"engine": engine, "gpu": worker.startswith("gpu")},
        name=f"doctor-{worker}",
        metadata={CAMPAIGN: PROBE_CAMPAIGN, STAGE: "probe", RESOURCE: worker},
    )
    execution = VASP_EXECUTION if VASP_EXECUTION in controller.project.exec_config else None
    (db_id,) = controller.add_flow(
        Flow([job], name=FLOW),
        worker=worker,
        exec_config=execution if engine else None,
        priority=_PRIORITY,
    )
    return find_job(controller, db_id)


def watch_probes(
    controller: JobController, probes: Iterable[JobRecord], *, seconds: float
) -> list[JobRecord]:
    """Wait until all have ended, or the time is over; return the state of each.

    Where no runner takes up any of them, it does not wait longer for that.

    Raises
    ------
    CuprolithError
        If another doctor has removed them meanwhile.
    """
    standing = {probe.db_id: probe for probe in probes}
    start = monotonic()
    patience = min(seconds, runner_patience(controller))
    with progress_bar("round trip", len(standing)) as bar:
        while True:
            open_ones = [db_id for db_id, probe in standing.items() if not has_ended(probe)]
            for db_id in open_ones:
                standing[db_id] = _looked_up(controller, db_id)
                bar.advance(int(has_ended(standing[db_id])))
            left = [probe for probe in standing.values() if not has_ended(probe)]
            counts = Counter(word_of(probe.state) or probe.state for probe in left)
            bar.say(", ".join(f"{count} {word}" for word, count in counts.items()))
            untouched = all(probe.state in NOT_TAKEN_UP for probe in standing.values())
            if not left or monotonic() - start > (patience if untouched else seconds):
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
    is_open = probe.state in (*NOT_TAKEN_UP, *UNDERWAY_STATES)
    return bool(probe.remote.get("error")) or not is_open


def waits_in_queue(probe: JobRecord) -> bool:
    """Return whether the runner has taken it up, and it has not ended."""
    return not has_ended(probe) and probe.state not in NOT_TAKEN_UP


def remove_left_overs(controller: JobController) -> list[CuprolithError]:
    """Remove the jobs of earlier doctors; return why what is left cannot be removed."""
    jobs = [
        uuid for flow in controller.flows.find({"name": FLOW}, ["jobs"]) for uuid in flow["jobs"]
    ]
    return remove_probes(controller, jobs, force=True)


def remove_probes(
    controller: JobController, uuids: Iterable[str], *, force: bool = False
) -> list[CuprolithError]:
    """Remove jobs from the queue and the database, with output and folder.

    Parameters
    ----------
    uuids
        Their uuids; those that are no longer there are skipped.
    force
        Also remove what the runner has in hand.

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
        # jobflow-remote's locks, SSH: each raises what it likes
        except Exception as error:  # noqa: BLE001
            command = jf_command(controller, "flow", "delete", "--all", uuid)
            problems.append(
                CuprolithError(f"a job of a doctor was not removed: {error}", remedy=command)
            )
    return problems


def _looked_up(controller: JobController, db_id: str) -> JobRecord:
    try:
        return find_job(controller, db_id)
    except CuprolithError:
        raise CuprolithError(
            "the jobs of this doctor were removed while it waited, by another doctor",
            remedy="run one at a time",
        ) from None
