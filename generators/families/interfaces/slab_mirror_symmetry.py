"""Symmetry operations that exchange the faces of a slab."""

from __future__ import annotations

import numpy as np
import spglib

from cuprolith.arrays import FloatArray, IntArray
from generators.conventional_cell import SYMPREC, spglib_cell
from generators.crystals import wrapped
from generators.slab import Slab
from generators.stable_numbers import stable_round

_EQUAL_LENGTH = 1e-6  # relative


def find_face_exchange(
    slab: Slab, matrix: IntArray, vectors: FloatArray
) -> tuple[IntArray, FloatArray] | None:
    """Find an operation of a strained slab that exchanges its faces and keeps a supercell.

    Inversion is preferred, then a mirror or glide plane parallel to the faces.

    Parameters
    ----------
    matrix
        Shape (2, 2): the supercell's vectors in those of the slab's cell.
    vectors
        The strained supercell as rows, shape (2, 2), Å.

    Returns
    -------
    tuple or None
        P, shape (2, 2), and w, shape (2,): in-plane fractions f of the supercell, as rows, go to
        f·P + w, and heights above the middle of the slab change sign. None if there is none.
    """
    operations = spglib.get_symmetry(spglib_cell(slab.structure), symprec=SYMPREC)
    inverse = np.linalg.inv(matrix)
    metric = vectors @ vectors.T
    found: list[tuple[IntArray, FloatArray]] = []
    for rotation, translation in zip(
        operations["rotations"], operations["translations"], strict=True
    ):
        if rotation[2, 2] != -1:
            continue
        turned = matrix @ rotation[:2, :2].T @ inverse
        in_plane = np.rint(turned).astype(np.int64)
        same_lattice = np.allclose(turned, in_plane, atol=1e-6)
        stretched = in_plane @ metric @ in_plane.T - metric
        if same_lattice and np.abs(stretched).max() < _EQUAL_LENGTH * metric.max():
            found.append((in_plane, wrapped(translation[:2]) @ inverse))
    return min(found, key=_preference, default=None)


def _preference(
    operation: tuple[IntArray, FloatArray],
) -> tuple[bool, bool, list[int], list[float]]:
    rotation, translation = operation
    identity = np.eye(2)
    return (
        not (rotation == -identity).all(),
        not (rotation == identity).all(),
        rotation.ravel().tolist(),
        [stable_round(component) for component in translation],
    )
