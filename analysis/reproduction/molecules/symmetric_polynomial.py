"""Symmetric polynomials by least squares: the company of every quantum force field of a molecule.

Energies are polynomials of Morse variables of all distances, summed over the permutations of like
atoms (Braams and Bowman, Int. Rev. Phys. Chem. 28 (2009) 577). A fit takes less than a second.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, combinations_with_replacement

import numpy as np
from numpy.typing import NDArray

from cuprolith.arrays import FloatArray

IntArray = NDArray[np.int64]

_STEEPNESS = 2.2  # Morse exponent times the mean distance
_RCOND = 1e-12


@dataclass(frozen=True, eq=False)
class SymmetricPolynomial:
    """A fitted polynomial.

    Attributes
    ----------
    pairs
        Atoms of each distance, shape (n_pairs, 2).
    means
        Mean distances of the training data, the same for pairs that permutations exchange,
        shape (n_pairs,), Å.
    exponents
        Of the Morse variables in each monomial, shape (n_monomials, n_pairs).
    orbit
        Which coefficient each monomial has, shape (n_monomials,).
    coefficients
        Shape (n_terms,), eV.
    shift
        Energy that the polynomial is added to, eV.
    """

    pairs: IntArray
    means: FloatArray
    exponents: IntArray
    orbit: IntArray
    coefficients: FloatArray
    shift: float

    @property
    def n_terms(self) -> int:
        """Number of coefficients."""
        return len(self.coefficients)

    def predict(self, positions: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return energies (n_frames,), eV, and forces (n_frames, n_atoms, 3), eV/Å.

        Parameters
        ----------
        positions
            Shape (n_frames, n_atoms, 3), Å, atoms in the order of the training data.
        """
        energies, forces = _design(positions, self.pairs, self.means, self.exponents, self.orbit)
        return self.shift + energies @ self.coefficients, forces @ self.coefficients


def fit_polynomial(
    positions: FloatArray,
    energies: FloatArray,
    permutations: Sequence[Sequence[int]],
    degree: int,
    *,
    forces: FloatArray | None = None,
    force_weight: float = 1.0,
) -> SymmetricPolynomial:
    """Fit energies, and forces if there are some.

    Parameters
    ----------
    positions
        Shape (n_frames, n_atoms, 3), Å.
    energies
        Shape (n_frames,), eV.
    permutations
        All permutations of atoms that leave the energy as it is, the identity among them.
    degree
        Highest degree of the polynomial.
    forces
        Shape (n_frames, n_atoms, 3), eV/Å; None to fit energies only.
    force_weight
        Of a squared force component against a squared energy.
    """
    n_atoms = positions.shape[1]
    pairs = np.array(list(combinations(range(n_atoms), 2)))
    moved = _moved_pairs(pairs, permutations)
    means = _distances(positions, pairs)[0].mean(axis=0)
    means = np.array([means[np.unique(moved[:, pair])].mean() for pair in range(len(pairs))])
    exponents = np.array(list(_exponents(len(pairs), degree)))
    orbit = _orbits(exponents, moved)
    shift = float(energies.mean())
    energy_rows, force_rows = _design(positions, pairs, means, exponents, orbit)
    rows, labels = energy_rows, energies - shift
    if forces is not None:
        weight = np.sqrt(force_weight)
        rows = np.concatenate([rows, weight * force_rows.reshape(-1, rows.shape[1])])
        labels = np.concatenate([labels, weight * forces.ravel()])
    scale = np.maximum(np.abs(rows).max(axis=0), 1e-300)
    solution = np.linalg.lstsq(rows / scale, labels, rcond=_RCOND)[0]
    return SymmetricPolynomial(pairs, means, exponents, orbit, solution / scale, shift)


def _moved_pairs(pairs: IntArray, permutations: Sequence[Sequence[int]]) -> IntArray:
    """Return where each permutation takes each pair, shape (n_permutations, n_pairs)."""
    index = {tuple(pair): number for number, pair in enumerate(pairs.tolist())}
    return np.array(
        [
            [index[tuple(sorted((permutation[i], permutation[j])))] for i, j in pairs.tolist()]
            for permutation in permutations
        ]
    )


def _exponents(n_pairs: int, degree: int) -> Iterator[list[int]]:
    """Yield the exponents of all monomials up to a degree."""
    for size in range(degree + 1):
        for chosen in combinations_with_replacement(range(n_pairs), size):
            yield np.bincount(np.array(chosen, dtype=int), minlength=n_pairs).tolist()


def _orbits(exponents: IntArray, moved: IntArray) -> IntArray:
    """Give each monomial the number of its set: permutations turn one into another there."""
    names: dict[tuple[int, ...], int] = {}
    orbit = np.empty(len(exponents), dtype=int)
    for number, exponent in enumerate(exponents):
        images = np.empty((len(moved), len(exponent)), dtype=int)
        np.put_along_axis(images, moved, exponent[None].repeat(len(moved), axis=0), axis=1)
        orbit[number] = names.setdefault(min(map(tuple, images.tolist())), len(names))
    return orbit


def _distances(positions: FloatArray, pairs: IntArray) -> tuple[FloatArray, FloatArray]:
    """Return distances (n_frames, n_pairs), Å, and unit vectors from the first atom's side."""
    vectors = positions[:, pairs[:, 0]] - positions[:, pairs[:, 1]]
    lengths = np.linalg.norm(vectors, axis=2)
    return lengths, vectors / lengths[..., None]


def _design(
    positions: FloatArray,
    pairs: IntArray,
    means: FloatArray,
    exponents: IntArray,
    orbit: IntArray,
) -> tuple[FloatArray, FloatArray]:
    """Return what each term gives.

    Returns
    -------
    Energies, shape (n_frames, n_terms), and forces, shape (n_frames, n_atoms, 3, n_terms).
    """
    lengths, units = _distances(positions, pairs)
    decay = np.exp(-_STEEPNESS * (lengths / means - 1))
    variables, slopes = 1 - decay, _STEEPNESS / means * decay
    powers = variables[..., None] ** np.arange(exponents.max() + 1)
    factors = [powers[:, pair, exponents[:, pair]] for pair in range(len(pairs))]
    membership = np.eye(orbit.max() + 1)[orbit]
    energies = np.prod(factors, axis=0) @ membership
    forces = np.zeros((*positions.shape, membership.shape[1]))
    for pair, (first, second) in enumerate(pairs):
        exponent = exponents[:, pair]
        lowered = exponent * powers[:, pair, np.maximum(exponent - 1, 0)]
        others = np.prod(factors[:pair] + factors[pair + 1 :], axis=0) if len(pairs) > 1 else 1.0
        by_length = slopes[:, pair, None] * ((lowered * others) @ membership)
        along = units[:, pair, :, None] * by_length[:, None]
        forces[:, first] -= along
        forces[:, second] += along
    return energies, forces
