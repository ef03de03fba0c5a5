"""The doctor's last check: a job on each worker, through the queue and back."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from cuprolith.errors import CuprolithError
from workflows.checks import Check
from workflows.hpc.doctor.probe_jobs import (
    NOT_TAKEN_UP,
    has_ended,
    is_free,
    left_over_probes,
    remove_probe,
    submit_probe,
    watch_probes,
)
from workflows.hpc.doctor.probe_standing import describe_standing
from workflows.hpc.doctor.probe_verdict import judge, own_subject
from workflows.hpc.doctor.remedies import Remedies
from workflows.hpc.jobs.campaign_jobs import JobRecord, find_job

if TYPE_CHECKING:
    from jobflow_remote.jobs.jobcontroller import JobController


def round_trip(
    controller: JobController,
    workers: Iterable[str],
    report: Callable[[Check], None],
    *,
    seconds: float,
    remedies: Remedies,
    gpus: int = 0,
) -> None:
    """Send a job to each worker and report what it found; then remove all that has ended.

    A job that waits in the queue when the time is over stays there; the next doctor removes it.

    Parameters
    ----------
    remedies
        How the project is changed.
    gpus
        GPUs that the class ``gpu`` asks for on a node.
    """
    _remove(controller, left_over_probes(controller), report, force=True)
    probes: list[JobRecord] = []
    stay: frozenset[str] = frozenset()
    try:
        for worker in workers:
            probes.append(submit_probe(controller, worker, seconds=seconds))  # noqa: PERF401
        standing = watch_probes(controller, probes, seconds=seconds)
        checks = [
            (probe.worker, check)
            for probe in standing
            for check in _checks(controller, probe, seconds, remedies, gpus)
        ]
        for check in _together(checks):
            report(check)
        stay = frozenset(
            probe.db_id
            for probe in standing
            if not has_ended(probe) and probe.state not in NOT_TAKEN_UP
        )
    finally:
        # as they are now, after Ctrl-C too: then nobody wants to know of any
        _remove(controller, (probe for probe in probes if probe.db_id not in stay), report)


def _checks(
    controller: JobController, probe: JobRecord, seconds: float, remedies: Remedies, gpus: int
) -> list[Check]:
    if probe.state != "COMPLETED":
        return [describe_standing(controller, probe, seconds=seconds)]
    output = controller.get_job_output(job_id=probe.uuid)
    return judge(probe.worker, output, remedies=remedies, gpus=gpus)


def _together(checks: Iterable[tuple[str, Check]]) -> list[Check]:
    """Return one check for each worker, and then one for all that found the same."""
    own: list[Check] = []
    shared: dict[str, tuple[Check, list[str]]] = {}
    for worker, check in checks:
        if check.subject == own_subject(worker):
            own.append(check)
        else:
            shared.setdefault(check.model_dump_json(), (check, []))[1].append(worker)
    common = [
        check.model_copy(update={"subject": f"{check.subject} on {', '.join(workers)}"})
        for check, workers in shared.values()
    ]
    return own + sorted(common, key=lambda check: check.subject)


def _remove(
    controller: JobController,
    probes: Iterable[JobRecord],
    report: Callable[[Check], None],
    *,
    force: bool = False,
) -> None:
    for probe in probes:
        try:
            now = find_job(controller, probe.uuid)
            if force or is_free(now):
                remove_probe(controller, now)
        except CuprolithError as error:
            report(
                Check(
                    subject=f"job {probe.db_id}",
                    status="note",
                    found=error.message,
                    remedy=error.remedy,
                )
            )
