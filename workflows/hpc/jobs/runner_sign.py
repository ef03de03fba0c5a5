"""Whether jobflow-remote's runner, which moves jobs between database and queue, is at work."""

from __future__ import annotations

import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
from pydantic import BaseModel

if TYPE_CHECKING:
    from jobflow_remote.jobs.jobcontroller import JobController

_PID_FILE = "supervisord.pid"
_CONFIGURATION = "supervisord.conf"


class RunnerSign(BaseModel):
    """What can be told of the runner from here.

    Attributes
    ----------
    host
        Where it was started; None if the database knows of none.
    runs
        Whether it runs; None if it is on another machine, or was not started as a daemon.
    last_sign
        When it last wrote to the database, which it does when it starts and then each hour, if the
        project says nothing else.
    """

    host: str | None = None
    runs: bool | None = None
    last_sign: datetime | None = None


def runner_sign(controller: JobController) -> RunnerSign:
    """Return what can be told of the runner."""
    signs = [ping.get("time") for ping in controller.get_runner_pings()[-1:]]
    found = controller.get_running_runner()
    if not isinstance(found, dict):
        return RunnerSign(last_sign=_last(signs), runs=None if signs else False)
    signs += [found.get("last_pinged"), found.get("start_time")]
    here = found.get("hostname") == socket.gethostname()
    return RunnerSign(
        host=found.get("hostname"),
        runs=_supervisor_runs(Path(found["daemon_dir"])) if here else None,
        last_sign=_last(signs),
    )


def _supervisor_runs(folder: Path) -> bool | None:
    """Return whether the process runs that keeps the runner's parts alive; None if it is hidden."""
    try:
        command = psutil.Process(int((folder / _PID_FILE).read_text())).cmdline()
    except psutil.AccessDenied:
        return None
    except (OSError, ValueError, psutil.Error):
        return False
    # The number may have passed to another process; the configuration is this runner's alone.
    return str(folder / _CONFIGURATION) in command


def _last(signs: list[Any]) -> datetime | None:
    return max(
        (sign.replace(tzinfo=UTC) for sign in signs if isinstance(sign, datetime)), default=None
    )
