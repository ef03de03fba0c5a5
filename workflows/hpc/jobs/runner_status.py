"""Whether jobflow-remote's runner, which moves jobs between database and queue, runs."""

from __future__ import annotations

import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
from pydantic import BaseModel

if TYPE_CHECKING:
    from jobflow_remote.jobs.jobcontroller import JobController

_PID_FILE = "supervisord.pid"
_CONFIGURATION = "supervisord.conf"


class RunnerStatus(BaseModel):
    """What can be known of the runner from here.

    Attributes
    ----------
    host
        Where it was started; None if the database knows of none.
    runs
        Whether it runs; None if it is on another machine, or was not started as a daemon.
    last_sign
        When it last wrote to the database: when it starts and then each hour, if the project does
        not say otherwise.
    """

    host: str | None = None
    runs: bool | None = None
    last_sign: datetime | None = None

    @property
    def last_seen(self) -> str:
        """When it last wrote, for messages; empty if never."""
        return f"last seen {self.last_sign.astimezone():%d %b %H:%M}" if self.last_sign else ""


def runner_status(controller: JobController) -> RunnerStatus:
    """Return what can be known of the runner."""
    signs = [ping.get("time") for ping in controller.get_runner_pings()[-1:]]
    found = controller.get_running_runner()
    host, runs = None, None if signs else False
    if isinstance(found, dict):
        signs += [found.get("last_pinged"), found.get("start_time")]
        host = found.get("hostname")
        is_here = host == socket.gethostname()
        runs = _supervisor_runs(Path(found["daemon_dir"])) if is_here else None
    times = [sign.replace(tzinfo=UTC) for sign in signs if isinstance(sign, datetime)]
    return RunnerStatus(host=host, runs=runs, last_sign=max(times, default=None))


def _supervisor_runs(folder: Path) -> bool | None:
    """Return whether the process runs that keeps the runner's parts alive; None if it is hidden."""
    try:
        command = psutil.Process(int((folder / _PID_FILE).read_text())).cmdline()
    except psutil.AccessDenied:
        return None
    except (OSError, ValueError, psutil.Error):
        return False
    # Another process may have got the number; the configuration is only this runner's.
    return str(folder / _CONFIGURATION) in command
