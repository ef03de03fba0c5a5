"""Why the doctor's job did not complete: it failed, or its end is not known yet."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from workflows.checks import Check
from workflows.environment import cuprolith_version
from workflows.hpc.doctor.findings import own_subject
from workflows.hpc.doctor.probe_jobs import NOT_TAKEN_UP, has_ended, runner_patience
from workflows.hpc.jobs.campaign_jobs import JobRecord
from workflows.hpc.jobs.error_lines import error_line
from workflows.hpc.jobs.job_database import jf_command
from workflows.hpc.jobs.job_logs import job_logs
from workflows.hpc.jobs.job_states import ON_A_NODE

if TYPE_CHECKING:
    from jobflow_remote.jobs.jobcontroller import JobController

_LINES = 20
_STDERR = re.compile(r"stderr=(?P<quote>['\"])(?P<text>.+?)(?P=quote)")
# An exec config or a worker that the runner does not know.
_OLD_PROJECT = "jobflow_remote.config.base.ConfigError"
_UNKNOWN_FUNCTION = "could not be deserialized"
_STOPPED_LINE = "cuprolith: this line of the job script failed:"
_WAITS = {"SUBMITTED": "waits in the queue"}


def explain_probe(controller: JobController, probe: JobRecord, *, seconds: float) -> Check:
    """Return what is to be said of a job that has not completed.

    Parameters
    ----------
    seconds
        How long it was waited for, at most.
    """
    assert controller.project is not None
    subject = own_subject(probe.worker)
    patience = runner_patience(controller)
    if has_ended(probe):
        found, remedy = _failure(controller, probe)
    elif probe.state in NOT_TAKEN_UP and seconds >= patience:
        found = f"the runner has not taken up the job in {patience:.0f} s"
        remedy = (
            f"{jf_command(controller, 'runner', 'start')}; its log is runner.log in "
            f"{controller.project.log_dir}"
        )
    else:
        return Check(
            subject=subject,
            status="note",
            found=f"not yet known after {seconds:.0f} s: {_underway(controller, probe)}",
            remedy=f"cuprolith logs {probe.db_id} --project {controller.project.name}, or again "
            "with a longer --timeout",
        )
    return Check(subject=subject, status="missing", found=found, remedy=remedy)


def _failure(controller: JobController, probe: JobRecord) -> tuple[str, str]:
    transfer = probe.remote.get("error")
    if transfer and probe.state != "FAILED":
        step = probe.previous_state if probe.state == "REMOTE_ERROR" else probe.state
        # what the scheduler said, out of qtoolkit's account of it
        said = _STDERR.search(transfer)
        cause = said["text"].replace("\\n", " ").strip() if said else error_line(transfer)
        remedy = "fix what it names: partition, account, limits, or the connection"
        if _OLD_PROJECT in transfer:
            restart = jf_command(controller, "runner", "restart")
            remedy = f"the runner works with the project as it was when it started: {restart}"
        return f"the step after {step} failed: {cause}", remedy
    if _UNKNOWN_FUNCTION in (probe.error or ""):
        return (
            "the Python there has no Cuprolith that knows this check",
            f"install Cuprolith {cuprolith_version()} there, or name its Python in `environment`",
        )
    said_last = _last_words(controller, probe)
    found = f"the job ended with {probe.state}: {error_line(probe.error) or 'no error'}"
    remedy = "fix what it names"
    if _STOPPED_LINE in said_last:
        remedy = "fix that line in `environment` of the settings, or what it needs"
    return f"{found}; queue.err: {said_last}" if said_last else found, remedy


def _last_words(controller: JobController, probe: JobRecord) -> str:
    """Return the line of the queue's log that says most: ours, or else the last one."""
    for tail in job_logs(controller, probe, lines=_LINES).files:
        if not tail.path.endswith("/queue.err"):
            continue
        lines = [line.strip() for line in tail.text.splitlines() if line.strip()]
        ours = [line for line in lines if line.startswith(_STOPPED_LINE)]
        return (ours or lines or [""])[-1]
    return ""


def _underway(controller: JobController, probe: JobRecord) -> str:
    if probe.state in NOT_TAKEN_UP:
        return "the runner has not taken up the job"
    if probe.state in _WAITS:
        return _WAITS[probe.state]
    if probe.state in ON_A_NODE:
        return "runs"
    worker = controller.project.workers[probe.worker] if controller.project else None
    if probe.state == "UPLOADED" and worker is not None and worker.max_jobs:
        return f"waits for a place: the worker runs {worker.max_jobs} jobs at a time"
    return f"on its way ({probe.state})"
