"""``cuprolith doctor --hpc``: checks a project for real, from its files to a job on each worker."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING

from cuprolith.errors import CuprolithError
from workflows.checks import Check
from workflows.hpc.doctor.database import check_documents, check_queue, failed
from workflows.hpc.doctor.hosts import (
    check_connection,
    check_scheduler,
    check_work_dir,
    stations,
)
from workflows.hpc.doctor.probe_verdict import own_subject
from workflows.hpc.doctor.remedies import Remedies
from workflows.hpc.doctor.round_trip import round_trip
from workflows.hpc.jobs.job_database import jf_command, opened_database
from workflows.hpc.jobs.runner_sign import runner_sign
from workflows.hpc.setup.check import check_project
from workflows.hpc.setup.project import ProjectFiles
from workflows.hpc.setup.secrets import require_private
from workflows.hpc.setup.settings_file import read_settings

if TYPE_CHECKING:
    from jobflow_remote.config.base import Project
    from jobflow_remote.jobs.jobcontroller import JobController

DEFAULT_SECONDS = 600.0
_LATER = ("database", "queue", "hosts", "schedulers", "runner", "round trip")


def examine_project(
    files: ProjectFiles,
    report: Callable[[Check], None],
    *,
    seconds: float = DEFAULT_SECONDS,
) -> None:
    """Check files, database, queue, hosts, schedulers, runner, and a job on each worker.

    What depends on a check that failed is skipped, and says so.

    Parameters
    ----------
    report
        Told of each check as soon as it is done.
    seconds
        How long to wait for the jobs.

    Raises
    ------
    CuprolithError
        If the database goes away meanwhile.
    """
    examination = _Examination(files, report)
    project = examination.project()
    if project is None:
        return
    with ExitStack() as stack:
        controller = examination.database(stack)
        unreachable = examination.hosts(project)
        prepared = controller is not None and examination.has_queue
        if controller is None or not prepared:
            reason = "needs the queue" if controller is not None else "needs the database"
            examination.skip(reason, "runner", "round trip")
            return
        if not examination.runner(controller):
            examination.skip("needs the runner", "round trip")
            return
        for name, reason in unreachable.items():
            examination.skip(reason, own_subject(name))
        workers = [name for name in project.workers if name not in unreachable]
        round_trip(
            controller,
            workers,
            report,
            seconds=seconds,
            remedies=examination.remedies,
            gpus=examination.gpus,
        )


class _Examination:
    """The checks that follow each other, and what the later ones need to know."""

    def __init__(self, files: ProjectFiles, report: Callable[[Check], None]) -> None:
        self._files = files
        self._report = report
        self.has_queue = False
        self.gpus = 0
        self.remedies = Remedies()

    def project(self) -> Project | None:
        """Check the files; None unless they are as they should be."""
        written_by_us = self._files.settings.exists() or not self._files.project.exists()
        checks = check_project(self._files) if written_by_us else [self._others_project()]
        for check in checks:
            self._report(check)
        if any(check.status == "missing" for check in checks):
            self.skip("fix the files first", *_LATER)
            return None
        if written_by_us:
            settings = read_settings(self._files.settings)
            self.remedies = Remedies.of(self._files, settings)
            self.gpus = settings.classes["gpu"].gpus_per_node
        from jobflow_remote.config.base import ConfigError
        from jobflow_remote.config.manager import ConfigManager

        try:
            project: Project = ConfigManager().get_project(self._files.name)
        except ConfigError as error:
            self._report(
                Check(
                    subject="project",
                    status="missing",
                    found=f"jobflow-remote does not read it: {error}",
                    remedy=f"jf -p {self._files.name} project check",
                )
            )
            self.skip("fix the files first", *_LATER)
            return None
        return project

    def database(self, stack: ExitStack) -> JobController | None:
        """Check database and queue; None unless the database can be used."""
        try:
            controller = stack.enter_context(opened_database(self._files.name))
        except CuprolithError as error:
            check = failed("database", error)
        else:
            check = check_documents(controller)
        self._report(check)
        if check.status == "missing":
            self.skip("needs the database", "queue")
            return None
        check = check_queue(controller, self._files.name)
        self._report(check)
        self.has_queue = check.status != "missing"
        return controller

    def hosts(self, project: Project) -> dict[str, str]:
        """Check each machine; return the workers that cannot be used, and why."""
        unusable: dict[str, str] = {}
        for station in stations(project):
            check = check_connection(station)
            self._report(check)
            if check.status == "missing":
                reason = f"needs {check.subject}"
                self.skip(reason, f"folders on {station.name}", f"scheduler on {station.name}")
                unusable |= dict.fromkeys(station.workers, reason)
                continue
            for folder in station.work_dirs:
                check = check_work_dir(station, folder)
                self._report(check)
                if check.status == "missing":
                    unusable |= {
                        name: f"needs {check.subject}"
                        for name, worker in station.workers.items()
                        if str(worker.work_dir) == folder
                    }
            for asked in station.schedulers:
                check = check_scheduler(station, asked)
                self._report(check)
                if check.status == "missing":
                    unusable |= {
                        name: f"needs {check.subject}"
                        for name, worker in station.workers.items()
                        if worker.scheduler_type == asked.scheduler_type
                    }
            station.host.close()
        return unusable

    def runner(self, controller: JobController) -> bool:
        """Check the runner; False if it does not run."""
        sign = runner_sign(controller)
        last = f"; last sign {sign.last_sign.astimezone():%d %b %H:%M}" if sign.last_sign else ""
        start = jf_command(controller, "runner", "start")
        if sign.runs:
            check = Check(subject="runner", status="ok", found="runs here")
        elif sign.runs is None:
            where = f"on {sign.host}" if sign.host else "not a daemon"
            check = Check(
                subject="runner",
                status="note",
                found=f"{where}{last}; whether it runs, the round trip tells",
            )
        else:
            found = f"does not run{last}"
            check = Check(subject="runner", status="missing", found=found, remedy=start)
        self._report(check)
        return check.status != "missing"

    def skip(self, reason: str, *subjects: str) -> None:
        """Report checks that cannot be made."""
        for subject in subjects:
            self._report(Check(subject=subject, status="skipped", found=reason))

    def _others_project(self) -> Check:
        """Check the file of a project that `cuprolith hpc init` has not written."""
        try:
            require_private(self._files.project)
        except CuprolithError as error:
            return failed("files", error)
        return Check(
            subject="settings",
            status="note",
            found=f"none: {self._files.project} was not written by `cuprolith hpc init`",
        )
