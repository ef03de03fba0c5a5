"""Pairs of in-plane supercells of two lattices that a small strain maps onto each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cuprolith.arrays import FloatArray, IntArray
from generators.lattice_planes import reduction

# Strains closer than this are equal, so that float noise decides nothing.
_EQUAL_STRAIN = 1e-6
# Slack of limits, far above float noise.
_SLACK = 1e-9


@dataclass(frozen=True)
class SupercellPairs:
    """Supercells of a substrate's plane cell, each with one of a film's.

    Attributes
    ----------
    substrate, film
        Shape (n, 2, 2), determinant > 0: the supercells' vectors in those of the plane cells. The
        film's are strained and turned onto the substrate's, row by row.
    stretches
        Shape (n, 2): principal stretches of the film, the smaller one first.
    """

    substrate: IntArray
    film: IntArray
    stretches: FloatArray

    def __len__(self) -> int:
        return len(self.stretches)

    @property
    def largest_strains(self) -> FloatArray:
        """Largest principal strain by magnitude of each pair, shape (n,)."""
        return largest_strain(self.stretches)

    def first_of_least(self, values: FloatArray) -> int:
        """Index of the pair of least value; of equal ones the first by the film's supercell."""
        equal = np.flatnonzero(values < values.min() + _EQUAL_STRAIN)
        film = self.film[equal].reshape(-1, 4)
        # Short combinations come first, then those with positive entries: (1 0; 0 1) is the first.
        keys = np.column_stack(
            [np.abs(film).sum(axis=1), -film, self.substrate[equal].reshape(-1, 4)]
        )
        return int(equal[np.lexsort(keys.T[::-1])[0]])


def supercell_pairs(
    substrate: FloatArray,
    film: FloatArray,
    size: int,
    film_sizes: range,
    max_strain: float,
) -> SupercellPairs:
    """Find all pairs of given sizes whose strain keeps to a limit.

    Each superlattice of the substrate comes once, by its reduced cell; the film's superlattices
    come with every basis that fits. So no pair is missed, however skew its cells are.

    Parameters
    ----------
    substrate, film
        Plane cells as rows, shape (2, 2), Å, right-handed.
    size, film_sizes
        Plane cells in the substrate's supercell, and in the film's.
    max_strain
        Largest principal strain of the film by magnitude.
    """
    cells = _reduced_supercells(substrate, size)
    lengths = np.linalg.norm(cells @ substrate, axis=-1)
    shortest, longest = _vector_bounds(substrate, film, size, film_sizes, max_strain)
    points = _lattice_points(film, float(lengths.max()) * longest)
    point_lengths = np.linalg.norm(points @ film, axis=-1)
    # A film's cell and its inverse are the same; only one of them has its first vector here.
    upper = (points[:, 0] > 0) | ((points[:, 0] == 0) & (points[:, 1] > 0))
    ours: list[IntArray] = []
    theirs: list[IntArray] = []
    for cell, (first, second) in zip(cells, lengths, strict=True):
        a = points[upper & _within(point_lengths, first * shortest, first * longest)]
        b = points[_within(point_lengths, second * shortest, second * longest)]
        sizes = np.outer(a[:, 0], b[:, 1]) - np.outer(a[:, 1], b[:, 0])
        i, j = np.nonzero((sizes >= film_sizes.start) & (sizes < film_sizes.stop))
        ours.append(np.broadcast_to(cell, (len(i), 2, 2)))
        theirs.append(np.stack([a[i], b[j]], axis=1))
    pairs = np.concatenate(ours), np.concatenate(theirs)
    stretches = principal_stretches(pairs[1] @ film, pairs[0] @ substrate)
    fits = largest_strain(stretches) <= max_strain + _SLACK
    return SupercellPairs(pairs[0][fits], pairs[1][fits], stretches[fits])


def supercell_matrices(size: int) -> IntArray:
    """All distinct two-dimensional superlattices of an index, as Hermite normal forms.

    Returns
    -------
    IntArray
        Shape (σ(size), 2, 2), σ being the sum of divisors.
    """
    return np.array(
        [
            [[size // divisor, shift], [0, divisor]]
            for divisor in range(1, size + 1)
            if size % divisor == 0
            for shift in range(divisor)
        ]
    )


def principal_stretches(vectors: FloatArray, images: FloatArray) -> FloatArray:
    """Principal stretches of the map of one pair of vectors onto another.

    Parameters
    ----------
    vectors, images
        Rows, shape (..., 2, 2), determinants of equal sign.

    Returns
    -------
    FloatArray
        Shape (..., 2), the smaller one first.
    """
    deformation = np.linalg.inv(vectors) @ images
    a, b = deformation[..., 0, 0], deformation[..., 0, 1]
    c, d = deformation[..., 1, 0], deformation[..., 1, 1]
    # Closed form of the singular values of a 2 × 2 matrix of positive determinant.
    total = np.hypot(a + d, b - c)
    difference = np.hypot(a - d, b + c)
    return np.stack([total - difference, total + difference], axis=-1) / 2


def largest_strain(stretches: FloatArray) -> FloatArray:
    """Largest principal strain by magnitude of principal stretches (..., 2)."""
    return np.asarray(np.abs(stretches - 1).max(axis=-1))


def von_mises_strain(stretches: FloatArray) -> FloatArray:
    """Equivalent strain of principal stretches (..., 2) in the plane, none along the normal."""
    first, second = stretches[..., 0] - 1, stretches[..., 1] - 1
    return np.asarray(2 / 3 * np.sqrt(first**2 + second**2 - first * second))


def _vector_bounds(
    substrate: FloatArray, film: FloatArray, size: int, film_sizes: range, max_strain: float
) -> tuple[float, float]:
    """Least and largest length of a film's vector for a unit length of its image."""
    least_area_ratio = (
        size * np.linalg.det(substrate) / ((film_sizes.stop - 1) * np.linalg.det(film))
    )
    # The product of the stretches is the ratio of areas, which bounds the smaller one also where
    # strains of 1 and more are allowed.
    smallest = max(1 - max_strain, float(least_area_ratio) / (1 + max_strain))
    return (1 - _SLACK) / (1 + max_strain), (1 + _SLACK) / smallest


def _within(lengths: FloatArray, least: float, most: float) -> NDArray[np.bool_]:
    return np.asarray((lengths >= least) & (lengths <= most))


def _reduced_supercells(cell: FloatArray, size: int) -> IntArray:
    matrices = supercell_matrices(size)
    return np.array([reduction(matrix @ cell) @ matrix for matrix in matrices])


def _lattice_points(cell: FloatArray, reach: float) -> IntArray:
    """Lattice points other than the origin no farther than `reach`, and some beyond, (n, 2)."""
    # The distance of neighbouring lattice rows bounds the coefficient across them.
    most = np.floor(reach * np.linalg.norm(np.linalg.inv(cell), axis=0)).astype(np.int64)
    ranges = [np.arange(-m, m + 1) for m in most]
    points = np.stack(np.meshgrid(*ranges, indexing="ij"), axis=-1).reshape(-1, 2)
    near = np.linalg.norm(points @ cell, axis=-1) <= reach
    return points[near & points.any(axis=1)]
