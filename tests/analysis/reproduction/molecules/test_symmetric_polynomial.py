import numpy as np
import pytest

from analysis.reproduction.molecules.symmetric_polynomial import fit_polynomial

SWAPS = [(0, 1, 2), (0, 2, 1)]  # water: the hydrogens


def water(n, seed=0):
    rng = np.random.default_rng(seed)
    shape = np.array([[0.0, 0.0, 0.0], [0.76, 0.59, 0.0], [-0.76, 0.59, 0.0]])
    return shape + 0.04 * rng.normal(size=(n, 3, 3))


def springs(positions):
    """Energies and forces of three springs, equal for the two hydrogens."""
    energies, forces = np.zeros(len(positions)), np.zeros_like(positions)
    for i, j, length, stiffness in ((0, 1, 0.96, 40.0), (0, 2, 0.96, 40.0), (1, 2, 1.52, 8.0)):
        vectors = positions[:, i] - positions[:, j]
        lengths = np.linalg.norm(vectors, axis=1)
        energies += stiffness / 2 * (lengths - length) ** 2
        pull = (stiffness * (lengths - length) / lengths)[:, None] * vectors
        forces[:, i] -= pull
        forces[:, j] += pull
    return energies, forces


@pytest.mark.parametrize("with_forces", [False, True])
def test_springs_are_learnt_with_their_forces(with_forces):
    energies, forces = springs(water(300))
    fitted = fit_polynomial(water(300), energies, SWAPS, 5, forces=forces if with_forces else None)
    unseen = water(100, seed=1)
    found = fitted.predict(unseen)
    for values, expected in zip(found, springs(unseen), strict=True):
        assert np.abs(values - expected).max() < 0.02 * np.abs(expected).max()


def test_forces_are_minus_the_slope_of_the_energy():
    fitted = fit_polynomial(water(60), springs(water(60))[0], SWAPS, 4)
    positions, step = water(1, seed=2), 1e-5
    forces = fitted.predict(positions)[1][0]
    for atom, axis in np.ndindex(3, 3):
        moved = np.repeat(positions, 2, axis=0)
        moved[0, atom, axis] += step
        moved[1, atom, axis] -= step
        plus, minus = fitted.predict(moved)[0]
        assert forces[atom, axis] == pytest.approx(-(plus - minus) / (2 * step), abs=1e-6)


def test_like_atoms_can_be_exchanged_and_terms_are_those_of_the_symmetry():
    fitted = fit_polynomial(water(60), np.random.default_rng(0).normal(size=60), SWAPS, 2)
    # 1; r1 + r2, r3; r1² + r2², r1 r2, (r1 + r2) r3, r3²
    assert fitted.n_terms == 7
    positions = water(5, seed=3)
    energies, forces = fitted.predict(positions)
    exchanged = fitted.predict(positions[:, [0, 2, 1]])
    np.testing.assert_allclose(exchanged[0], energies, atol=1e-12)
    np.testing.assert_allclose(exchanged[1], forces[:, [0, 2, 1]], atol=1e-12)
