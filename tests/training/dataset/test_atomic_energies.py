from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.io import write
from frame_samples import emt_frame

from training.dataset.atomic_energies import fit_atomic_energies, starting_energies
from training.nequip_runs.trainer import train
from training.predict import load_calculator
from training.sources.extxyz import ExtxyzSource
from training.variants.allegro import AllegroSettings, AllegroTraining

# EMT's own energies of the isolated atoms (its e0 is negated: ASE's zero is the bulk).
E0 = {"Cu": 3.51, "Al": 3.28}


def alone(element, **cell):
    return emt_frame(Atoms(element, positions=[[1, 1, 1]], **cell))


def crystals():
    return [emt_frame(bulk("Cu", a=a)) for a in np.linspace(3.45, 3.75, 7)]


def alloys():
    frames = []
    for symbols in ("CuCuCuAl", "CuCuAlAl", "CuAlAlAl", "AlAlAlAl"):
        atoms = bulk("Cu", a=3.8, cubic=True)
        atoms.symbols = symbols
        atoms.rattle(0.1, seed=1)
        frames.append(emt_frame(atoms))
    return frames


@pytest.mark.parametrize("cell", [{"cell": [14, 14, 14], "pbc": True}, {}])
def test_energies_of_isolated_atoms_are_where_energies_start(cell):
    frames = [*alloys(), alone("Cu", **cell), alone("Al", **cell)]
    start = starting_energies(frames, ("Al", "Cu"))
    assert start.atomic_energies == pytest.approx(E0, abs=1e-12)
    assert start.atomic_energies["Cu"] == frames[-2].energy, "not rounded"
    assert start.scale is None


def test_elements_without_an_isolated_atom_are_fitted_beside_those_with_one():
    frames = alloys()
    start = starting_energies([*frames, alone("Cu")], ("Al", "Cu"))
    assert start.atomic_energies["Cu"] == pytest.approx(E0["Cu"])
    rest = [replace(f, energy=f.energy - E0["Cu"] * int((f.numbers == 29).sum())) for f in frames]
    shares = np.array([(f.numbers == 13).mean() for f in rest])
    energies = np.array([f.energy / 4 for f in rest])
    expected = (shares @ energies) / (shares @ shares)
    assert start.atomic_energies["Al"] == pytest.approx(expected, abs=1e-6)
    without = starting_energies(frames, ("Al", "Cu"))
    assert without.atomic_energies == fit_atomic_energies(frames, ("Al", "Cu"))


def test_given_energies_are_taken_as_they_are():
    given = {"Al": -1.23456789, "Cu": -2.0, "Li": 0.0}
    start = starting_energies([*alloys(), alone("Cu")], ("Al", "Cu"), given)
    assert start.atomic_energies == {"Al": -1.23456789, "Cu": -2.0}


def test_a_primitive_cell_is_no_isolated_atom():
    """Caesium has the longest lattice constant of the elements' crystals."""
    frames = [replace(emt_frame(bulk("Cu", "bcc", a=6.1)), energy=5.0), *crystals()]
    assert starting_energies(frames, ("Cu",)).atomic_energies["Cu"] < 2


def test_forces_that_vanish_by_symmetry_are_no_scale():
    frames = crystals()
    assert 0 < max(np.abs(frame.forces).max() for frame in frames) < 1e-10, "round-off"
    assert starting_energies(frames, ("Cu",)).scale == 1.0
    assert starting_energies([frames[0]] * 3, ("Cu",)).scale == 1.0, "nor is a spread of nothing"
    relaxed = [replace(f, forces=f.forces + 1e-3) for f in frames]
    assert starting_energies(relaxed, ("Cu",)).scale == 1.0
    assert starting_energies(alloys(), ("Al", "Cu")).scale is None


@pytest.mark.slow
def test_a_model_of_perfect_crystals_follows_their_energies(tmp_path):
    """E(V) of copper, whose forces are round-off; an atom alone has what energies start with."""
    frames = crystals()
    for split, chosen in (("train", frames), ("val", frames[1:5:2])):
        write(tmp_path / f"{split}.xyz", [f.to_atoms() for f in chosen], format="extxyz")
    source = ExtxyzSource(tmp_path / "train.xyz", tmp_path / "val.xyz")
    model = AllegroSettings(
        r_max=4.0, num_scalar_features=8, num_tensor_features=2, edge_mlp_width=8
    )
    settings = AllegroTraining(
        model=model,
        max_epochs=80,
        learning_rate=0.03,
        batch_size=2,
        dtype="float64",
        atomic_energies={"Cu": 0.0123456789},
    )
    train(settings, source, tmp_path / "allegro", 0)
    calculator = load_calculator(tmp_path / "allegro" / "best.ckpt", "cpu")

    def predicted(atoms):
        atoms.calc = calculator
        return atoms.get_potential_energy()

    energies = np.array([frame.energy for frame in frames])
    errors = np.array([predicted(f.to_atoms()) for f in frames]) - energies
    assert np.abs(errors).mean() < 0.5 * energies.std()
    for cell in ({}, {"cell": [12, 12, 12], "pbc": True}):
        assert predicted(Atoms("Cu", **cell)) == pytest.approx(0.0123456789, abs=1e-12)
