"""Map a candidate's atoms to the slab atoms that they are copies of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from monty.json import MSONable

from cuprolith.arrays import FloatArray

Matrix = tuple[tuple[float, float, float], ...]


@dataclass(frozen=True)
class ParentMapping(MSONable):
    """Where consecutive atoms of a candidate come from.

    Defects and interfaces are cut from ideal slabs, but Laskaris 2026, section III.B, builds them
    from relaxed ones. The mapping transfers a slab's relaxation to them.

    Attributes
    ----------
    parent_id
        ``structure_id`` of the slab. Where the candidates hold no such slab, the atoms stay on
        their ideal positions.
    atoms
        The slab's atom that each one is a copy of; -1 for an atom that was added.
    transform
        Shape (3, 3): takes a displacement in the slab's frame (row vector, Å) into the
        candidate's, d·transform; a rotation, and the strain in the plane.
    carriers
        The slab's atoms whose mean displacement the added atoms follow.
    """

    parent_id: str
    atoms: tuple[int, ...]
    transform: Matrix
    carriers: tuple[int, ...] = ()

    def displacements(self, parent: FloatArray) -> FloatArray:
        """Transfer displacements of the slab's atoms (n_slab, 3) to these atoms, (n, 3), Å."""
        atoms = np.array(self.atoms, dtype=np.int64)
        copied = atoms >= 0
        moved = np.zeros((len(atoms), 3))
        moved[copied] = parent[atoms[copied]]
        if self.carriers:
            moved[~copied] = parent[list(self.carriers)].mean(axis=0)
        return np.asarray(moved @ np.array(self.transform))


def as_matrix(rows: Sequence[Sequence[float]] | FloatArray) -> Matrix:
    """Return a (3, 3) array as an `ParentMapping` holds it."""
    a, b, c = np.asarray(rows, dtype=float).tolist()
    return tuple(a), tuple(b), tuple(c)


def plane_transform(parent: FloatArray, child: FloatArray, *, mirrored: bool = False) -> FloatArray:
    """Return the transform of displacements that goes with a homogeneous change of the plane.

    Parameters
    ----------
    parent, child
        The same lattice vectors before and after, as rows, shape (2, 2), Å.
    mirrored
        Whether the normal is reversed; else distances along it stay.

    Returns
    -------
    FloatArray
        Shape (3, 3).
    """
    transform = np.diag([1.0, 1.0, -1.0 if mirrored else 1.0])
    transform[:2, :2] = np.linalg.inv(parent) @ child
    return transform
