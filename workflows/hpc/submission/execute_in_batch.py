"""``python -m workflows.hpc.submission.execute_in_batch DIR``: run one of many short jobs.

jobflow-remote's batch process starts a Python for each job, and that takes longer than many a job.
The first job here starts one that has loaded what jobs need (:mod:`~.warm_python`), and it forks
for each job that has the same environment. Wherever this does not work, the job runs as ever.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ACCEPTED, REFUSED = b"y", b"n"
_STAT_PARENT, _STAT_STARTED = 1, 19  # of what stands behind the name in /proc/PID/stat
_SHELLS_OWN = ("_", "OLDPWD", "PWD", "SHLVL")


def main() -> None:
    """Run the job of the command line."""
    (folder,) = sys.argv[1:]
    status = _run_warm(folder)
    if status is not None:
        sys.exit(status)
    from workflows.hpc.submission.execute import run_job

    run_job(folder)


def environment() -> dict[str, str]:
    """Return the variables that may matter to a job."""
    return {name: value for name, value in os.environ.items() if name not in _SHELLS_OWN}


def _run_warm(folder: str) -> int | None:
    """Have a job run, and return its exit status; None if it was not begun."""
    try:
        connection = _connected()
    except (OSError, ValueError, AttributeError):  # no /proc, no folder of our own, no Linux
        return None
    with connection:
        try:
            message = json.dumps({"folder": folder, "environment": environment()})
            socket.send_fds(connection, [b"\0"], [1, 2])
            connection.sendall(message.encode() + b"\n")
            if connection.recv(1) != ACCEPTED:
                return None
        except OSError:  # it could not load what jobs need
            return None
        with contextlib.suppress(OSError):
            if status := connection.recv(8):
                return int(status)
    return 1  # it was killed, and the job with it


def _connected() -> socket.socket:
    """Return a connection to the Python of this place for jobs; start it if there is none."""
    place, path = _place()
    connection = socket.socket(socket.AF_UNIX)
    with _short(path) as address:
        try:
            connection.connect(address)
        except (FileNotFoundError, ConnectionRefusedError):
            path.unlink(missing_ok=True)
            _remove_leftovers(path.parent)
            _start(place, path, address)
            connection.connect(address)
    return connection


@contextlib.contextmanager
def _short(path: Path) -> Iterator[str]:
    """Yield an address of a socket; a path of more than 107 bytes is none."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def _start(place: int, path: Path, address: str) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        number = listener.fileno()
        command = ["-P", "-m", "workflows.hpc.submission.warm_python", str(number), str(place)]
        subprocess.Popen(
            [sys.executable, *command, str(path)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # whoever waits for the end of a job's output shall not
            stderr=subprocess.DEVNULL,  # wait for this process
            cwd="/",
            pass_fds=[number],
            start_new_session=True,
        )


def _place() -> tuple[int, Path]:
    """Return the process that runs jobs one after another, and the socket of its Python.

    Raises
    ------
    OSError
        If there is none, or others could reach the socket.
    """
    # The parent is the shell of submit.sh.
    place = int(_stat(os.getppid())[_STAT_PARENT])
    folder = Path(tempfile.gettempdir()) / f"cuprolith-python-{os.geteuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not folder.is_dir() or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise PermissionError(str(folder))
    return place, folder / f"{place}-{_stat(place)[_STAT_STARTED]}"


def _remove_leftovers(folder: Path) -> None:
    """Remove the sockets of processes that were killed on this machine."""
    for path in folder.iterdir():
        pid, _, started = path.name.partition("-")
        try:
            lives = _stat(int(pid))[_STAT_STARTED] == started
        except (OSError, ValueError):
            lives = False
        if not lives:
            path.unlink(missing_ok=True)


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()


if __name__ == "__main__":
    main()
