"""Measure in a process that has done nothing else."""

import os
import subprocess
import sys
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
