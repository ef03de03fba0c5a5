"""Why the doctor's job did not complete: it failed, or it has not ended yet."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from workflows.checks import Check
from workflows.environment import cuprolith_version
from workflows.hpc.doctor.probe import own_subject
from workflows.hpc.doctor.probe_jobs import NOT_STARTED, has_ended, runner_patience
from workflows.hpc.jobs.campaign_jobs import JobRecord
from workflows.hpc.jobs.error_lines import error_line
from workflows.hpc.jobs.job_database import jf_command
from workflows.hpc.jobs.job_logs import job_logs
from workflows.hpc.jobs.job_states import ON_A_NODE

if TYPE_CHECKING:
    from jobflow_remote.jobs.jobcontroller import JobController

_LINES = 20
# What the scheduler printed, in qtoolkit's description of a failed submission.
_STDERR = re.compile(r"stderr=(?P<quote>['\"])(?P<text>.+?)(?P=quote)")
# The runner does not know an exec config or a worker.
_OLD_PROJECT = "jobflow_remote.config.base.ConfigError"
_UNKNOWN_FUNCTION = "could not be deserialized"
_STOPPED_LINE = "cuprolith: this line of the job script failed:"


def explain_probe(controller: JobController, probe: JobRecord, *, seconds: float) -> Check:
    """Return the check of a job that has not completed.

    Parameters
    ----------
    seconds
        How long the doctor waited for it.
    """
    assert controller.project is not None
    subject, patience = own_subject(probe.worker), runner_patience(controller)
    if has_ended(probe):
        return Check.missing(subject, *_failure(controller, probe))
    if probe.state in NOT_STARTED and seconds >= patience:
        return Check.missing(
            subject,
            f"the runner has not taken the job in {patience:.0f} s",
            f"{jf_command(controller, 'runner', 'start')}; its log is runner.log in "
            f"{controller.project.log_dir}",
        )
    return Check.note(
        subject,
        f"not yet known after {seconds:.0f} s: {_progress(controller, probe)}",
        f"cuprolith logs {probe.db_id} --project {controller.project.name}, or run the doctor "
        "again with a longer --timeout",
    )


def _failure(controller: JobController, probe: JobRecord) -> tuple[str, str]:
    """Return what failed, and the remedy."""
    transfer = probe.remote.get("error")
    if transfer and probe.state != "FAILED":
        step = probe.previous_state if probe.state == "REMOTE_ERROR" else probe.state
        printed = _STDERR.search(transfer)
        cause = printed["text"].replace("\\n", " ").strip() if printed else error_line(transfer)
        remedy = "fix what it names: partition, account, limits, or the connection"
        if _OLD_PROJECT in transfer:
            restart = jf_command(controller, "runner", "restart")
            remedy = f"the runner uses the project as it was when it started: {restart}"
        return f"the step after {step} failed: {cause}", remedy
    if _UNKNOWN_FUNCTION in (probe.error or ""):
        return (
            "the Python there has no Cuprolith that knows this check",
            f"install Cuprolith {cuprolith_version()} there, or name its Python in `environment`",
        )
    line = _telling_line(controller, probe)
    remedy = "fix what it names"
    if _STOPPED_LINE in line:
        remedy = "fix that line in `environment` of the settings, or what it needs"
    found = f"the job ended with {probe.state}: {error_line(probe.error) or 'no error'}"
    return f"{found}; queue.err: {line}" if line else found, remedy


def _telling_line(controller: JobController, probe: JobRecord) -> str:
    """Return the most useful line of queue.err: ours, or else the last one."""
    tails = job_logs(controller, probe, lines=_LINES).files
    text = next((tail.text for tail in tails if tail.path.endswith("/queue.err")), "")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    ours = [line for line in lines if line.startswith(_STOPPED_LINE)]
    return (ours or lines or [""])[-1]


def _progress(controller: JobController, probe: JobRecord) -> str:
    assert controller.project is not None
    if probe.state in NOT_STARTED:
        return "the runner has not taken the job"
    if probe.state == "SUBMITTED":
        return "waits in the queue"
    if probe.state in ON_A_NODE:
        return "runs"
    limit = controller.project.workers[probe.worker].max_jobs
    if probe.state == "UPLOADED" and limit:
        return f"waits for a place: the worker runs {limit} jobs at a time"
    return f"on its way ({probe.state})"
