"""``kill -9`` at any moment: the same command ends with the same dataset, and nothing twice."""

import json
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter

import pytest
from typer.testing import CliRunner

from workflows.cli.main import app

CAMPAIGN = """\
name: tiny
seed: 4
crystals:
  Cu: {prototype: fcc, a: 3.575}
  Li: {prototype: bcc, a: 3.456}
structures:
  bulk: {strains: [-0.02, 0.0, 0.02]}
  slabs:
    - {crystal: Cu, miller_indices: [[1, 0, 0], [1, 1, 0]], min_thickness: 4.0, vacuum: 5.0}
    - {crystal: Li, miller_indices: [[1, 0, 0], [1, 1, 0]], min_thickness: 4.0, vacuum: 5.0}
  interfaces:
    - {substrate: Cu, film: Li, substrate_miller: [1, 0, 0], film_miller: [1, 0, 0],
       substrate_thickness: 4.0, film_thickness: 4.0}
engine:
  relax: {max_steps: 6}
  melt_quench: {cooling_rate: 20000, hold_steps: 10, segment_steps: 5}
"""
VERBS = "from workflows.cli.main import main; main()"


def start(folder, verb):
    return subprocess.Popen(
        [sys.executable, "-c", VERBS, verb, "campaign.yaml", "--workdir", "w"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def give(folder, verb):
    process = start(folder, verb)
    output, _ = process.communicate()
    assert process.returncode == 0, output


def give_here(folder, *arguments):
    """In this process: what is not killed."""
    result = CliRunner().invoke(app, [*arguments, "--workdir", str(folder / "w")])
    assert result.exit_code == 0, result.output


def log(folder):
    path = folder / "w" / "labels" / "log.jsonl"
    lines = path.read_text().splitlines() if path.is_file() else []
    return [json.loads(line) for line in lines if line.endswith("}")]


def kill_when_started(folder, n_jobs):
    """Start the label stage and kill it in the middle of its n-th job."""
    before = len(log(folder))
    process = start(folder, "label")
    while process.poll() is None:
        events = log(folder)[before:]
        if sum(event["event"] == "started" for event in events) >= n_jobs:
            process.send_signal(signal.SIGKILL)
            break
        time.sleep(0.005)
    process.wait()
    process.stdout.close()


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    undisturbed = tmp_path_factory.mktemp("undisturbed")
    (undisturbed / "campaign.yaml").write_text(CAMPAIGN)
    give_here(undisturbed, "generate", str(undisturbed / "campaign.yaml"))
    killed = tmp_path_factory.mktemp("killed") / "folder"
    shutil.copytree(undisturbed, killed)
    give(undisturbed, "label")
    # A relaxation, the interface's relaxation, a segment.
    for n_jobs in (3, 5, 3):
        kill_when_started(killed, n_jobs)
    give(killed, "label")
    for folder in (undisturbed, killed):
        give_here(folder, "collect")
    return undisturbed, killed


@pytest.mark.slow
def test_dataset_is_the_same_to_the_byte(folders):
    undisturbed, killed = (folder / "w" / "dataset" for folder in folders)
    names = sorted(path.name for path in undisturbed.iterdir())
    assert names == sorted(path.name for path in killed.iterdir())
    for name in names:
        assert (undisturbed / name).read_bytes() == (killed / name).read_bytes(), name


@pytest.mark.slow
def test_no_label_is_computed_twice(folders):
    undisturbed, killed = folders
    events = Counter((event["uuid"], event["event"]) for event in log(killed))
    finished = {uuid for uuid, event in events if event == "finished"}
    assert finished == {event["uuid"] for event in log(undisturbed)}
    assert all(events[uuid, "finished"] == 1 for uuid in finished)
    restarted = [uuid for uuid in finished if events[uuid, "started"] > 1]
    assert 1 <= sum(events[uuid, "started"] - 1 for uuid in restarted) <= 3  # the jobs killed


@pytest.mark.slow
def test_running_again_computes_nothing(folders):
    undisturbed, _ = folders
    before = len(log(undisturbed))
    give(undisturbed, "label")
    assert {event["event"] for event in log(undisturbed)[before:]} == {"skipped"}
