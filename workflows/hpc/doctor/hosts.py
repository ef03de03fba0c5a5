"""The doctor's look at the machines that a project's workers are reached through."""

from __future__ import annotations

import shlex
import uuid
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from workflows.checks import Check
from workflows.hpc.jobs.error_lines import error_line

if TYPE_CHECKING:
    from jobflow_remote.config.base import Project, WorkerBase
    from jobflow_remote.remote.host.base import BaseHost

_SECONDS = 60
_KIB_IN_GIB = 2**20


@dataclass(frozen=True)
class Station:
    """A machine, and the workers that go through it.

    Attributes
    ----------
    host
        jobflow-remote's, not connected.
    workers
        By name.
    """

    name: str
    host: BaseHost
    workers: dict[str, WorkerBase]

    @property
    def work_dirs(self) -> list[str]:
        """Folders of the workers' jobs, each once."""
        return sorted({str(worker.work_dir) for worker in self.workers.values()})

    @property
    def schedulers(self) -> list[WorkerBase]:
        """One worker for each scheduler and user that is asked."""
        asked = {
            (str(worker.scheduler_type), worker.scheduler_username): worker
            for worker in self.workers.values()
        }
        return list(asked.values())


def stations(project: Project) -> list[Station]:
    """Return the distinct machines of a project's workers."""
    by_host: dict[BaseHost, dict[str, WorkerBase]] = {}
    for name, worker in project.workers.items():
        by_host.setdefault(worker.get_host(), {})[name] = worker
    return [
        Station(_name(next(iter(workers.values()))), host, workers)
        for host, workers in by_host.items()
    ]


def check_connection(station: Station) -> Check:
    """Connect, and have a command run there."""
    subject = f"host {station.name}"
    try:
        station.host.connect()
        problem = station.host.test()
    except Exception as error:  # noqa: BLE001 - SSH raises what it likes
        problem = f"{type(error).__name__}: {error}"
    if problem:
        return Check(
            subject=subject,
            status="missing",
            found=f"does not answer: {_last_line(problem)}",
            remedy="check `ssh` in the settings (name, user, port, key_file) with `ssh`; nothing "
            "may be printed by its shell's start-up files",
        )
    return Check(subject=subject, status="ok", found="connects and runs commands")


def check_work_dir(station: Station, folder: str) -> Check:
    """Make a folder if it is not there, write and read a file in it, and tell the free space."""
    subject = f"folder {folder} on {station.name}"
    try:
        problem = _writing_problem(station.host, folder)
        space = "" if problem else _free_space(station.host, folder)
    except Exception as error:  # noqa: BLE001 - SSH raises what it likes
        problem, space = f"{type(error).__name__}: {error}", ""
    if problem:
        return Check(
            subject=subject,
            status="missing",
            found=f"cannot be written: {problem}",
            remedy="free some space there, or give another `work_dir` that you may write",
        )
    return Check(subject=subject, status="ok", found=f"writable{space}")


def check_scheduler(station: Station, worker: WorkerBase) -> Check:
    """Ask the scheduler for the user's jobs, as jobflow-remote does."""
    from jobflow_remote.remote.queue import QueueManager

    kind = str(worker.scheduler_type)
    subject = f"scheduler {kind} on {station.name}"
    user, program = worker.scheduler_username, kind
    try:
        manager = QueueManager(worker.get_scheduler_io(), station.host, timeout_exec=_SECONDS)
        user = user or station.host.execute("id -un", timeout=_SECONDS)[0].strip()
        program = _program(manager.scheduler_io.get_jobs_list_cmd(None, user))
        jobs = manager.get_jobs_list(user=user)
    except Exception as error:  # noqa: BLE001 - qtoolkit's, SSH's, a timeout's
        return Check(
            subject=subject,
            status="missing",
            found=f"`{program}` failed: {error_line(str(error)) or type(error).__name__}",
            remedy=f"give `{program}` on {station.name}, in a shell that is not a login shell; "
            "mend what it says, or the path",
        )
    return Check(
        subject=subject,
        status="ok",
        found=f"`{program}` answers; {user} has {len(jobs)} jobs there",
    )


def _name(worker: WorkerBase) -> str:
    if worker.is_local:
        return "this machine"
    user, host = getattr(worker, "user", None), getattr(worker, "host", "?")
    return f"{user}@{host}" if user else str(host)


def _writing_problem(host: BaseHost, folder: str) -> str:
    if not host.mkdir(folder):
        _, error, _ = host.execute(f"mkdir -p {shlex.quote(folder)}", timeout=_SECONDS)
        return _last_line(error) or "it cannot be made"
    path = str(PurePosixPath(folder, f".cuprolith-doctor-{uuid.uuid4().hex}"))
    written = f"{uuid.uuid4()}\n" * 100
    try:
        host.write_text_file(path, written)
        read = host.read_text_file(path)
    except OSError as error:
        return error.strerror or str(error)
    finally:
        if host.exists(path):
            host.remove(path)
    return "" if read == written else "what is read is not what was written"


def _free_space(host: BaseHost, folder: str) -> str:
    output, _, code = host.execute(f"df -Pk {shlex.quote(folder)}", timeout=_SECONDS)
    fields = output.strip().rpartition("\n")[2].split()
    if code or len(fields) < 4 or not fields[3].isdecimal():
        return ""
    return f", {int(fields[3]) / _KIB_IN_GIB:.0f} GiB free on its file system"


def _program(command: str) -> str:
    """Return the program of a command that may set variables first."""
    return next((word for word in shlex.split(command) if "=" not in word), command)


def _last_line(text: str) -> str:
    return text.strip().rpartition("\n")[2].strip()
