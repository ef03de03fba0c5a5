"""Run a command and measure the processor time of it and of all processes it waits for."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def run_measured(
    command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None
) -> float:
    """Run a command in a folder, on one thread; its output goes to ``log.txt`` there.

    Returns
    -------
    Processor seconds, user and system.

    Raises
    ------
    RuntimeError
        If it fails; with the end of its output.
    """
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "log.txt"
    with log.open("wb") as output:
        process = subprocess.Popen(
            list(command),
            cwd=folder,
            env={**os.environ, **ONE_THREAD, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        # Only wait4 tells what this child, and no other, has used.
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        tail = log.read_text(errors="replace")[-2000:]
        raise RuntimeError(f"{' '.join(command[:3])} … ended with {process.returncode}:\n{tail}")
    return usage.ru_utime + usage.ru_stime
