"""Smallest cell of a lattice plane, whatever cell the crystal is given in."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from pymatgen.core import Lattice

from cuprolith.arrays import FloatArray, IntArray
from generators.errors import GenerationError

# Fractions of lattice vectors closer than this are the same; float noise is far below.
_TOLERANCE = 1e-6


@dataclass(frozen=True)
class PlaneCell:
    """Smallest cell of the lattice plane (hkl), and the step from one plane to the next.

    Attributes
    ----------
    indices
        Shape (3, 3), determinant 1: rows are a and b, which span the plane, and the step t to
        the next lattice plane, in primitive lattice vectors. a × b points along the plane's
        reciprocal vector.
    plane_indices
        Shape (3,): the plane in the primitive cell's reciprocal lattice, without common divisor.
    vectors
        Shape (2, 2): a = (a₁, 0) and b = (b₁, b₂), Å, b₂ > 0, in the plane's own axes.
    spacing
        Distance of neighbouring lattice planes, 1/|g|, Å.
    stacking
        Shape (2,): part of t in the plane, in units of a and b.
    """

    indices: IntArray
    plane_indices: IntArray
    vectors: FloatArray
    spacing: float
    stacking: FloatArray

    @property
    def area(self) -> float:
        """Area of the cell, Å²."""
        return float(self.vectors[0, 0] * self.vectors[1, 1])


def plane_cell(
    conventional: FloatArray, primitive: FloatArray, miller_index: tuple[int, int, int]
) -> PlaneCell:
    """Find the smallest in-plane cell of (hkl), reduced to its most orthogonal form.

    Its area is V_prim·|g|, g being the shortest vector of the primitive reciprocal lattice along
    the normal of (hkl). The reduction is Gauss's: |a| ≤ |b|, angle between 60° and 120° (120°
    for hexagonal planes).

    Parameters
    ----------
    conventional, primitive
        Lattice vectors as rows, shape (3, 3), Å, in the same orientation; right-handed.
    miller_index
        (h, k, l) of the conventional cell, without common divisor.

    Raises
    ------
    GenerationError
        If the index is (0, 0, 0) or has a common divisor.
    """
    if math.gcd(*miller_index) != 1:
        raise GenerationError(
            f"{miller_index} is no plane or has a common divisor",
            remedy="Give coprime Miller indices, such as (1, 0, 0) for (2, 0, 0)",
        )
    plane_indices = _primitive_plane(conventional, primitive, miller_index)
    indices = _plane_and_step(plane_indices)
    cartesian = indices @ primitive
    indices[:2] = reduction(cartesian[:2]) @ indices[:2]
    a, b, step = indices @ primitive
    normal = np.cross(a, b)
    area = float(np.linalg.norm(normal))
    length = float(np.linalg.norm(a))
    vectors = np.array([[length, 0.0], [a @ b / length, area / length]])
    height = float(step @ normal) / area
    in_plane = step - height * normal / area
    components = np.array([in_plane @ a, in_plane @ np.cross(normal, a) / area]) / length
    return PlaneCell(
        indices=indices,
        plane_indices=plane_indices,
        vectors=vectors,
        spacing=height,
        stacking=np.linalg.solve(vectors.T, components),
    )


def upright(vectors: FloatArray) -> FloatArray:
    """Turn two right-handed vectors, shape (2, 2), so that the first is along x."""
    a, b = vectors
    length = float(np.linalg.norm(a))
    return np.array([[length, 0.0], [a @ b / length, np.linalg.det(vectors) / length]])


def upright_lattice(vectors: FloatArray, height: float) -> Lattice:
    """Return the lattice of two vectors in the plane, shape (2, 2), Å, and one along the normal."""
    matrix = np.diag([0.0, 0.0, height])
    matrix[:2, :2] = vectors
    return Lattice(matrix)


def reduction(vectors: FloatArray) -> IntArray:
    """Gauss reduction of two vectors.

    Parameters
    ----------
    vectors
        Rows a and b, shape (2, 2) or (2, 3).

    Returns
    -------
    IntArray
        Matrix U, shape (2, 2), determinant 1: the rows of ``U @ vectors`` are the shortest basis,
        |a| ≤ |b|; of equally short ones, the one with the obtuse angle.
    """
    steps = np.eye(2, dtype=np.int64)
    while True:
        a, b = steps @ vectors
        scale = float(a @ a)
        # A projection of exactly 1/2 becomes -1/2, whatever the float noise.
        shift = math.ceil(float(a @ b) / scale - 0.5 + _TOLERANCE)
        steps[1] -= shift * steps[0]
        _, b = steps @ vectors
        if float(b @ b) >= scale * (1 - _TOLERANCE):
            break
        steps = np.array([steps[1], -steps[0]])
    if abs(b @ b - scale) <= _TOLERANCE * scale and a @ b > _TOLERANCE * scale:
        steps = np.array([steps[1], -steps[0]])
    return steps


def _primitive_plane(
    conventional: FloatArray, primitive: FloatArray, miller_index: tuple[int, int, int]
) -> IntArray:
    """(hkl) of the conventional cell as coprime indices of the primitive cell, shape (3,)."""
    multiples = np.rint(conventional @ np.linalg.inv(primitive))
    # multiples⁻¹ @ (hkl), times the determinant: whole numbers
    adjugate = np.rint(np.linalg.det(multiples) * np.linalg.inv(multiples)).astype(np.int64)
    plane: IntArray = adjugate @ np.array(miller_index)
    return plane // math.gcd(*plane.tolist())


def _plane_and_step(plane_indices: IntArray) -> IntArray:
    """Rows a, b with plane·a = plane·b = 0, and t with plane·t = 1; determinant 1."""
    h, k, l = plane_indices.tolist()  # noqa: E741  (the field's letters)
    if h == k == 0:
        rows = [[1, 0, 0], [0, 1, 0], [0, 0, l]]
    else:
        x, y, divisor = _bezout(h, k)
        p, q, _ = _bezout(divisor, l)
        rows = [
            [k // divisor, -h // divisor, 0],
            [-x * l, -y * l, divisor],
            [p * x, p * y, q],
        ]
    indices = np.array(rows, dtype=np.int64)
    if round(float(np.linalg.det(indices))) < 0:
        indices[0] *= -1
    return indices


def _bezout(m: int, n: int) -> tuple[int, int, int]:
    """Integers x, y and the divisor g > 0 with x·m + y·n = g = gcd(m, n)."""
    x, y, u, v = 1, 0, 0, 1
    while n:
        quotient, remainder = divmod(m, n)
        m, n = n, remainder
        x, y, u, v = u, v, x - quotient * u, y - quotient * v
    return (x, y, m) if m > 0 else (-x, -y, -m)
