#!/usr/bin/env python3
"""All checks: format, lint, types, the rooms' one-way arrows, and the tests.

Every check runs, also after one has failed; the exit code is non-zero if any failed.
Arguments go to pytest: `python checks.py -k extxyz`.
"""

import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent
CHECKS = {
    "format": ["ruff", "format", "--check", "."],
    "lint": ["ruff", "check", "."],
    "types": ["mypy"],
    "rooms": ["lint-imports"],
    "tests": ["pytest", "--durations=10", *sys.argv[1:]],
}


def main() -> int:
    """Run every check and say which failed."""
    failed = []
    for name, command in CHECKS.items():
        print(f"== {name}: {' '.join(command)}", flush=True)
        started = time.monotonic()
        code = subprocess.run(command, cwd=ROOT, check=False).returncode
        print(f"== {name}: {'ok' if code == 0 else 'FAILED'} ({time.monotonic() - started:.0f} s)")
        if code != 0:
            failed.append(name)
    print(f"checks failed: {', '.join(failed)}" if failed else "all checks passed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
