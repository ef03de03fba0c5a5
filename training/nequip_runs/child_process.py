"""Child processes that end with the process that started them, and their logs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from training.nequip_runs.end_with_parent import end_with_parent

_PARENT = "CUPROLITH_PARENT"
_TAIL_LINES = 15
_TAIL_BYTES = 20_000


def python_command(module: str, call: str) -> list[str]:
    """Return the command line of a Python process that calls a function of ours.

    Parameters
    ----------
    module
        Module of this project.
    call
        Expression to evaluate, such as ``main()``; it finds further arguments in ``sys.argv[1:]``.
    """
    # -P and the appended path keep the working directory out of the child's import path.
    function = call.partition("(")[0]
    code = f"""
import sys
sys.path.append(sys.argv.pop(1))
from training.nequip_runs.quick_imports import quick_imports
with quick_imports():
    from {module} import {function}
{call}"""
    return [sys.executable, "-P", "-c", code, str(Path(__file__).parents[2])]


@contextmanager
def child_process(
    command: Sequence[str], cwd: Path, environment: Mapping[str, str], log: BinaryIO
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command whose process calls `end_with_command`; it ends with the block.

    Parameters
    ----------
    command, cwd, environment
        What to run, where, and all of its environment.
    log
        Takes standard output and standard error.
    """
    process = subprocess.Popen(
        list(command),
        cwd=cwd,
        env={**environment, _PARENT: str(os.getpid())},
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,  # Ctrl-C reaches this process alone, which ends the child
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def end_with_command() -> None:
    """End this process when the one that started it ends; the child's side of `child_process`.

    Processes that this one starts and that call this as well end with this one.
    """
    end_with_parent(int(os.environ[_PARENT]))
    os.environ[_PARENT] = str(os.getpid())


def with_passive_threads(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment in which waiting threads soon release their core.

    Threads of small models wait for each other all the time. libgomp lets them spin 100 times
    longer than this, which gains nothing on a quiet machine and costs a factor of 30 when another
    program wants the same core (62 s per epoch of a training instead of 2 s, measured). What the
    user has set stays.
    """
    chosen = {} if "OMP_WAIT_POLICY" in environment else {"GOMP_SPINCOUNT": "3000"}
    return {**chosen, **environment}


def exit_description(code: int) -> str:
    """Describe how a process with this return code ended."""
    if code < 0:
        return f"was killed by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"


def end_of_log(log: Path, start: int = 0) -> str:
    """Return the last lines of a log after the first `start` bytes, indented."""
    with log.open("rb") as stream:
        end = stream.seek(0, os.SEEK_END)
        stream.seek(max(start, end - _TAIL_BYTES))
        lines = stream.read().decode(errors="replace").splitlines()
    return "\n".join(f"    {line}" for line in lines[-_TAIL_LINES:])


def remedy_for(text: str, remedies: Mapping[str, str], otherwise: str) -> str:
    """Return the remedy of the first symptom found in a text."""
    return next((remedy for symptom, remedy in remedies.items() if symptom in text), otherwise)
