"""A rehearsed campaign through the unchanged production flow, with faults and kills."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from training.extxyz import iter_frames

ROOT = Path(__file__).parents[2]
VERBS = "from workflows.cli.main import main; main()"
SPLITS = ("train", "val", "test")
SMALL = """\
name: small
crystals:
  Cu: {prototype: fcc, a: 3.575}
  Li: {prototype: bcc, a: 3.440}
structures:
  slabs:
    - {crystal: Cu, miller_indices: [[1, 0, 0]], min_thickness: 5.0, vacuum: 5.0}
    - {crystal: Li, miller_indices: [[1, 0, 0]], min_thickness: 5.0, vacuum: 5.0}
  interfaces:
    - {substrate: Cu, film: Li, miller_indices: [[1, 0, 0]],
       substrate_thickness: 5.0, film_thickness: 5.0}
engine:
  name: vasp
  relax: {max_steps: 12}
  melt_quench: {cooling_rate: 40000, hold_steps: 6, segment_steps: 7}
  vasp: {vasp_cmd: cuprolith-vasp-rehearsal, pbe_start: false}
"""
SMALL_LABEL_JOBS = 6  # two slabs, an interface, three segments


def start(folder, *arguments, faults=None):
    environment = os.environ | {"CUPROLITH_REHEARSAL": "emt-like"}
    if faults is not None:
        environment["CUPROLITH_REHEARSAL_FAULTS"] = json.dumps(
            {**faults, "counter": str(folder / "faults.count")}
        )
    return subprocess.Popen(
        [sys.executable, "-c", VERBS, *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
        start_new_session=True,  # so that a kill reaches VASP's stand-in, too
    )


def give(folder, *arguments, faults=None):
    process = start(folder, *arguments, faults=faults)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    return output


def label_and_collect(folder, campaign=None, faults=None):
    small = folder / "small.yaml"
    small.write_text(SMALL)
    give(folder, "generate", str(campaign or small), "--workdir", "w")
    output = give(folder, "label", "--workdir", "w", faults=faults)
    give(folder, "collect", "--workdir", "w")
    return output


def frames(dataset):
    """All frames by trajectory and step."""
    found = (frame for split in SPLITS for frame in iter_frames(dataset / f"{split}.extxyz"))
    return {(frame.trajectory_id, frame.step): frame for frame in found}


def label_table(folder):
    return json.loads((folder / "w" / "labels" / "labels.json").read_text())


def assert_same_labels(one, other):
    """The same steps with the same labels; atoms may be in another order."""
    assert one.keys() == other.keys()
    for key, frame in one.items():
        assert frame.energy == pytest.approx(other[key].energy, abs=1e-6)
        there = other[key]
        apart = np.linalg.solve(
            frame.cell.T, (frame.positions[:, None] - there.positions).reshape(-1, 3).T
        ).T
        apart -= np.rint(apart)
        distances = np.linalg.norm(apart @ frame.cell, axis=1).reshape(len(frame), len(there))
        assert distances.min(axis=1).max() < 1e-6
        order = distances.argmin(axis=1)
        assert (frame.numbers == there.numbers[order]).all()
        np.testing.assert_allclose(frame.forces, there.forces[order], atol=1e-6)


@pytest.fixture(scope="module")
def rehearsed(tmp_path_factory):
    """The campaign of inputs/, start from PBE included."""
    folder = tmp_path_factory.mktemp("rehearsed")
    label_and_collect(folder, ROOT / "inputs" / "vasp_rehearsal.yaml")
    return folder


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    label_and_collect(folder)
    return folder


@pytest.mark.slow
def test_every_run_ends_and_is_called_a_rehearsal(rehearsed):
    labels = label_table(rehearsed)
    assert [row["task"] for row in labels["trajectories"]] == ["relax"] * 5 + ["melt_quench"]
    assert all(row["complete"] for row in labels["trajectories"])
    assert labels["failures"] == labels["skipped"] == []
    assert "not from a DFT calculation" in labels["simulated_by"]
    kept = frames(rehearsed / "w" / "dataset")
    assert {frame.engine for frame in kept.values()} == {"rehearsal"}
    assert all(frame.energy_sigma0 is not None for frame in kept.values())
    assert len({frame.config_hash for frame in kept.values()}) == 1


@pytest.mark.slow
def test_defects_start_from_relaxed_slabs(rehearsed):
    runs = rehearsed / "w" / "labels" / "runs" / "vasp"
    (vacancy,) = runs.glob("vacancy_2x2-*")
    (slab,) = (
        path for path in runs.glob("slab-*") if "Cu" in (path / "relax" / "POSCAR").read_text()
    )

    def heights(file):
        from pymatgen.core import Structure

        return np.unique(np.round(Structure.from_file(file).cart_coords[:, 2], 4))

    np.testing.assert_allclose(
        heights(vacancy / "relax" / "POSCAR"), heights(slab / "relax" / "CONTCAR"), atol=2e-4
    )


@pytest.mark.slow
def test_the_raw_outputs_give_the_same_dataset(rehearsed):
    output = give(rehearsed, "collect", "--from", "w/labels/runs", "--out", "again")
    assert "8 runs" in output
    assert_same_labels(frames(rehearsed / "again"), frames(rehearsed / "w" / "dataset"))


@pytest.mark.slow
@pytest.mark.parametrize(
    "fault",
    [
        {"fault": "walltime_kill", "at_step": 4},
        {"fault": "truncated_vasprun", "at_step": 3},
        {"fault": "full_disk", "at_step": 3},
    ],
    ids=lambda fault: fault["fault"],
)
def test_a_fault_loses_nothing_that_the_same_command_does_not_mend(undisturbed, tmp_path, fault):
    label_and_collect(tmp_path, faults={**fault, "times": 1})
    if label_table(tmp_path)["failures"]:
        give(tmp_path, "label", "--workdir", "w")
        give(tmp_path, "collect", "--workdir", "w")
    assert (tmp_path / "faults.count").is_file()
    labels = label_table(tmp_path)
    assert labels["failures"] == labels["skipped"] == []
    assert all(row["complete"] for row in labels["trajectories"])
    if fault["fault"] == "walltime_kill":
        assert any(row["corrections"] for row in labels["trajectories"])
    others = label_table(undisturbed)["trajectories"]
    for row, other in zip(labels["trajectories"], others, strict=True):
        # A relaxation that began again may take other steps; it ends in the same place.
        assert row["energy_last"] == pytest.approx(other["energy_last"], abs=5e-3)


@pytest.mark.slow
def test_steps_whose_scf_did_not_converge_are_set_aside(tmp_path):
    fault = {"fault": "scf_not_converging", "at_step": 2, "n_steps": 1, "times": 1}
    label_and_collect(tmp_path, faults=fault)
    aside = list(iter_frames(tmp_path / "w" / "dataset" / "quarantine.extxyz"))
    assert len(aside) >= 1
    assert not any(frame.converged for frame in aside)
    assert all(frame.converged for frame in frames(tmp_path / "w" / "dataset").values())


@pytest.mark.slow
def test_killed_at_any_moment_it_ends_with_the_same_labels(undisturbed, tmp_path):
    """Five kills, from the first relaxation to the last segment."""
    (tmp_path / "small.yaml").write_text(SMALL)
    give(tmp_path, "generate", "small.yaml", "--workdir", "w")
    runs = tmp_path / "w" / "labels" / "runs" / "vasp"
    for n_outputs in (1, 2, 3, 4, 5):
        process = start(tmp_path, "label", "--workdir", "w")
        while process.poll() is None:
            begun = [f for f in runs.glob("*/*/OSZICAR") if len(f.read_text()) > 500]
            if len(begun) >= n_outputs:
                os.killpg(process.pid, signal.SIGKILL)
                break
            time.sleep(0.02)
        process.communicate()
    give(tmp_path, "label", "--workdir", "w")
    give(tmp_path, "collect", "--workdir", "w")
    log = (tmp_path / "w" / "labels" / "log.jsonl").read_text().splitlines()
    finished = [event["name"] for line in log if (event := json.loads(line))["event"] == "finished"]
    labelled = [name for name in finished if not name.startswith("start ")]
    assert len(labelled) == len(set(labelled)) == SMALL_LABEL_JOBS
    assert_same_labels(frames(tmp_path / "w" / "dataset"), frames(undisturbed / "w" / "dataset"))
