#!/usr/bin/env python3
"""All checks: format, lint, types, the rooms' one-way arrows, and the tests.

Every check runs, also after one has failed; the exit code is non-zero if any failed. The README's
tour, the compiled models and the studies, which take minutes, run beside everything else. Arguments
go to pytest: `python checks.py -k extxyz`.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent
PYTEST = ["pytest", "--durations=10", *sys.argv[1:]]
LONG_TESTS = [
    "tests/test_quickstart.py",
    "tests/test_readme.py",
    "tests/training/test_deployment.py",
    "tests/training/tuning",
    "tests/workflows/cli/test_tune.py",
]
LONG = [*PYTEST, *LONG_TESTS]
CHECKS = {
    "format": ["ruff", "format", "--check", "."],
    "lint": ["ruff", "check", "."],
    "types": ["mypy"],
    "rooms": ["lint-imports"],
    "tests": [*PYTEST, *(f"--ignore={path}" for path in LONG_TESTS)],
}
# Two test processes share the cores; torch with as many threads as cores in both slows both down.
ENVIRONMENT = {"OMP_NUM_THREADS": "1", **os.environ}
_NO_TESTS = 5  # pytest's exit code; no failure where arguments choose tests


def main() -> int:
    """Run every check and say which failed."""
    failed = []
    started = time.monotonic()
    with tempfile.TemporaryFile() as output:
        long = subprocess.Popen(
            LONG, cwd=ROOT, env=ENVIRONMENT, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            for name, command in CHECKS.items():
                print(f"== {name}: {' '.join(command)}", flush=True)
                begun = time.monotonic()
                code = subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, check=False).returncode
                failed += _ended(name, code, begun)
            print(f"== long tests, begun with the first check: {' '.join(LONG)}", flush=True)
            code = long.wait()
        finally:
            long.kill()
        output.seek(0)
        print(output.read().decode(errors="replace"), end="")
    failed += _ended("long tests", code, started)
    print(f"checks failed: {', '.join(failed)}" if failed else "all checks passed", flush=True)
    return 1 if failed else 0


def _ended(name: str, code: int, begun: float) -> list[str]:
    """Say how a check ended; its name if it failed."""
    chosen = len(sys.argv) > 1 and name in ("tests", "long tests")
    passed = code == 0 or (chosen and code == _NO_TESTS)
    print(
        f"== {name}: {'ok' if passed else 'FAILED'} ({time.monotonic() - begun:.0f} s)", flush=True
    )
    return [] if passed else [name]


if __name__ == "__main__":
    sys.exit(main())
