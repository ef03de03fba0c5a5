"""What a job has said: its error, the queue's output, and the ends of its programs' logs."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel

from workflows.hpc.job_metadata import STRUCTURE, WORKDIR
from workflows.hpc.jobs.campaign_jobs import JobRecord
from workflows.labelling.engine import ENGINES
from workflows.workdir import Workdir

if TYPE_CHECKING:
    from jobflow_remote.jobs.jobcontroller import JobController
    from jobflow_remote.remote.host.base import BaseHost

# In the order in which they are shown, those of the engines between.
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
    """What is known of a job's course.

    Attributes
    ----------
    error
        Traceback of the job.
    transfer_error
        What jobflow-remote met when it moved files or spoke with the scheduler.
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
    """Return what a job has said, from the database and from the folders where it ran.

    Parameters
    ----------
    lines
        Last lines of each file.
    """
    files, unreachable = _files(controller, job, lines)
    return JobLogs(
        db_id=job.db_id,
        uuid=job.uuid,
        name=job.name,
        stage=job.stage,
        state=job.state,
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
            host = hosts.get_host(job.worker)
            return _tails(host, _run_folders(job), lines), ""
    # SSH raises what it likes; a worker may be no more in the project, and a folder gone
    except Exception as error:  # noqa: BLE001
        kept = [
            LogTail(path=f"{job.run_dir}/queue.{name}", text=text)
            for name in ("out", "err")
            if (text := job.remote.get(f"queue_{name}"))
        ]
        return kept, f"{job.worker}:{job.run_dir} cannot be read: {error}"


def _run_folders(job: JobRecord) -> list[str]:
    """Return the folder of jobflow-remote's files, and those of the engine or training, if known.

    These lie in the campaign's workdir, so that a job that runs again finds what it had.
    """
    folders = [str(job.run_dir)]
    workdir, structure = job.metadata.get(WORKDIR), job.metadata.get(STRUCTURE)
    if isinstance(workdir, str):
        opened = Workdir(Path(workdir))
        if structure:
            structures = structure if isinstance(structure, list) else [str(structure)]
            engines = [engine.name for engine in ENGINES if engine.log_files]
            folders += [str(opened.runs / name / each) for name in engines for each in structures]
        elif job.stage == "train":
            folders.append(str(opened.root / "training"))
    return folders


def _logs() -> list[str]:
    """Return the names of all log files, in the order in which they are shown."""
    of_engines = [name for engine in ENGINES for name in engine.log_files]
    return [*_FIRST_LOGS, *of_engines, *_LAST_LOGS]


def _tails(host: BaseHost, folders: list[str], lines: int) -> list[LogTail]:
    places = " ".join(map(shlex.quote, folders))
    names = " -o ".join(f"-name {shlex.quote(name)}" for name in _logs())
    search = f"find {places} -maxdepth {_DEEPEST} -type f -size +0 \\( {names} \\)"
    found, error, code = host.execute(search, timeout=_LIST_SECONDS)
    paths = sorted(found.splitlines(), key=_order)[:_MOST_LOGS]
    if code and not paths:
        raise OSError(error.strip() or f"find failed with code {code}")
    return [LogTail(path=path, text=_tail(host, path, lines)) for path in paths]


def _tail(host: BaseHost, path: str, lines: int) -> str:
    command = f"tail -n {lines} -- {shlex.quote(path)}"
    # custodian.json and progress bars may be one line of megabytes
    text, error, code = host.execute(f"{command} | cut -c 1-{_LONGEST_LINE}", timeout=_LIST_SECONDS)
    return text.rstrip() if not code else error.strip()


def _order(path: str) -> tuple[int, str]:
    name = path.rpartition("/")[2]
    logs = _logs()
    return (logs.index(name) if name in logs else len(logs), path)
