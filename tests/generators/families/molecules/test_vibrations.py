"""Vibrations: frequencies of the model, its distribution, and seeds."""

import numpy as np
import pytest
from ase import units
from ase.data import atomic_masses, atomic_numbers
from scipy.spatial.transform import Rotation

from generators.errors import GenerationError
from generators.families.molecules import molecule_candidates
from generators.families.molecules.geometries import Geometry, start_geometries
from generators.families.molecules.settings import MoleculeSettings
from generators.families.molecules.vibrations import displacement_spread, model_hessian


def start(name):
    return start_geometries(MoleculeSettings(molecule=name), "s")[0]


def vibrated(name, **given):
    section = MoleculeSettings(molecule=name, vibrations=given)
    return np.array([each.structure.cart_coords for each in molecule_candidates(section, "s")])


def frequencies(name):
    """Wavenumbers, 1/cm, rigid motions included."""
    geometry = start(name)
    masses = np.repeat([atomic_masses[atomic_numbers[each]] for each in geometry.symbols], 3)
    hessian = model_hessian(geometry.symbols, geometry.positions)
    squares = np.linalg.eigvalsh(hessian / np.sqrt(np.outer(masses, masses)))
    return (
        np.sqrt(np.abs(squares)) * units._hbar * 1e10 / np.sqrt(units._e * units._amu) / units.invcm
    )


# Harmonic frequencies of experiment (Shimanouchi's tables, Huber and Herzberg), 1/cm. The model is
# one for all molecules, stiffer than nature where hydrogen is bound.
@pytest.mark.parametrize(
    ("name", "measured", "rigid"),
    [
        ("LiH", [1405], 5),
        ("H2O", [1648, 3832, 3943], 6),
        ("N2", [2359], 5),
        ("CH4", [1357] * 3 + [1567] * 2 + [3026] + [3157] * 3, 6),
    ],
)
def test_the_model_is_a_rough_picture_of_vibrations(name, measured, rigid):
    found = frequencies(name)
    assert found[:rigid] == pytest.approx(0, abs=5)
    np.testing.assert_allclose(found[rigid:], measured, rtol=0.5)


def test_the_model_does_not_turn_with_the_molecule():
    geometry = start("CH3OH")
    turn = Rotation.from_euler("xyz", [0.3, 1.0, -2.0])
    turned = model_hessian(geometry.symbols, turn.apply(geometry.positions))
    big = np.kron(np.eye(6), turn.as_matrix())
    expected = big @ model_hessian(geometry.symbols, geometry.positions) @ big.T
    np.testing.assert_allclose(turned, expected, atol=1e-8)


def test_displacements_have_the_harmonic_energy_of_equipartition():
    """Half k_BT for each of the 3 modes of water."""
    geometry = start("H2O")
    temperature = 300.0
    moved = vibrated("H2O", temperature=temperature, copies=4000, seed=3) - geometry.positions
    hessian = model_hessian(geometry.symbols, geometry.positions)
    flat = moved.reshape(len(moved), -1)
    energies = 0.5 * np.einsum("ni,ij,nj->n", flat, hessian, flat)
    expected = 1.5 * units.kB * temperature
    assert energies.mean() == pytest.approx(expected, rel=5 * np.sqrt(2 / 3 / 4000))


def test_no_shift_and_no_rotation_to_first_order():
    geometry = start("Water_dimer")
    moved = vibrated("Water_dimer", copies=5) - geometry.positions
    np.testing.assert_allclose(moved.sum(axis=1), 0, atol=1e-9)
    centred = geometry.positions - geometry.positions.mean(axis=0)
    np.testing.assert_allclose(np.cross(centred, moved).sum(axis=1), 0, atol=1e-9)


def test_soft_modes_stop_at_the_largest_deviation():
    geometry = start("Water_dimer")
    spread = displacement_spread(geometry, 1000.0, 0.2)
    deviations = np.linalg.eigvalsh(spread)
    assert deviations.max() == pytest.approx(0.2)
    assert (deviations > 1e-9).sum() == 3 * 6 - 6


def test_the_dimer_stays_together_at_room_temperature():
    positions = vibrated("Water_dimer", temperature=300, copies=200)
    oxygens = np.linalg.norm(positions[:, 0] - positions[:, 3], axis=1)
    assert 2.2 < oxygens.min() < oxygens.max() < 4.0


def test_equal_frequencies_do_not_depend_on_the_machines_modes():
    """Methane turned by a symmetry operation: displacements turn with it."""
    geometry = start("CH4")
    turn = Rotation.from_euler("z", 90, degrees=True)
    turned = Geometry(geometry.symbols, turn.apply(geometry.positions), {})
    big = np.kron(np.eye(5), turn.as_matrix())
    np.testing.assert_allclose(
        displacement_spread(turned, 300.0, 0.3),
        big @ displacement_spread(geometry, 300.0, 0.3) @ big.T,
        atol=1e-9,
    )


def test_copies_repeat_and_do_not_depend_on_their_number():
    many, few = vibrated("H2O", copies=5, seed=2), vibrated("H2O", copies=3, seed=2)
    np.testing.assert_array_equal(many[:3], few)
    assert not np.allclose(few, vibrated("H2O", copies=3, seed=4))


def test_an_atom_has_no_vibrations():
    with pytest.raises(GenerationError, match="no vibrations"):
        vibrated("H", copies=1)
