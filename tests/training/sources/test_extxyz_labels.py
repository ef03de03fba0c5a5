import io

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator

from training.sources.extxyz.labels import LabelError, LabelKeys, find_keys, read_labels

NONE = LabelKeys()


@pytest.fixture(scope="module")
def sheared():
    """A crystal under shear, so that each component of the stress is another number."""
    atoms = bulk("Cu", cubic=True)
    shear = [[0.01, 0.02, 0.0], [0.0, -0.01, 0.005], [0.01, 0.0, 0.02]]
    atoms.set_cell(atoms.cell.array @ (np.eye(3) + shear), scale_atoms=True)
    atoms.rattle(0.1, seed=0)
    atoms.calc = EMT()
    return atoms


def bare(atoms):
    return Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=atoms.pbc)


def reread(atoms):
    """As ASE reads what it writes."""
    text = io.StringIO()
    ase.io.write(text, atoms, format="extxyz")
    return ase.io.read(io.StringIO(text.getvalue()), format="extxyz")


@pytest.mark.parametrize(
    ("energy", "forces"),
    [
        ("REF_energy", "REF_forces"),
        ("dft_energy", "dft_forces"),
        ("DFT_Energy", "DFT_Forces"),
        ("energy_ref", "forces_ref"),
        ("total_energy", "force"),
        ("TotEnergy", "force"),
        ("vasp-energy", "vasp-force"),
    ],
)
def test_names_that_people_give(sheared, energy, forces):
    atoms = bare(sheared)
    atoms.info[energy] = sheared.get_potential_energy()
    atoms.arrays[forces] = sheared.get_forces()
    atoms.info["energy_per_atom"] = -3.0
    atoms.info["formation_energy"] = -0.1
    atoms = reread(atoms)
    if energy == "TotEnergy":
        keys = find_keys(atoms, LabelKeys(energy=energy, forces=forces))
    else:
        keys = find_keys(atoms, NONE)
    labels = read_labels(atoms, keys)
    assert labels.energy == pytest.approx(sheared.get_potential_energy(), abs=1e-7)
    np.testing.assert_allclose(labels.forces, sheared.get_forces(), atol=1e-7)
    assert labels.stress is None


def test_what_a_calculator_left(sheared):
    """ASE writes its results as energy, free_energy, forces and stress; forces go by the free."""
    atoms = bare(sheared)
    atoms.calc = SinglePointCalculator(
        atoms,
        energy=1.0,
        free_energy=sheared.get_potential_energy(),
        forces=sheared.get_forces(),
        stress=sheared.get_stress(),
    )
    atoms = reread(atoms)
    keys = find_keys(atoms, NONE)
    assert (keys.energy, keys.forces, keys.stress) == ("free_energy", "forces", "stress")
    labels = read_labels(atoms, keys)
    assert labels.energy == pytest.approx(sheared.get_potential_energy(), abs=1e-7)
    np.testing.assert_allclose(labels.stress, sheared.get_stress(voigt=False), atol=1e-7)


@pytest.mark.parametrize("form", ["matrix", "nine", "six"])
@pytest.mark.parametrize("name", ["virial", "virials", "REF_virial", "stress", "REF_stress"])
def test_virials_and_stresses_in_all_forms(sheared, name, form):
    """A virial is minus the stress times the volume: with it the sign is that of ASE."""
    stress = sheared.get_stress(voigt=False)
    tensor = -stress * sheared.get_volume() if "virial" in name else stress
    voigt = tensor[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]]
    values = {"matrix": tensor, "nine": tensor.ravel(), "six": voigt}[form]
    atoms = bare(sheared)
    atoms.info |= {"REF_energy": 1.0, name: values}
    atoms.arrays["REF_forces"] = sheared.get_forces()
    labels = read_labels(atoms, find_keys(atoms, NONE))
    if "virial" in name and form == "six":
        assert labels.stress is None, "programs differ in the order of six"
    else:
        np.testing.assert_allclose(labels.stress, stress, atol=1e-12)


def test_an_isolated_atom_needs_no_forces(sheared):
    atom = Atoms("Cu", cell=[15, 15, 15], pbc=True, info={"REF_energy": -3.0})
    labels = read_labels(atom, LabelKeys("REF_energy", "REF_forces"))
    assert labels.energy == -3.0
    np.testing.assert_array_equal(labels.forces, np.zeros((1, 3)))
    crystal = bulk("Cu")
    crystal.info["REF_energy"] = -3.0
    with pytest.raises(LabelError, match="no 'REF_forces'"):
        read_labels(crystal, LabelKeys("REF_energy", "REF_forces"))


def labelled(**extra):
    atoms = bulk("Cu", cubic=True)
    for name, value in extra.items():
        (atoms.arrays if np.ndim(value) == 2 else atoms.info)[name] = value
    return atoms


FORCES = np.ones((4, 3))


@pytest.mark.parametrize(
    ("atoms", "keys", "message"),
    [
        (labelled(), NONE, "nothing but positions"),
        (labelled(energy=1.0), NONE, "no energy and forces .* there is energy"),
        (labelled(formation_energy=1.0, forces=FORCES), NONE, "`energy_key`"),
        (
            labelled(energy=1.0, forces=FORCES, REF_energy=2.0, REF_forces=FORCES),
            NONE,
            "several energies and forces that differ: energy with forces, REF_energy with",
        ),
        (labelled(e=1.0, f=FORCES), LabelKeys(energy="e"), "both `energy_key` and `forces_key`"),
        (labelled(e=1.0, f=FORCES), LabelKeys("x", "f"), "there is no 'x'; the frame has e, f"),
    ],
)
def test_labels_that_are_missing_or_ambiguous(atoms, keys, message):
    with pytest.raises(LabelError, match=message):
        find_keys(atoms, keys)


@pytest.mark.parametrize(
    ("atoms", "message"),
    [
        (labelled(energy="high", forces=FORCES), "energy is 'high', not a number"),
        (labelled(energy=[1.0, 2.0], forces=FORCES), "energy is not one number"),
        (labelled(energy=1.0, forces=FORCES[:, :2]), r"forces has shape \(4, 2\)"),
        (labelled(energy=1.0, forces=FORCES, stress=[1.0, 2.0]), "stress has 2 numbers"),
        (labelled(energy=1.0, forces=FORCES, stress=[*range(9)]), "stress is not symmetric"),
        (labelled(forces=FORCES), "there is no 'energy', as in frames before"),
    ],
)
def test_labels_that_make_no_sense(atoms, message):
    with pytest.raises(LabelError, match=message):
        read_labels(atoms, LabelKeys("energy", "forces", "stress"))


def test_equal_labels_under_two_names_are_one(sheared):
    atoms = labelled(energy=1.0, forces=FORCES, REF_energy=1.0, REF_forces=FORCES)
    assert read_labels(atoms, find_keys(atoms, NONE)).energy == 1.0
