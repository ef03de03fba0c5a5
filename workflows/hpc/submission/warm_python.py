"""A Python that has loaded what queued jobs need, and forks for each job.

It runs beside a process that runs jobs one after another, and ends with it. It has no threads, and
computes nothing itself: each job begins with modules just loaded.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import select
import socket
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import psutil

from training.nequip_runs.quick_imports import quick_imports
from workflows.environment import cuprolith_version
from workflows.hpc.submission.execute import run_job
from workflows.hpc.submission.execute_in_batch import ACCEPTED, REFUSED, environment

_TERM_SECONDS = 10
_ENDED = 143  # as a shell says of SIGTERM


@dataclass(frozen=True)
class JobRequest:
    """A job to run.

    Attributes
    ----------
    outputs
        File descriptors of its output and its errors.
    """

    folder: str
    outputs: list[int]


def main() -> None:
    """Serve; in the fork for a job, run it."""
    number, place, path = sys.argv[1:]
    request = None
    try:
        with socket.socket(fileno=int(number)) as listener:
            request = _serve(listener, os.pidfd_open(int(place)))
    finally:
        if request is None:
            Path(path).unlink(missing_ok=True)
    if request is not None:
        _become_job(request)
        run_job(request.folder)


def _serve(listener: socket.socket, place: int) -> JobRequest | None:
    """Return a job in the fork that is to run it; None at the end.

    Parameters
    ----------
    place
        File descriptor of the process that runs jobs.
    """
    _load()
    identity = (environment(), cuprolith_version())
    while True:
        if place in _ready(place, listener.fileno()):
            return None
        connection, _ = listener.accept()
        with connection:
            try:
                request = _asked(connection, identity)
                job = os.fork() if request is not None else None
            except (OSError, ValueError):  # it has gone, or runs the job itself
                continue
            if job == 0:
                return request
            with contextlib.suppress(OSError):
                connection.sendall(REFUSED if job is None else ACCEPTED)
            if job is not None and request is not None:
                _close(request.outputs)
                status = _status(job, connection, place)
                with contextlib.suppress(OSError):
                    connection.sendall(str(status).encode())


def _ready(*numbers: int) -> list[int]:
    """Wait until something is to be read or accepted, or a process has ended; return which."""
    return select.select(numbers, [], [])[0]


def _load() -> None:
    with quick_imports():
        for name in ("jobflow_remote.jobs.run", "workflows.hpc.submission.queued_job"):
            import_module(name)
    gc.freeze()  # forks then share the memory of all that is loaded


def _asked(connection: socket.socket, identity: tuple[dict[str, str], str]) -> JobRequest | None:
    """Return the job that is asked for.

    None if it needs another environment, or Cuprolith was installed anew.
    """
    _, outputs, _, _ = socket.recv_fds(connection, 1, 2)
    message = b""
    while not message.endswith(b"\n"):
        received = connection.recv(65536)
        if not received:
            break
        message += received
    asked = json.loads(message)
    if (asked["environment"], cuprolith_version()) == identity:
        return JobRequest(asked["folder"], list(outputs))
    _close(outputs)
    return None


def _close(numbers: Iterable[int]) -> None:
    for number in numbers:
        os.close(number)


def _become_job(request: JobRequest) -> None:
    os.chdir(request.folder)
    for number, output in enumerate(request.outputs, start=1):
        os.dup2(output, number)
    _close(request.outputs)
    if "numpy.random" in sys.modules:
        import numpy as np

        np.random.seed()  # noqa: NPY002 -- forks would otherwise draw the same numbers


def _status(job: int, connection: socket.socket, place: int) -> int:
    """Wait for a job, and return its exit status; end it if who waits for it is no more."""
    process = os.pidfd_open(job)
    try:
        if process not in _ready(process, connection.fileno(), place):
            _end(psutil.Process(job))
            return _ENDED
    finally:
        os.close(process)
    code = os.waitstatus_to_exitcode(os.waitpid(job, 0)[1])
    return code if code >= 0 else 128 - code


def _end(job: psutil.Process) -> None:
    """End a job and all that it has started, as a scheduler does."""
    processes = [*job.children(recursive=True), job]
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
    _, left = psutil.wait_procs(processes, timeout=_TERM_SECONDS)
    for process in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(left, timeout=_TERM_SECONDS)


if __name__ == "__main__":
    main()
