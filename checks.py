#!/usr/bin/env python3
"""All checks: format, lint, types, the rooms' one-way arrows, the documentation, and the tests.

Every check runs, also after one has failed; the exit code is non-zero if any failed. The tests run
in four processes, file by file; what else takes its time runs beside them. Arguments go to pytest:
`python checks.py -k extxyz`.
"""

import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

ROOT = Path(__file__).resolve().parent
# Four for two cores: two of them wait for queues at first. The files come in the order of
# tests/conftest.py, the longest first.
SIDE_BY_SIDE = ["-n", "4"]
ALL = ["-m", "slow or not slow"]
CHECKS = {
    "format": ["ruff", "format", "--check", "."],
    "lint": ["ruff", "check", "."],
    "tests": ["pytest", *ALL, *SIDE_BY_SIDE, "--durations=10", *sys.argv[1:]],
}
BESIDE = {
    "types": ["mypy"],
    "rooms": ["lint-imports"],
    "site": ["sphinx-build", "-W", "--keep-going", "-q", "docs", "docs/_build/html"],
}
# Test processes share the cores; torch with as many threads as cores in each slows all down.
ENVIRONMENT = {"OMP_NUM_THREADS": "1", **os.environ}


def main() -> int:
    """Run every check and say which failed."""
    failed = []
    with ExitStack() as stack:
        begun = {}
        for name, command in BESIDE.items():
            output = stack.enter_context(tempfile.TemporaryFile())
            process = subprocess.Popen(
                command, cwd=ROOT, env=ENVIRONMENT, stdout=output, stderr=subprocess.STDOUT
            )
            stack.callback(process.kill)
            begun[name] = process, output
        for name, command in CHECKS.items():
            print(f"== {name}: {' '.join(command)}", flush=True)
            start = time.monotonic()
            code = subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, check=False).returncode
            failed += _ended(name, code, f" ({time.monotonic() - start:.0f} s)")
        for name, (process, output) in begun.items():
            print(f"== {name}, beside the tests: {' '.join(BESIDE[name])}", flush=True)
            code = process.wait()
            output.seek(0)
            print(output.read().decode(errors="replace"), end="")
            failed += _ended(name, code)
    print(f"checks failed: {', '.join(failed)}" if failed else "all checks passed", flush=True)
    return 1 if failed else 0


def _ended(name: str, code: int, duration: str = "") -> list[str]:
    """Say how a check ended; its name if it failed."""
    print(f"== {name}: {'ok' if code == 0 else 'FAILED'}{duration}", flush=True)
    return [] if code == 0 else [name]


if __name__ == "__main__":
    sys.exit(main())
