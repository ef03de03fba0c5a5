"""Registries of a coherent interface: in-plane shifts of the film that differ.

A shift of the film by one of its own lattice vectors, or by one of the substrate's, gives the same
interface. Both together generate the displacement-shift-complete lattice (W. Bollmann, Crystal
Defects and Crystalline Interfaces, Springer 1970); all that differ lie in one of its cells.
"""

from __future__ import annotations

import math

import numpy as np

from cuprolith.arrays import FloatArray, IntArray
from generators.lattice_planes import reduction


def dsc_cell(substrate_matrix: IntArray, film_matrix: IntArray, vectors: FloatArray) -> FloatArray:
    """Cell of the displacement-shift-complete lattice of two lattices in a common supercell.

    Parameters
    ----------
    substrate_matrix, film_matrix
        Shape (2, 2), determinant > 0: the common supercell's vectors in those of the plane cells
        of each side.
    vectors
        The common supercell as rows, shape (2, 2), Å.

    Returns
    -------
    FloatArray
        Shape (2, 2): rows are the cell's vectors as fractions of the supercell's, reduced to the
        most orthogonal form.
    """
    sizes = [round(float(np.linalg.det(matrix))) for matrix in (substrate_matrix, film_matrix)]
    denominator = math.lcm(*sizes)
    # Integers: the inverse of a matrix is its adjugate over its determinant.
    generators = [
        denominator // size * np.array([[d, -b], [-c, a]])
        for size, ((a, b), (c, d)) in zip(sizes, (substrate_matrix, film_matrix), strict=True)
    ]
    basis = _basis(np.concatenate(generators))
    return np.asarray(reduction(basis / denominator @ vectors) @ basis / denominator)


def _basis(generators: IntArray) -> IntArray:
    """Basis of the lattice that integer vectors generate (Hermite normal form), shape (2, 2).

    The vectors, shape (n, 2), span the plane.
    """
    rows = generators.copy()
    while np.count_nonzero(rows[:, 0]) > 1:
        nonzero = np.flatnonzero(rows[:, 0])
        smallest = nonzero[np.argmin(np.abs(rows[nonzero, 0]))]
        quotients = rows[:, 0] // rows[smallest, 0]
        quotients[smallest] = 0
        rows -= np.outer(quotients, rows[smallest])
    first = rows[:, 0] != 0
    a, b = (rows[first] * np.sign(rows[first, 0]))[0].tolist()
    other = math.gcd(*rows[~first, 1].tolist())
    return np.array([[a, b % other], [0, other]])
