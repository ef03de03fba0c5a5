"""The model is a potential: forces are derivatives, energies add up; and a fit finds it again."""

import numpy as np
import pytest
from ase.build import bulk, fcc111

from analysis.kernel_baseline.features import Features
from analysis.kernel_baseline.kernel_ridge import Design, KernelModel, NormalEquations


@pytest.fixture(scope="module")
def structures():
    """An alloy, a slab and single crystals, rattled."""
    found = []
    for index in range(24):
        atoms = (bulk("Cu", cubic=True), fcc111("Cu", (1, 2, 3), vacuum=4, periodic=True))[
            index % 2
        ]
        atoms.symbols[: index % 5] = "Al"
        atoms.set_cell(atoms.cell * (0.94 + 0.005 * index), scale_atoms=True)
        atoms.rattle(0.15, seed=index)
        found.append(atoms)
    return found


@pytest.fixture(scope="module")
def design(structures):
    features = Features([13, 29], 4.0)
    sparse = {13: [], 29: []}
    for atoms in structures[:6]:
        for number, rows in features.environments(atoms).items():
            sparse[number].append(rows[:2] / np.linalg.norm(rows[:2], axis=1, keepdims=True))
    return Design(features, {number: np.concatenate(rows) for number, rows in sparse.items()})


@pytest.fixture(scope="module")
def potential(design):
    """Any model of the design."""
    return KernelModel(design, np.random.default_rng(5).normal(size=design.n_columns))


def test_forces_are_derivatives(potential, structures):
    atoms = structures[3].copy()
    _, forces = potential.predict(atoms)
    for atom, axis in ((0, 0), (2, 1), (5, 2)):
        energies = []
        for step in (1e-4, -1e-4):
            moved = atoms.copy()
            moved.positions[atom, axis] += step
            energies.append(potential.predict(moved)[0])
        slope = (energies[0] - energies[1]) / 2e-4
        assert forces[atom, axis] == pytest.approx(-slope, rel=1e-6, abs=1e-6)


def test_rows_and_predictions_agree(potential, design, structures):
    for atoms in structures[:4]:
        rows, (energy, forces) = design.rows(atoms), potential.predict(atoms)
        assert rows.energy @ potential.coefficients == pytest.approx(energy)
        np.testing.assert_allclose(rows.forces @ potential.coefficients, forces, atol=1e-9)


def test_large_structures_go_in_parts(potential, design, structures, monkeypatch):
    whole, rows = potential.predict(structures[3]), design.rows(structures[3])
    monkeypatch.setattr("analysis.kernel_baseline.features._VALUES_AT_ONCE", 1)
    energy, forces = potential.predict(structures[3])
    assert energy == pytest.approx(whole[0])
    np.testing.assert_allclose(forces, whole[1], atol=1e-9)
    # Some parts have atoms of one element only.
    np.testing.assert_allclose(design.rows(structures[3]).forces, rows.forces, atol=1e-9)


def test_energies_are_extensive(potential, structures):
    energy, forces = potential.predict(structures[1])
    doubled, again = potential.predict(structures[1] * (1, 2, 1))
    assert doubled == pytest.approx(2 * energy)
    np.testing.assert_allclose(again, np.concatenate([forces, forces]), atol=1e-9)


def test_a_potential_of_the_same_form_is_found_again(potential, design, structures):
    equations = NormalEquations(design)
    for atoms in structures[:10] + structures[12:]:
        equations.add(design.rows(atoms), *potential.predict(atoms))
    found = KernelModel(design, equations.solve([1e-7])[:, 0])
    for atoms in structures[10:12]:
        energy, forces = potential.predict(atoms)
        same, same_forces = found.predict(atoms)
        assert same == pytest.approx(energy, abs=1e-3)
        np.testing.assert_allclose(same_forces, forces, atol=1e-3)
