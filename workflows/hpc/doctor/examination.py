"""``cuprolith doctor --hpc``: checks a project for real, from its files to a job on each worker."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from cuprolith.errors import CuprolithError
from workflows.checks import Check
from workflows.hpc.doctor.findings import judge, own_subject
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
from workflows.hpc.jobs.runner_sign import runner_sign
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


def examine_project(
    files: ProjectFiles, report: Report, *, seconds: float = DEFAULT_SECONDS
) -> None:
    """Check files, workers, database, queue, runner, and a job on each worker.

    What depends on a check that failed is skipped, and that is reported, too.

    Parameters
    ----------
    report
        Gets each check as soon as it is done.
    seconds
        How long to wait for the jobs.

    Raises
    ------
    CuprolithError
        If the database does not answer or refuses while jobs are sent and watched.
    """
    from jobflow_remote.config.base import ConfigError
    from jobflow_remote.config.manager import ConfigManager

    ours = files.settings.exists() or not files.project.exists()
    later = ("workers", "database", "queue", "runner", "round trip")
    if not _passed(check_project(files) if ours else [_others_project(files)], report):
        _skip(report, "fix the files first", *later)
        return
    try:
        project = ConfigManager().get_project(files.name)
    except ConfigError as error:
        jf = f"jf -p {files.name} project check"
        report(_missing("project", f"jobflow-remote does not read it: {error}", jf))
        _skip(report, "fix the files first", *later)
        return
    gpus = read_settings(files.settings).classes["gpu"].gpus_per_node if ours else 0
    workers = [
        name for name, worker in project.workers.items() if _passed([_worker(name, worker)], report)
    ]
    unusable = [own_subject(name) for name in project.workers if name not in workers]
    try:
        with opened_database(files.name) as controller:
            database = Check(subject="database", status="ok", found=_place(controller))
            queue = _queue(controller)
            runner = _runner(controller) if queue.status == "ok" else None
    except CuprolithError as error:
        report(failed("database", error))
        _skip(report, "needs the database", "queue", "runner", "round trip")
        return
    _passed([database, queue], report)
    if runner is None:
        _skip(report, "needs the queue", "runner", "round trip")
    elif not _passed([runner], report):
        _skip(report, "needs the runner", "round trip")
    else:
        _skip(report, "needs its worker", *unusable)
        with opened_database(files.name) as controller:
            round_trip(controller, workers, report, seconds=seconds, gpus=gpus)


def _others_project(files: ProjectFiles) -> Check:
    """Check the file of a project that Cuprolith has not written."""
    try:
        require_private(files.project)
    except CuprolithError as error:
        return failed("files", error)
    found = f"none: {files.project} was not written by `cuprolith hpc write`"
    return Check(subject="settings", status="note", found=found)


def _worker(name: str, worker: WorkerBase) -> Check:
    """Connect to a worker, ask its scheduler, and write into its folder, as `jf project check`."""
    from jobflow_remote.config.helper import check_worker

    error, warning = check_worker(worker)
    subject = f"connection of {name}"
    if error:
        return Check(
            subject=subject,
            status="missing",
            found=error_line(error[max(0, error.find("Traceback")) :]),
            remedy="check `ssh`, `work_dir` and the scheduler's commands, in a shell that is not a "
            "login shell; nothing may be printed by its start-up files",
        )
    return Check(
        subject=subject,
        status="note" if warning else "ok",
        found=warning or "runs commands, its scheduler answers, `work_dir` can be written",
    )


def _place(controller: JobController) -> str:
    # by its nodes: an address as the project gives it may hold a password
    nodes = sorted(f"{host}:{port}" for host, port in controller.db.client.nodes)
    return f"{controller.db.name} at {', '.join(nodes)} answers"


def _queue(controller: JobController) -> Check:
    """Check that jobflow-remote's collections, counter and indexes are there."""
    assert controller.project is not None
    prepared = controller.auxiliary.find_one({"jobflow_remote_version": {"$exists": True}})
    counted = controller.auxiliary.find_one({"next_id": {"$exists": True}})
    if prepared is None:
        return _missing(
            "queue",
            "the database has no queue of jobflow-remote",
            f"cuprolith hpc prepare --project {controller.project.name}",
        )
    if counted is None:
        stop, reset = (
            jf_command(controller, *words)
            for words in (("runner", "stop", "--wait"), ("admin", "reset"))
        )
        return _missing(
            "queue",
            f"jobflow-remote's counter of jobs is missing in {controller.auxiliary.name}",
            f"restore a backup; or empty the queue: {stop}; {reset}",
        )
    unindexed = [name for name, key in _UNIQUE.items() if not _is_unique(controller, name, key)]
    if unindexed:
        rebuild = jf_command(controller, "admin", "index", "rebuild")
        return _missing("queue", f"no indexes on {' and '.join(unindexed)}", rebuild)
    found = f"prepared by jobflow-remote {prepared['jobflow_remote_version']}"
    return Check(subject="queue", status="ok", found=f"{found}, next job {counted['next_id']}")


def _is_unique(controller: JobController, collection: str, key: str) -> bool:
    indexes: dict[str, dict[str, Any]] = getattr(controller, collection).index_information()
    return any(
        index.get("unique") and [name for name, _ in index["key"]] == [key]
        for index in indexes.values()
    )


def _runner(controller: JobController) -> Check:
    sign = runner_sign(controller)
    last = f"; last sign {sign.last_sign.astimezone():%d %b %H:%M}" if sign.last_sign else ""
    if sign.runs:
        return Check(subject="runner", status="ok", found="runs here")
    if sign.runs is None:
        where = f"on {sign.host}" if sign.host else "not a daemon"
        found = f"{where}{last}; the round trip shows whether it runs"
        return Check(subject="runner", status="note", found=found)
    return _missing("runner", f"does not run{last}", jf_command(controller, "runner", "start"))


def round_trip(
    controller: JobController,
    workers: Iterable[str],
    report: Report,
    *,
    seconds: float,
    gpus: int,
) -> None:
    """Send a job to each worker and report what it found; then remove all that has ended.

    A job that waits in the queue when the time is over stays there; the next doctor removes it.
    """
    _tell(remove_left_overs(controller), report)
    probes: list[JobRecord] = []
    stay: set[str] = set()
    try:
        for worker in workers:
            probes.append(submit_probe(controller, worker))  # noqa: PERF401
        ended = watch_probes(controller, probes, seconds=seconds)
        found: list[tuple[str, Check]] = []
        for probe in ended:
            if probe.state == "COMPLETED":
                output = controller.get_job_output(job_id=probe.uuid)
                found += [(probe.worker, it) for it in judge(probe.worker, output, gpus=gpus)]
            else:
                found.append((probe.worker, explain_probe(controller, probe, seconds=seconds)))
        for check in _together(found):
            report(check)
        stay = {probe.uuid for probe in ended if waits_in_queue(probe)}
    finally:
        # after Ctrl-C nobody wants to know of any
        uuids = [probe.uuid for probe in probes if probe.uuid not in stay]
        _tell(remove_probes(controller, uuids), report)


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


def _passed(checks: Iterable[Check], report: Report) -> bool:
    passed = True
    for check in checks:
        report(check)
        passed = passed and check.status != "missing"
    return passed


def _skip(report: Report, reason: str, *subjects: str) -> None:
    for subject in subjects:
        report(Check(subject=subject, status="skipped", found=reason))


def _tell(problems: Iterable[CuprolithError], report: Report) -> None:
    for error in problems:
        report(Check(subject="clean-up", status="note", found=error.message, remedy=error.remedy))


def _missing(subject: str, found: str, remedy: str) -> Check:
    return Check(subject=subject, status="missing", found=found, remedy=remedy)
