"""Power spectra and pair sums do not change when the structure is only moved or renamed."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, fcc111, molecule

from analysis.kernel_baseline.features import Features


@pytest.fixture(scope="module")
def features():
    return Features([29, 13], 5.0)


@pytest.fixture
def alloy():
    atoms = bulk("Cu", cubic=True) * (2, 1, 1)
    atoms.symbols[::3] = "Al"
    atoms.rattle(0.2, seed=1)
    return atoms


def described(features, atoms):
    """Sorted features of all atoms, which do not depend on the order of the atoms."""
    environments = features.environments(atoms)
    rows = [np.sort(environments[number], axis=0) for number in sorted(environments)]
    return np.concatenate([features.pair_sums(atoms).values, *(row.ravel() for row in rows)])


def rotated(atoms):
    atoms.rotate(35, (1, 2, 3), rotate_cell=True)


def shuffled(atoms):
    order = np.random.default_rng(0).permutation(len(atoms))
    atoms.numbers, atoms.positions = atoms.numbers[order], atoms.positions[order]


def moved(atoms):
    atoms.translate((1.0, -7.0, 30.0))


def unwrapped(atoms):
    atoms.positions[2] += atoms.cell[0] - 2 * atoms.cell[2]


@pytest.mark.parametrize("change", [rotated, shuffled, moved, unwrapped])
def test_invariance(features, alloy, change):
    before = described(features, alloy)
    change(alloy)
    np.testing.assert_allclose(described(features, alloy), before, atol=1e-8)


def test_repeated_cells_have_the_same_environments(features, alloy):
    once, twice = (features.environments(atoms) for atoms in (alloy, alloy * (1, 2, 1)))
    for number, rows in once.items():
        np.testing.assert_allclose(np.sort(twice[number], axis=0)[::2], np.sort(rows, axis=0))
    sums = features.pair_sums(alloy).values
    np.testing.assert_allclose(features.pair_sums(alloy * (1, 2, 1)).values, 2 * sums)


def test_directions_that_are_not_periodic_are_empty(features):
    slab = fcc111("Cu", (2, 2, 2), vacuum=0.1)  # an image above would be within reach
    slab.pbc = (True, True, False)
    apart = slab.copy()
    apart.center(vacuum=8, axis=2)
    apart.pbc = True
    np.testing.assert_allclose(described(features, slab), described(features, apart), atol=1e-8)


def test_molecules_need_no_cell():
    water = molecule("H2O")
    boxed = water.copy()
    boxed.center(vacuum=8)
    boxed.pbc = True
    features = Features([1, 8], 4.0)
    water.pbc = True  # along directions that it does not have
    np.testing.assert_allclose(described(features, water), described(features, boxed), atol=1e-8)


def test_an_atom_alone_has_an_environment(features):
    assert np.linalg.norm(features.environments(Atoms("Cu"))[29]) > 0.1
