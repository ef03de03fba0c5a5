"""A package of its own adds one entry of each kind: the code of the docs."""

import json
import os
import subprocess
import sys

import ase.io
import numpy as np
import pytest
from ase import units
from ase.build import bulk, molecule
from ase.calculators.emt import EMT
from ase.calculators.lj import LennardJones

from tests.extend.example_package import PACKAGE, campaign, install, training_file
from tests.readme_commands import ROOT

pytestmark = pytest.mark.slow

CRYSTALS = {"Cu": ("fcc", 3.58), "Li": ("bcc", 3.48)}  # of the campaign

COMMAND = [sys.executable, "-c", "from workflows.cli.main import main; main()"]


@pytest.fixture(scope="module")
def cuprolith(tmp_path_factory):
    """Run a command with the package installed, and return what it prints."""
    folder = tmp_path_factory.mktemp("example")
    install(folder / "site")
    path = os.pathsep.join([str(folder / "site"), str(ROOT)])
    environment = {**os.environ, "PYTHONPATH": path, "COLUMNS": "200"}

    def run(*arguments: str) -> str:
        ended = subprocess.run(
            [*COMMAND, *arguments],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    run.folder = folder
    return run


@pytest.fixture(scope="module")
def workdir(cuprolith):
    """The campaign of the docs, run stage by stage."""
    (cuprolith.folder / "example.yaml").write_text(campaign())
    said = cuprolith("plan", "example.yaml")
    assert "sheared" in said
    cuprolith("generate", "example.yaml")
    for stage in ("label", "collect", "train", "validate", "tune", "report"):
        cuprolith(stage, "--workdir", "campaigns/example")
    return cuprolith.folder / "campaigns" / "example"


def test_labels_are_the_engines(workdir):
    """Energies and forces against the calculator itself, of both families."""
    frames = [
        frame
        for split in ("train", "val", "test")
        for frame in ase.io.read(workdir / "dataset" / f"{split}.extxyz", ":")
    ]
    assert {frame.info["family"] for frame in frames} == {"bulk", "sheared"}
    for frame in frames:
        reference = frame.copy()
        reference.calc = LennardJones(epsilon=0.4, sigma=2.3, rc=6.9, smooth=True)
        assert frame.get_potential_energy() == pytest.approx(reference.get_potential_energy())
        np.testing.assert_allclose(frame.get_forces(), reference.get_forces(), atol=1e-8)


def test_the_doctor_knows_the_engine(cuprolith):
    assert "engine lennard-jones" in cuprolith("doctor")


def test_the_variant_is_trained_and_tuned(workdir):
    result = json.loads((workdir / "training" / "pair-network" / "result.json").read_text())
    assert result["epochs"] == 2
    pareto = json.loads((workdir / "tuning" / "pair-network" / "pareto.json").read_text())
    assert pareto["variant"] == "pair-network"
    assert pareto["n_trials"] == 2


def test_the_potential_is_judged_by_the_property(workdir):
    validation = json.loads((workdir / "training" / "pair-network" / "validation.json").read_text())
    found = {row["case"]: row for row in validation["values"]}
    assert sorted(found) == ["Cu", "Li"]
    for name, row in found.items():
        assert (row["property_name"], row["source"]) == ("compressed_pressure", "lennard-jones")
        cell = bulk(name, *CRYSTALS[name], cubic=True)
        cell.set_cell(0.98 * cell.cell, scale_atoms=True)
        cell.calc = LennardJones(epsilon=0.4, sigma=2.3, rc=6.9, smooth=True)
        pressure = -cell.get_stress()[:3].mean() / units.GPa
        assert row["reference"] == pytest.approx(pressure, abs=1e-6)


def test_the_report_shows_them(workdir):
    page = (workdir / "report" / "index.html").read_text()
    for words in ("crystals under simple shear", "pair-network", "simulated", "lennard-jones"):
        assert words in page


def test_a_source_of_molecules(cuprolith):
    rng = np.random.default_rng(5)
    ethanol = molecule("CH3CH2OH")
    positions, energies, forces = [], [], []
    for _ in range(40):
        moved = ethanol.copy()
        moved.positions += rng.normal(0, 0.05, moved.positions.shape)
        moved.calc = EMT()
        positions.append(moved.positions)
        energies.append(moved.get_potential_energy())
        forces.append(moved.get_forces())
    kcal = units.kcal / units.mol
    (cuprolith.folder / "data").mkdir()
    np.savez(
        cuprolith.folder / "data" / "molecule.npz",
        z=ethanol.numbers,
        R=positions,
        E=np.array(energies) / kcal,
        F=np.array(forces) / kcal,
    )
    (cuprolith.folder / "molecule.yaml").write_text(training_file())
    said = cuprolith("train", "molecule.yaml")
    assert "2 of 2 epochs" in said
    assert "test (15 frames)" in said


def test_no_file_of_the_project_names_the_package():
    listed = subprocess.run(
        ["git", "grep", "-lE", f"{PACKAGE}|pair-network|lennard-jones", "--", "*.py", "*.toml"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.split()
    assert [path for path in listed if not path.startswith("tests/")] == []
