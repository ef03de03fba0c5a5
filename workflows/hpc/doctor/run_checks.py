"""``cuprolith doctor --hpc``: checks a project for real, from its files to a job on each worker."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from cuprolith.errors import CuprolithError
from workflows.checks import Check
from workflows.environment import cuprolith_version
from workflows.hpc.doctor.probe import own_subject
from workflows.hpc.doctor.probe_jobs import (
    remove_left_overs,
    remove_probes,
    submit_probe,
    waits_in_queue,
    watch_probes,
)
from workflows.hpc.doctor.unfinished_probe import explain_probe
from workflows.hpc.jobs.campaign_jobs import JobRecord
from workflows.hpc.jobs.error_lines import error_line
from workflows.hpc.jobs.job_database import jf_command, opened_database
from workflows.hpc.jobs.runner_status import runner_status
from workflows.hpc.setup.check import check_project, failed
from workflows.hpc.setup.project import ProjectFiles
from workflows.hpc.setup.secrets import require_private
from workflows.hpc.setup.settings_file import read_settings

if TYPE_CHECKING:
    from jobflow_remote.config.base import WorkerBase
    from jobflow_remote.jobs.jobcontroller import JobController

DEFAULT_SECONDS = 600.0
Report = Callable[[Check], None]
_UNIQUE = {"jobs": "db_id", "flows": "uuid"}


def run_checks(files: ProjectFiles, report: Report, *, seconds: float = DEFAULT_SECONDS) -> None:
    """Check files, workers, database, queue, runner, and a job on each worker.

    What depends on a check that failed is skipped, and that is reported, too.

    Parameters
    ----------
    report
        Gets each check as soon as it is done.
    seconds
        How long to wait for the jobs.
    """
    from jobflow_remote.config.base import ConfigError
    from jobflow_remote.config.manager import ConfigManager

    ours = files.settings.exists() or not files.project.exists()
    checks = check_project(files) if ours else [_foreign_project(files)]
    try:
        if _passed(checks, report):
            project = ConfigManager().get_project(files.name)
    except ConfigError as error:
        jf = f"jf -p {files.name} project check"
        checks.append(Check.missing("project", f"jobflow-remote cannot read it: {error}", jf))
        report(checks[-1])
    if any(check.status == "missing" for check in checks):
        later = ("workers", "database", "queue", "runner", "round trip")
        return _skip(report, "fix the files first", *later)
    gpus = read_settings(files.settings).classes["gpu"].gpus_per_node if ours else 0
    usable = {
        name: _passed([_worker(name, worker)], report) for name, worker in project.workers.items()
    }
    subject = "database"
    try:
        with opened_database(files.name) as controller:
            found = [Check.ok(subject, _address(controller)), _queue(controller)]
            if found[-1].status == "ok":
                found.append(_runner(controller))
            if not _passed(found, report):
                left = ("queue", "runner", "round trip")[len(found) - 1 :]
                return _skip(report, f"needs the {found[-1].subject}", *left)
            _skip(report, "needs its worker", *(own_subject(n) for n in usable if not usable[n]))
            subject = "round trip"
            workers = [name for name in usable if usable[name]]
            round_trip(controller, workers, report, seconds=seconds, gpus=gpus)
    except CuprolithError as error:
        report(failed(subject, error))
        if subject == "database":
            _skip(report, "needs the database", "queue", "runner", "round trip")


def _foreign_project(files: ProjectFiles) -> Check:
    """Check the file of a project that Cuprolith has not written."""
    try:
        require_private(files.project)
    except CuprolithError as error:
        return failed("files", error)
    return Check.note("settings", f"none: {files.project} was not written by `cuprolith hpc write`")


def _worker(name: str, worker: WorkerBase) -> Check:
    """Connect to a worker, ask its scheduler, and write into its folder, as `jf project check`."""
    from jobflow_remote.config.helper import check_worker

    error, warning = check_worker(worker)
    subject = f"connection of {name}"
    if error:
        return Check.missing(
            subject,
            error_line(error[max(0, error.find("Traceback")) :]),
            "check `ssh`, `work_dir` and the scheduler's commands, in a shell that is not a "
            "login shell; its start-up files must print nothing",
        )
    if warning:
        return Check.note(subject, warning)
    return Check.ok(subject, "runs commands, its scheduler answers, `work_dir` can be written")


def _address(controller: JobController) -> str:
    # from its nodes: the address in the project may hold a password
    nodes = sorted(f"{host}:{port}" for host, port in controller.db.client.nodes)
    return f"{controller.db.name} at {', '.join(nodes)} answers"


def _queue(controller: JobController) -> Check:
    """Check that jobflow-remote's collections, counter and indexes exist."""
    assert controller.project is not None
    version = controller.auxiliary.find_one({"jobflow_remote_version": {"$exists": True}})
    counter = controller.auxiliary.find_one({"next_id": {"$exists": True}})
    if version is None:
        return Check.missing(
            "queue",
            "the database has no queue of jobflow-remote",
            f"cuprolith hpc prepare --project {controller.project.name}",
        )
    if counter is None:
        stop = jf_command(controller, "runner", "stop", "--wait")
        return Check.missing(
            "queue",
            f"jobflow-remote's counter of jobs is missing in {controller.auxiliary.name}",
            f"restore a backup; or empty the queue: {stop}; "
            f"{jf_command(controller, 'admin', 'reset')}",
        )
    unindexed = [name for name, key in _UNIQUE.items() if not _is_unique(controller, name, key)]
    if unindexed:
        rebuild = jf_command(controller, "admin", "index", "rebuild")
        return Check.missing("queue", f"no indexes on {' and '.join(unindexed)}", rebuild)
    found = f"prepared by jobflow-remote {version['jobflow_remote_version']}"
    return Check.ok("queue", f"{found}, next job {counter['next_id']}")


def _is_unique(controller: JobController, collection: str, key: str) -> bool:
    indexes: dict[str, dict[str, Any]] = getattr(controller, collection).index_information()
    return any(
        it.get("unique") and [name for name, _ in it["key"]] == [key] for it in indexes.values()
    )


def _runner(controller: JobController) -> Check:
    sign = runner_status(controller)
    last = f"; {sign.last_seen}" if sign.last_seen else ""
    if sign.runs:
        return Check.ok("runner", "runs here")
    if sign.runs is None:
        where = f"on {sign.host}" if sign.host else "not a daemon"
        return Check.note("runner", f"{where}{last}; the round trip shows whether it runs")
    return Check.missing("runner", f"does not run{last}", jf_command(controller, "runner", "start"))


def round_trip(
    controller: JobController,
    workers: Iterable[str],
    report: Report,
    *,
    seconds: float,
    gpus: int,
) -> None:
    """Submit a job to each worker and report what it found; then remove all that have ended.

    A job that waits in the queue when the time is over stays there; the next doctor removes it.
    """
    _report_left(remove_left_overs(controller), report)
    probes: list[JobRecord] = []
    stay: set[str] = set()
    try:
        for worker in workers:
            probes.append(submit_probe(controller, worker, gpus))  # noqa: PERF401
        ended = watch_probes(controller, probes, seconds=seconds)
        found: list[tuple[str, Check]] = []
        for probe in ended:
            if probe.state == "COMPLETED":
                output = controller.get_job_output(job_id=probe.uuid)
                found += [(probe.worker, check) for check in checks_of(probe.worker, output)]
            else:
                found.append((probe.worker, explain_probe(controller, probe, seconds=seconds)))
        for check in _grouped(found):
            report(check)
        stay = {probe.uuid for probe in ended if waits_in_queue(probe)}
    finally:
        # after Ctrl-C none stays
        uuids = [probe.uuid for probe in probes if probe.uuid not in stay]
        _report_left(remove_probes(controller, uuids), report)


def checks_of(worker: str, output: Any) -> list[Check]:
    """Return the checks in the output of a worker's job.

    Parameters
    ----------
    output
        What `examine_node` returned there.
    """
    subject, here = own_subject(worker), cuprolith_version()
    there, python = (
        (output.get("cuprolith"), f" of {output.get('executable')}")
        if isinstance(output, dict)
        else (None, "")
    )
    if there != here:
        return [
            Check.missing(
                subject,
                f"Cuprolith {there} there{python}, {here} here",
                f"install {here} there, or name the Python that has it in `environment`",
            )
        ]
    try:
        return [Check.model_validate(check) for check in output["checks"]]
    except (KeyError, TypeError, ValidationError):
        return [Check.missing(subject, f"unexpected answer: {output}", f"install {here} there")]


def _grouped(checks: Iterable[tuple[str, Check]]) -> list[Check]:
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


def _passed(checks: Iterable[Check], report: Report) -> bool:
    """Report checks; return whether none failed."""
    statuses = []
    for check in checks:
        report(check)
        statuses.append(check.status)
    return "missing" not in statuses


def _skip(report: Report, reason: str, *subjects: str) -> None:
    for subject in subjects:
        report(Check(subject=subject, status="skipped", found=reason))


def _report_left(problems: Iterable[CuprolithError], report: Report) -> None:
    for error in problems:
        report(Check.note("clean-up", error.message, error.remedy))
