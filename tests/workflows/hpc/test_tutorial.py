"""docs/tutorials/queue.md, given to a shell as it stands, from `dev-cluster up` to the report."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TUTORIAL = ROOT / "docs" / "tutorials" / "queue.md"


def commands():
    blocks = re.findall(r"```bash\n(.*?)```", TUTORIAL.read_text(), flags=re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line]


@pytest.fixture(scope="module")
def home():
    """A home of its own; short, for the sockets in it."""
    pytest.importorskip("jobflow_remote")
    if shutil.which("slurmctld", path=f"{os.environ['PATH']}:/usr/sbin:/sbin") is None:
        pytest.skip("no SLURM here")
    folder = Path(
        subprocess.run(["mktemp", "-d"], capture_output=True, text=True, check=True).stdout.strip()
    )
    (folder / "inputs").symlink_to(ROOT / "inputs")
    yield folder
    subprocess.run(
        ["bash", "-c", "python -m tests.dev_cluster down --purge"],
        env=environment(folder),
        check=False,
    )
    shutil.rmtree(folder, ignore_errors=True)


def environment(home):
    scripts = Path(sys.executable).parent
    return {
        **{key: value for key, value in os.environ.items() if not key.startswith("JFREMOTE")},
        "HOME": str(home),
        "PATH": f"{scripts}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "CUPROLITH_REHEARSAL": "emt-like",
        "OMP_NUM_THREADS": "1",
        "COLUMNS": "120",
    }


@pytest.mark.slow
def test_the_tutorial_ends_in_a_report(home):
    script = "\n".join(
        ["set -e", *(f"echo '$ {line}'\n{line}" for line in commands() if "down" not in line)]
    )
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=home,
        env=environment(home),
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert "5 stages added" in said
    assert "nothing added" in said
    workdir = home / "campaigns" / "queue_rehearsal"
    assert "queue_rehearsal" in (workdir / "report" / "index.html").read_text()
    labels = json.loads((workdir / "labels" / "labels.json").read_text())
    assert [row["task"] for row in labels["trajectories"]] == ["relax"] * 4 + ["melt_quench"]
    assert all(row["complete"] for row in labels["trajectories"])
    assert labels["failures"] == labels["skipped"] == []
    assert "not from a DFT calculation" in labels["simulated_by"]
    # at home nothing is left to label
    events = [json.loads(line)["event"] for line in (workdir / "labels" / "log.jsonl").open()]
    assert set(events) == {"skipped"}

    down = subprocess.run(
        ["bash", "-c", next(line for line in commands() if "down" in line)],
        cwd=home,
        env=environment(home),
        capture_output=True,
        text=True,
        check=False,
    )
    assert down.returncode == 0, down.stderr
    assert not (home / ".cuprolith" / "dev-cluster").exists()
