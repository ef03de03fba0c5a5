"""The README's commands as written, and what its main job made, from dataset to report.

The campaign is the quickstart with fewer ionic steps (`readme_commands.SMALLER`).
"""

import json
import os
import stat
from collections import Counter
from itertools import pairwise

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.build import make_supercell
from readme_commands import CHECKS, Tour, readme_commands, rehearsal_commands

from analysis.validation.property import PROPERTIES
from analysis.validation.results import read_validation
from workflows.overview import Overview

pytestmark = pytest.mark.slow

SPLITS = ("train", "val", "test")
MAIN_JOB = readme_commands()[0]
# The checks are what runs this test; rehearsals are given in test_vasp_campaign.
COMMANDS = [
    command for command in readme_commands()[1:] if command not in (CHECKS, *rehearsal_commands())
]
SBATCH = """#!/bin/sh
# Stands where SLURM's sbatch would: runs the wrapped command at once.
for argument in "$@"; do command="$argument"; done
exec sh -c "$command"
"""


@pytest.fixture(scope="module")
def tour(tmp_path_factory):
    """A finished quickstart, made by the README's first command."""
    tour = Tour.begin(tmp_path_factory.mktemp("tour"))
    tour.give(MAIN_JOB)
    return tour


@pytest.fixture(scope="module")
def frames(tour):
    """Frames by split, as ASE reads them."""
    return {
        split: ase.io.read(tour.workdir / "dataset" / f"{split}.extxyz", index=":")
        for split in SPLITS
    }


@pytest.fixture(scope="module")
def card(tour):
    return json.loads((tour.workdir / "dataset" / "dataset.json").read_text())


@pytest.fixture(scope="module")
def potential(tour):
    from training.predict import load_calculator

    folder = tour.workdir / "training" / "allegro"
    result = json.loads((folder / "result.json").read_text())
    return load_calculator(folder / result["checkpoint"])


@pytest.fixture(scope="module")
def sample(frames):
    """Every twentieth frame of all splits."""
    return [frame for split in SPLITS for frame in frames[split][::20]]


def bare(frame):
    return Atoms(frame.numbers, frame.positions, cell=frame.cell, pbc=frame.pbc)


def test_all_families_are_there(frames):
    families = {frame.info["family"] for split in SPLITS for frame in frames[split]}
    assert families == {
        *("bulk", "slab", "vacancy_2x2", "adatom", "interface", "isolated_atom", "dimer"),
    }


@pytest.mark.parametrize("key", ["trajectory_id", "parent_id", "structure_id"])
def test_nothing_stands_in_two_splits(frames, key):
    seen = {split: {frame.info[key] for frame in frames[split]} - {""} for split in SPLITS}
    assert not seen["train"] & seen["val"]
    assert not seen["train"] & seen["test"]
    assert not seen["val"] & seen["test"]


def test_parents_stand_where_their_children_do(frames):
    home = {frame.info["structure_id"]: split for split in SPLITS for frame in frames[split]}
    for split in SPLITS:
        for frame in frames[split]:
            assert home.get(frame.info["parent_id"], split) == split


def test_card_counts_equal_the_files(frames, card, tour):
    for split in SPLITS:
        part = card["splits"][split]
        assert part["frames"] == len(frames[split]) > 0
        assert part["atoms"] == sum(map(len, frames[split]))
        assert part["families"] == Counter(f.info["family"] for f in frames[split])
    assert card["frames"]["kept"] == sum(map(len, frames.values()))
    quarantined = tour.workdir / "dataset" / "quarantine.extxyz"
    lines = quarantined.read_text().count("Lattice=") if quarantined.exists() else 0
    assert card["quarantine"]["frames"] == lines


def test_labels_are_the_engines(sample):
    from workflows.engines.diep import ENGINE, DiepSettings

    calculator = ENGINE.load(DiepSettings(), "cpu")
    for frame in sample:
        atoms = bare(frame)
        atoms.calc = calculator
        assert frame.info["engine"] == "diep-r2scan"
        labels = frame.calc.results
        assert np.abs(labels["forces"] - atoms.get_forces()).max() < 1e-4
        assert abs(labels["energy"] - atoms.get_potential_energy()) < 1e-4 * len(atoms)
        assert np.abs(labels["stress"] - atoms.get_stress()).max() < 1e-5


def test_forces_are_minus_the_derivative_of_the_energy(sample):
    from workflows.engines.diep import DiepSettings
    from workflows.labelling.calculator_engine import loaded_calculator

    calculator = loaded_calculator(DiepSettings())
    step = 0.01
    # diep's energies jump where copper meets lithium: see docs/results/engines_against_gpaw.md.
    smooth = [f for f in sample if len(f) > 1 and f.info["family"] != "interface"]
    for frame in smooth[::4]:
        forces = frame.calc.results["forces"]
        index, axis = np.unravel_index(np.abs(forces).argmax(), forces.shape)
        energies = []
        for sign in (1, -1):
            atoms = bare(frame)
            atoms.positions[index, axis] += sign * step
            atoms.calc = calculator
            energies.append(atoms.get_potential_energy())
        derivative = (energies[0] - energies[1]) / (2 * step)
        # The engine is single precision: total energies of -200 eV carry 2e-5 eV of noise.
        assert forces[index, axis] == pytest.approx(-derivative, abs=0.02, rel=0.02)


def test_net_force_on_bulk_is_zero(frames):
    bulk = [f for split in SPLITS for f in frames[split] if f.info["family"] == "bulk"]
    assert bulk
    for frame in bulk:
        assert np.abs(frame.calc.results["forces"].sum(axis=0)).max() < 1e-4


def test_consecutive_frames_are_no_near_copies(frames, card):
    rule = card["settings"]["thinning"]
    steps = {}
    for split in SPLITS:
        for frame in frames[split]:
            steps.setdefault(frame.info["trajectory_id"], []).append(frame)
    for trajectory in steps.values():
        trajectory.sort(key=lambda frame: frame.info["step"])
        for before, after in pairwise(trajectory[:-1]):
            moved = np.abs(after.positions - before.positions).max()
            forces = after.calc.results["forces"] - before.calc.results["forces"]
            assert moved >= rule["min_displacement"] / np.sqrt(3) or np.abs(forces).max() >= rule[
                "min_force_change"
            ] / np.sqrt(3)


def test_scaled_down_quench_is_called_so(frames, tour):
    interface = [f for split in SPLITS for f in frames[split] if f.info["family"] == "interface"]
    assert {f.info["trajectory_id"].split("/")[1] for f in interface} == {
        "relax",
        "scaled-down-melt-quench",
    }
    assert "scaled-down melt-quench" in (tour.workdir / "labels" / "labels.json").read_text()


def test_trained_model_beats_the_baselines(tour):
    evaluation = json.loads((tour.workdir / "training" / "allegro" / "evaluation.json").read_text())
    test = evaluation["splits"]["test"]["overall"]
    best_baseline = min(test["zero_force"]["mae"], test["mean_force"]["mae"])
    assert test["forces"]["mae"] < 0.6 * best_baseline
    assert test["energy"]["mae"] < test["composition_linear"]["mae"]


def test_potential_is_invariant_and_equivariant(potential, frames):
    rng = np.random.default_rng(0)
    frame = max(frames["test"], key=len)
    atoms = bare(frame)
    atoms.calc = potential
    energy, forces = atoms.get_potential_energy(), atoms.get_forces()
    rotation = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    rotation *= np.sign(np.linalg.det(rotation))
    turned = Atoms(
        frame.numbers, frame.positions @ rotation.T, cell=frame.cell.array @ rotation.T, pbc=True
    )
    turned.calc = potential
    assert abs(turned.get_potential_energy() - energy) < 1e-4
    np.testing.assert_allclose(turned.get_forces(), forces @ rotation.T, atol=1e-4)
    order = rng.permutation(len(atoms))
    shuffled = bare(frame)[order]
    shuffled.calc = potential
    assert abs(shuffled.get_potential_energy() - energy) < 1e-4
    np.testing.assert_allclose(shuffled.get_forces(), forces[order], atol=1e-4)


def test_potential_is_extensive(potential, frames):
    frame = next(f for f in frames["test"] if 1 < len(f) < 15)
    atoms = bare(frame)
    atoms.calc = potential
    doubled = make_supercell(bare(frame), np.diag([2, 1, 1]))
    doubled.calc = potential
    assert doubled.get_potential_energy() == pytest.approx(
        2 * atoms.get_potential_energy(), abs=1e-3
    )


def test_the_potential_is_judged_by_physics(tour):
    validation = read_validation(tour.workdir / "training" / "allegro" / "validation.json")
    measured = {value.property_name for value in validation.values if value.passed is not None}
    of_datasets_alone = {"held_out_forces"}
    assert measured == {each.name for each in PROPERTIES} - of_datasets_alone
    constants = {value.case: value for value in validation.of("lattice_constant")}
    assert constants["Cu"].passed
    assert abs(constants["Li"].error) < 0.03 * constants["Li"].reference
    assert all(value.value < 0.5 for value in validation.of("short_range_repulsion"))
    assert all(value.source == "labels" for value in validation.of("surface_energy"))


def test_report_is_one_file(tour):
    html = (tour.workdir / "report" / "index.html").read_text()
    assert html.count("<html") == 1
    for word in ("scaled-down melt-quench", "simulated", "diep-r2scan", "zero force"):
        assert word.lower() in html.lower(), word


@pytest.mark.parametrize("command", COMMANDS)
def test_command(tour, command, tmp_path, monkeypatch):
    sbatch = tmp_path / "sbatch"
    sbatch.write_text(SBATCH)
    sbatch.chmod(sbatch.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    tour.give(command)


def test_catalogue_of_the_paper(tour):
    """Laskaris 2026, section III.B: every family, and slabs far cheaper than on pymatgen's cells.

    The tour has generated it, unless this test runs alone.
    """
    folder = tour.folder / "campaigns" / "paper_culi" / "structures"
    if not folder.exists():
        tour.give(next(c for c in COMMANDS if "generate inputs/paper_culi.yaml" in c))
    overview = Overview.model_validate_json((folder / "overview.json").read_text())
    families = {family.family: family for family in overview.families}
    # Each count is explained in docs/results/structure_counts.md.
    assert {name: family.structures for name, family in families.items()} == {
        "slab": 26,
        "vacancy": 41,
        "vacancy_2x2": 67,
        "adatom": 568,
        "interface": 13,
    }
    assert families["slab"].difference == families["interface"].difference == 0
    assert not overview.duplicates
    cells = families["slab"].pymatgen_cells
    assert cells.structures == 26
    assert cells.atoms_cubed_ratio > 60
    assert cells.with_kpoints_ratio > 15
    rows = json.loads((folder / "structures.json").read_text())["structures"]
    ids = {row["structure_id"] for row in rows}
    assert all(row["family"] in ("slab", "interface") or row["parent_id"] in ids for row in rows)


@pytest.fixture(scope="module")
def compiled(tour):
    from training.calculator import compiled_calculator

    path = tour.workdir / "training" / "allegro" / "deployed" / "allegro-ase-cpu.nequip.pt2"
    if not path.exists():
        tour.give(next(command for command in COMMANDS if "cuprolith compile" in command))
    return compiled_calculator(path)


def test_compiled_potential_agrees_with_the_checkpoint(compiled, potential, frames):
    """From a pair of atoms to the largest frames."""
    pair = Atoms("CuLi", [[0, 0, 0], [2.6, 0.3, 0]], cell=np.eye(3) * 15, pbc=True)
    periodic = sorted((f for f in frames["test"] if len(f) > 1), key=len)
    for atoms in (pair, *map(bare, periodic[:: max(1, len(periodic) // 8)]), bare(periodic[-1])):
        said = []
        for calculator in (potential, compiled):
            atoms.calc = calculator
            said.append((atoms.get_potential_energy(), atoms.get_forces(), atoms.get_stress()))
        for expected, got in zip(*said, strict=True):
            assert np.abs(got - expected).max() <= 1e-5 * np.abs(expected).max() + 1e-6
