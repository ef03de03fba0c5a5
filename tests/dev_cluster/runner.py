"""jobflow-remote's runner, which a person starts with ``jf runner start``."""

from __future__ import annotations

from pathlib import Path

import psutil

_STOP_SECONDS = 15


def runner_process(folder: Path) -> psutil.Process | None:
    """Return the supervisor of the runner whose files lie in a folder; None unless it runs."""
    daemon = folder / "daemon"
    try:
        process = psutil.Process(int((daemon / "supervisord.pid").read_text()))
        command = process.cmdline()
    except (OSError, ValueError, psutil.Error):
        return None
    # the id may have passed to another process; the configuration is this runner's alone
    return process if str(daemon / "supervisord.conf") in command else None


def stop_runner(folder: Path) -> bool:
    """Let the runner finish what it does, for a while, and end it; False if none ran."""
    supervisor = runner_process(folder)
    if supervisor is None:
        return False
    processes = [supervisor, *supervisor.children(recursive=True)]
    supervisor.terminate()
    _, left = psutil.wait_procs(processes, timeout=_STOP_SECONDS)
    for process in left:
        process.kill()
    psutil.wait_procs(left, timeout=_STOP_SECONDS)
    return True
