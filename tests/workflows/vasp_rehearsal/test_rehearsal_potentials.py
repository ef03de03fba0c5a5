"""The fast potential is a smooth, deterministic potential with the crystals it stands for."""

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.fd import calculate_numerical_forces, calculate_numerical_stress

from cuprolith.errors import CuprolithError
from workflows.vasp_rehearsal.potentials import MorsePairs, rehearsal_calculator


@pytest.fixture
def alloy():
    atoms = bulk("Cu", cubic=True, a=3.7) * (2, 2, 1)
    atoms.rattle(0.15, seed=1)
    atoms.numbers[::3] = 3
    atoms.numbers[1] = 8  # an element without parameters of its own
    atoms.calc = MorsePairs()
    return atoms


def test_forces_and_stress_are_derivatives_of_the_energy(alloy):
    np.testing.assert_allclose(
        alloy.get_forces(), calculate_numerical_forces(alloy, eps=1e-5), atol=1e-6
    )
    np.testing.assert_allclose(
        alloy.get_stress(), calculate_numerical_stress(alloy, eps=1e-5), atol=1e-7
    )


def test_listed_neighbours_give_what_fresh_ones_give(alloy):
    alloy.get_forces()
    generator = np.random.default_rng(0)
    for _ in range(10):
        alloy.positions += generator.normal(scale=0.05, size=alloy.positions.shape)
        fresh = alloy.copy()
        fresh.calc = MorsePairs()
        np.testing.assert_allclose(alloy.get_forces(), fresh.get_forces(), atol=1e-10)


@pytest.mark.slow
@pytest.mark.parametrize(("element", "lattice", "a"), [("Cu", "fcc", 3.6), ("Li", "bcc", 3.4)])
def test_crystals_have_about_their_lattice_constants(element, lattice, a):
    constants = np.linspace(0.9 * a, 1.1 * a, 41)
    energies = []
    for constant in constants:
        atoms = bulk(element, lattice, a=constant)
        atoms.calc = MorsePairs()
        energies.append(atoms.get_potential_energy())
    assert constants[int(np.argmin(energies))] == pytest.approx(a, rel=0.03)


def test_unknown_potential_is_refused():
    with pytest.raises(CuprolithError) as refusal:
        rehearsal_calculator("vasp")
    assert "diep-r2scan" in refusal.value.remedy
