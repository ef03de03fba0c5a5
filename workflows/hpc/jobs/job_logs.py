"""What a job has written: its error, the queue's output, and the ends of its programs' logs."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel

from workflows.engine import ENGINES
from workflows.hpc.job_metadata import STRUCTURE, WORKDIR
from workflows.hpc.jobs.campaign_jobs import JobRecord
from workflows.workdir import Workdir

if TYPE_CHECKING:
    from jobflow_remote.jobs.jobcontroller import JobController
    from jobflow_remote.remote.host.base import BaseHost

# Those of the engines are shown between these.
_FIRST_LOGS, _LAST_LOGS = ("queue.out", "queue.err"), ("*.log",)
_DEEPEST = 4
_MOST_LOGS = 12
_LONGEST_LINE = 400
_LIST_SECONDS = 60


class LogTail(BaseModel):
    """The end of one file."""

    path: str
    text: str


class JobLogs(BaseModel):
    """What a job has written.

    Attributes
    ----------
    error
        Traceback of the job.
    transfer_error
        Error of jobflow-remote when it moved files or asked the scheduler.
    unreachable
        Why there are no files; empty if there are.
    """

    db_id: str
    uuid: str
    name: str
    stage: str
    state: str
    worker: str
    run_dir: str
    queue_id: str
    error: str
    transfer_error: str
    files: list[LogTail]
    unreachable: str = ""


def job_logs(controller: JobController, job: JobRecord, *, lines: int = 40) -> JobLogs:
    """Return what a job has written, from the database and from the folders where it ran.

    Parameters
    ----------
    lines
        Last lines of each file.
    """
    files, unreachable = _files(controller, job, lines)
    known = {key: getattr(job, key) for key in ("db_id", "uuid", "name", "stage", "state")}
    return JobLogs(
        **known,
        worker=job.worker,
        run_dir=job.run_dir or "",
        queue_id=str(job.remote.get("process_id") or ""),
        error=(job.error or "").strip(),
        transfer_error=(job.remote.get("error") or "").strip(),
        files=files,
        unreachable=unreachable,
    )


def _files(controller: JobController, job: JobRecord, lines: int) -> tuple[list[LogTail], str]:
    """Return the files' ends, or why there are none."""
    if not job.run_dir:
        return [], "the job has not been sent to its worker yet"
    from jobflow_remote.utils.remote import SharedHosts

    try:
        with SharedHosts(controller.project) as hosts:
            return _tails(hosts.get_host(job.worker), _run_folders(job), lines), ""
    # SSH raises its own errors; the project may not have the worker any more, nor it the folder
    except Exception as error:  # noqa: BLE001
        kept = [
            LogTail(path=f"{job.run_dir}/queue.{name}", text=text)
            for name in ("out", "err")
            if (text := job.remote.get(f"queue_{name}"))
        ]
        return kept, f"{job.worker}:{job.run_dir} cannot be read: {error}"


def _run_folders(job: JobRecord) -> list[str]:
    """Return the folder of jobflow-remote's files, and those of the engine or training, if known.

    The latter are in the campaign's workdir, so that a job that runs again finds its files.
    """
    folders = [str(job.run_dir)]
    workdir, structures = job.metadata.get(WORKDIR), job.metadata.get(STRUCTURE)
    if not isinstance(workdir, str):
        return folders
    opened = Workdir(Path(workdir))
    if structures:
        ids = structures if isinstance(structures, list) else [structures]
        engines = [engine.name for engine in ENGINES if engine.log_files]
        return folders + [str(opened.runs / name / str(it)) for name in engines for it in ids]
    return folders + ([str(opened.root / "training")] if job.stage == "train" else [])


def _tails(host: BaseHost, folders: list[str], lines: int) -> list[LogTail]:
    # in the order in which they are shown
    logs = [*_FIRST_LOGS, *(name for engine in ENGINES for name in engine.log_files), *_LAST_LOGS]
    names = " -o ".join(f"-name {shlex.quote(name)}" for name in logs)
    search = f"find {shlex.join(folders)} -maxdepth {_DEEPEST} -type f -size +0 \\( {names} \\)"
    found, error, code = host.execute(search, timeout=_LIST_SECONDS)

    def order(path: str) -> tuple[int, str]:
        name = path.rpartition("/")[2]
        return (logs.index(name) if name in logs else len(logs), path)

    paths = sorted(found.splitlines(), key=order)[:_MOST_LOGS]
    if code and not paths:
        raise OSError(error.strip() or f"find failed with code {code}")
    return [LogTail(path=path, text=_tail(host, path, lines)) for path in paths]


def _tail(host: BaseHost, path: str, lines: int) -> str:
    command = f"tail -n {lines} -- {shlex.quote(path)}"
    # custodian.json and progress bars may be one line of megabytes
    text, error, code = host.execute(f"{command} | cut -c 1-{_LONGEST_LINE}", timeout=_LIST_SECONDS)
    return text.rstrip() if not code else error.strip()
