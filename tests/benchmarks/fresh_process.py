"""Measure in a process that has done nothing else."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).parent


def printed_number(script: str, *arguments: object) -> float:
    """Run a script that can import the benchmarks; return the number in the last line it prints."""
    paths = [str(HERE.parents[1]), str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
    )
    return float(done.stdout.splitlines()[-1])


def peak_beyond(call: Callable[[], object]) -> float:
    """Peak memory of this process during a call beyond that before it, MB."""
    status = Path("/proc/self/status")

    def kb(key: str) -> int:
        (line,) = (line for line in status.read_text().splitlines() if line.startswith(key))
        return int(line.split()[1])

    Path("/proc/self/clear_refs").write_text("5")
    before = kb("VmRSS")
    call()
    return (kb("VmHWM") - before) * 1024 / 1e6
