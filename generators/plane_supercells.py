"""In-plane supercells of a slab, diagonal or not."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pymatgen.core import Structure

from cuprolith.arrays import FloatArray, IntArray
from generators.crystals import Crystal, wrapped
from generators.lattice_planes import plane_cell, reduction, upright, upright_lattice
from generators.parent_mapping import ParentMapping, as_matrix, plane_transform
from generators.settings import MillerIndex
from generators.slab import Slab

PlaneCellName = Literal["smallest", "pymatgen"]


def supercell_size(matrix: IntArray) -> int:
    """Plane cells in a supercell whose vectors are the rows of `matrix`, shape (2, 2)."""
    return round(abs(float(np.linalg.det(matrix))))


def supercell_matrix(slab: Slab, supercell: tuple[int, int], cell: PlaneCellName) -> IntArray:
    """Supercell vectors in those of the slab's cell.

    Parameters
    ----------
    supercell
        Repeats of the two vectors of `cell`.
    cell
        What is repeated: the slab's own cell, or pymatgen's (`pymatgen_plane_cell`).

    Returns
    -------
    IntArray
        Rows are the vectors, shape (2, 2), determinant > 0.
    """
    repeats = np.diag(supercell)
    return (
        repeats
        if cell == "smallest"
        else repeats @ pymatgen_plane_cell(slab.crystal, slab.miller_index)
    )


def supercell_structure(slab: Slab, matrix: IntArray) -> tuple[Structure, IntArray]:
    """Repeat a slab over a supercell of its in-plane cell.

    Parameters
    ----------
    matrix
        As for `in_plane_supercell`.

    Returns
    -------
    structure, atoms
        The supercell, its first vector along x and its second in the xy plane; and the slab's
        atom that each of its atoms is a copy of, shape (n,), ascending.
    """
    fractions, atoms = in_plane_supercell(slab, matrix)
    vectors = upright(matrix @ slab.structure.lattice.matrix[:2, :2])
    heights = slab.structure.frac_coords[atoms, 2]
    structure = Structure(
        upright_lattice(vectors, slab.structure.lattice.c),
        [slab.structure[atom].specie for atom in atoms],
        np.column_stack([wrapped(fractions), heights]),
    )
    return structure, atoms


def in_plane_supercell(slab: Slab, matrix: IntArray) -> tuple[FloatArray, IntArray]:
    """Repeat a slab's atoms over a supercell of its in-plane cell.

    Parameters
    ----------
    matrix
        Shape (2, 2), determinant > 0: the supercell's vectors in those of the slab's cell.

    Returns
    -------
    fractions, atoms
        In-plane fractional coordinates in the supercell, shape (n, 2), not wrapped; and the
        slab's atom that each one is a copy of, shape (n,), ascending.
    """
    size = supercell_size(matrix)
    # Every lattice point of the supercell is a combination of the plane cell's vectors below its
    # index; the first `size` distinct ones modulo the supercell are all of them.
    points = np.array(list(np.ndindex(size, size)))
    inverse = np.rint(size * np.linalg.inv(matrix)).astype(np.int64)  # exact: the adjugate
    _, first = np.unique(points @ inverse % size, axis=0, return_index=True)
    points = points[np.sort(first)]
    atoms = np.repeat(np.arange(len(slab.structure)), size)
    own = slab.structure.frac_coords[atoms, :2] + np.tile(points, (len(slab.structure), 1))
    return own @ np.linalg.inv(matrix), atoms


def map_to_slab(
    slab: Slab, matrix: IntArray, vectors: FloatArray, atoms: IntArray, *carriers: int
) -> ParentMapping:
    """Trace atoms on a supercell of a slab, strained or turned, back to the slab.

    Parameters
    ----------
    matrix
        As for `in_plane_supercell`.
    vectors
        The final vectors of the supercell, as rows, shape (2, 2), Å.
    atoms
        The slab's atom that each one is a copy of, -1 for an added one; shape (n,).
    carriers
        The slab's atoms below the added ones.
    """
    transform = plane_transform(matrix @ slab.structure.lattice.matrix[:2, :2], vectors)
    parent_id = slab.candidate.structure_id
    return ParentMapping(parent_id, tuple(atoms.tolist()), as_matrix(transform), carriers)


def lateral_distances(differences: FloatArray, vectors: FloatArray) -> FloatArray:
    """Shortest in-plane distances over all periodic images.

    Parameters
    ----------
    differences
        In fractions of the cell, shape (..., 2).
    vectors
        The in-plane cell as rows, Å, shape (2, 2).

    Returns
    -------
    FloatArray
        Shape (...), Å.
    """
    steps = reduction(vectors)
    reduced = differences @ np.linalg.inv(steps)
    reduced = reduced - np.rint(reduced)
    # In a Gauss-reduced cell the nearest image is among the first ones around.
    images = np.array([(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1)])
    lateral = (reduced[..., None, :] + images) @ (steps @ vectors)
    return np.asarray(np.linalg.norm(lateral, axis=-1).min(axis=-1))


def pymatgen_plane_cell(crystal: Crystal, miller_index: MillerIndex) -> IntArray:
    """In-plane cell of pymatgen's SlabGenerator for a plane, in vectors of the smallest cell.

    It is the cell of SlabGenerator's oriented unit cell, Gauss-reduced: up to 12 times the
    smallest one in cubic crystals and planes up to {332}. SlabGenerator reduces it further in
    some planes, depending on its options and on its release; the oriented unit cell does not.

    Returns
    -------
    IntArray
        Shape (2, 2), determinant > 0.
    """
    from pymatgen.core.surface import SlabGenerator  # slow, and settings import this module

    conventional = crystal.conventional
    # The in-plane cell does not depend on thickness and vacuum: any will do.
    oriented = SlabGenerator(conventional, miller_index, 1.0, 1.0).slab_scale_factor[:2]
    primitive = crystal.primitive.lattice.matrix
    cell = plane_cell(conventional.lattice.matrix, primitive, miller_index)
    vectors = oriented @ conventional.lattice.matrix
    matrix = np.rint(vectors @ np.linalg.pinv(cell.indices[:2] @ primitive)).astype(np.int64)
    if np.linalg.det(matrix) < 0:
        matrix[0] *= -1
    return np.asarray(reduction(matrix @ cell.vectors) @ matrix)
