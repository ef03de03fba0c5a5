"""A home of its own for commands that are given to a shell, with a dev cluster in it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@contextmanager
def home_of_its_own(*python_path: Path) -> Iterator[tuple[Path, dict[str, str]]]:
    """Yield a folder, short for the sockets in it, and the variables of a shell there.

    Without SLURM or jobflow-remote, the test is skipped. The cluster that it leaves is removed.

    Parameters
    ----------
    python_path
        Folders of packages to use beside the project's.
    """
    pytest.importorskip("jobflow_remote")
    if shutil.which("slurmctld", path=f"{os.environ['PATH']}:/usr/sbin:/sbin") is None:
        pytest.skip("no SLURM here")
    made = subprocess.run(["mktemp", "-d"], capture_output=True, text=True, check=True)
    home = Path(made.stdout.strip())
    variables = {
        **{key: value for key, value in os.environ.items() if not key.startswith("JFREMOTE")},
        "HOME": str(home),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join(map(str, [*python_path, ROOT])),
        "CUPROLITH_REHEARSAL": "emt-like",
        "OMP_NUM_THREADS": "1",
        "COLUMNS": "120",
    }
    try:
        yield home, variables
    finally:
        down = [sys.executable, "-m", "tests.dev_cluster", "down", "--purge"]
        subprocess.run(down, cwd=ROOT, env=variables, check=False)
        shutil.rmtree(home, ignore_errors=True)


def give(commands: list[str], home: Path, variables: dict[str, str]) -> str:
    """Give commands to one shell in a folder and return what they print; all must succeed."""
    script = "\n".join(["set -e", *(f"echo '$ {line}'\n{line}" for line in commands)])
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=home,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    return said
