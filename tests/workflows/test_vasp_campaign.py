"""A rehearsed campaign through the unchanged production flow, with faults and kills."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from readme_commands import Tour, rehearsal_commands
from typer.testing import CliRunner

from training.dataset.extxyz import iter_frames
from workflows.cli.main import app

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
  melt_quench: MELT_QUENCH
  vasp: {vasp_cmd: cuprolith-vasp-rehearsal, pbe_start: false}
"""
QUENCH = "{cooling_rate: 40000, hold_steps: 6, segment_steps: 7}"
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


def give_here(*arguments):
    """In this process: what needs no stand-in."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result.output


def generate(folder, melt_quench=QUENCH):
    (folder / "small.yaml").write_text(SMALL.replace("MELT_QUENCH", melt_quench))
    give_here("generate", folder / "small.yaml", "--workdir", folder / "w")


def label_and_collect(folder, melt_quench=QUENCH, faults=None):
    generate(folder, melt_quench)
    give(folder, "label", "--workdir", "w", faults=faults)
    give_here("collect", "--workdir", folder / "w")


def frames(dataset):
    """All frames by trajectory and step."""
    found = (frame for split in SPLITS for frame in iter_frames(dataset / f"{split}.extxyz"))
    return {(frame.trajectory_id, frame.step): frame for frame in found}


def label_table(workdir):
    return json.loads((workdir / "labels" / "labels.json").read_text())


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
    """Workdir of the campaign of inputs/, start from PBE included, by the README's commands.

    The last of them collects the raw outputs once more, in ``rehearsed_dataset`` beside it.
    """
    tour = Tour.begin(tmp_path_factory.mktemp("rehearsed"))
    outputs = [tour.give(command) for command in rehearsal_commands()]
    assert "8 runs" in outputs[-1]
    workdir = tour.folder / "campaigns" / "vasp_rehearsal"
    give_here("collect", "--workdir", workdir)
    return workdir


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
    assert labels["simulated"] is True
    assert "not from a DFT calculation" in labels["simulated_by"]
    kept = frames(rehearsed / "dataset")
    assert {frame.engine for frame in kept.values()} == {"rehearsal"}
    assert all(frame.energy_sigma0 is not None for frame in kept.values())
    assert len({frame.config_hash for frame in kept.values()}) == 1


@pytest.mark.slow
def test_defects_start_from_relaxed_slabs(rehearsed):
    runs = rehearsed / "labels" / "runs" / "vasp"
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
    again = rehearsed.with_name("rehearsed_dataset")
    assert_same_labels(frames(again), frames(rehearsed / "dataset"))


@pytest.mark.slow
def test_a_fault_loses_nothing_that_the_same_command_does_not_mend(undisturbed, tmp_path):
    """A full disk; kills at the end of the wall time and cut files are for test_vasp_makers."""
    fault = {"fault": "full_disk", "at_step": 3, "times": 1}
    label_and_collect(tmp_path, "null", faults=fault)
    if label_table(tmp_path / "w")["failures"]:
        give(tmp_path, "label", "--workdir", "w")
        give_here("collect", "--workdir", tmp_path / "w")
    assert (tmp_path / "faults.count").is_file()
    labels = label_table(tmp_path / "w")
    assert labels["failures"] == labels["skipped"] == []
    assert all(row["complete"] for row in labels["trajectories"])
    others = label_table(undisturbed / "w")["trajectories"]
    relaxations = [row for row in others if row["task"] == "relax"]
    for row, other in zip(labels["trajectories"], relaxations, strict=True):
        # A relaxation that began again may take other steps; it ends in the same place.
        assert row["energy_last"] == pytest.approx(other["energy_last"], abs=5e-3)


@pytest.mark.slow
def test_steps_whose_scf_did_not_converge_are_set_aside(tmp_path):
    fault = {"fault": "scf_not_converging", "at_step": 2, "n_steps": 1, "times": 1}
    label_and_collect(tmp_path, "null", faults=fault)
    aside = list(iter_frames(tmp_path / "w" / "dataset" / "quarantine.extxyz"))
    assert len(aside) >= 1
    assert not any(frame.converged for frame in aside)
    assert all(frame.converged for frame in frames(tmp_path / "w" / "dataset").values())


@pytest.mark.slow
def test_killed_at_any_moment_it_ends_with_the_same_labels(undisturbed, tmp_path):
    """In the first relaxation and in a segment."""
    generate(tmp_path)
    runs = tmp_path / "w" / "labels" / "runs" / "vasp"
    for n_outputs in (1, 5):
        process = start(tmp_path, "label", "--workdir", "w")
        while process.poll() is None:
            begun = [f for f in runs.glob("*/*/OSZICAR") if len(f.read_text()) > 500]
            if len(begun) >= n_outputs:
                os.killpg(process.pid, signal.SIGKILL)
                break
            time.sleep(0.02)
        process.communicate()
    give(tmp_path, "label", "--workdir", "w")
    give_here("collect", "--workdir", tmp_path / "w")
    log = (tmp_path / "w" / "labels" / "log.jsonl").read_text().splitlines()
    finished = [event["name"] for line in log if (event := json.loads(line))["event"] == "finished"]
    labelled = [name for name in finished if not name.startswith("start ")]
    assert len(labelled) == len(set(labelled)) == SMALL_LABEL_JOBS
    assert_same_labels(frames(tmp_path / "w" / "dataset"), frames(undisturbed / "w" / "dataset"))
