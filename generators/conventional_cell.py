"""The conventional cell, to which Miller indices refer, in the axes of the crystal as given.

Whoever writes (100) means the axes of the file in hand: the standard setting of a space group, or
whatever an algorithm prefers, may call the same plane (001). A cell counts as conventional if the
crystal's rotations are as simple in its axes as the crystal system allows:

=======================  ======================================================================
triclinic                any cell
monoclinic               each rotation keeps every axis, up to its sign
orthorhombic             the same
tetragonal, cubic        each rotation permutes the axes, up to signs
hexagonal, trigonal      each rotation keeps one axis; the others are equally long, at 120°
=======================  ======================================================================

Centred cells and other settings (Pbnm, P2₁/n, a unique axis a) are thus conventional; primitive
cells of centred lattices, such as the rhombohedral one, are not. For these, indices refer to the
standard setting of the International Tables (hexagonal axes for rhombohedral lattices).
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import spglib
from pymatgen.core import Lattice, Structure

from cuprolith.arrays import FloatArray, IntArray

SYMPREC = 0.01
"""Å; atoms are symmetrised within this."""

CellChoice = Literal["given", "divided", "standard"]

_HEXAGONAL = 143  # the space groups of trigonal and hexagonal crystals begin here
_CUBIC = 195


class ConventionalCell(NamedTuple):
    """The conventional cell of a crystal.

    Attributes
    ----------
    structure
        Its atoms, symmetrised; right-handed, c along z, a in the xz plane.
    choice
        ``given``: the axes are those of the cell given. ``divided``: as well, but the cell given
        repeats it along its axes. ``standard``: the cell given is not conventional, and the axes
        are those of the International Tables.
    space_group
        Hermann–Mauguin symbol, such as Pnma.
    """

    structure: Structure
    choice: CellChoice
    space_group: str


def conventional_cell(structure: Structure) -> ConventionalCell:
    """Find the conventional cell of a crystal in its own axes.

    Parameters
    ----------
    structure
        An ordered crystal in any cell. In a left-handed one all three axes are reversed, which
        leaves every plane (hkl) what it is and exchanges its two sides.

    Raises
    ------
    ValueError
        If spglib finds no symmetry.
    """
    matrix = structure.lattice.matrix
    if np.linalg.det(matrix) < 0:
        structure = Structure(-matrix, structure.species, -structure.frac_coords)
    given = spglib_cell(structure)
    dataset = spglib.get_symmetry_dataset(given, symprec=SYMPREC)
    if dataset is None:
        raise ValueError("spglib finds no symmetry")
    standard = (dataset.std_lattice, dataset.std_positions, dataset.std_types)
    lattice, positions, numbers = spglib.standardize_cell(
        standard, to_primitive=True, no_idealize=True, symprec=SYMPREC
    )
    primitive = Structure(lattice, numbers, positions)
    # The cell given as rows, in the orientation of the standardised one.
    own = dataset.transformation_matrix.T @ dataset.std_lattice
    repeats = np.rint(own @ np.linalg.inv(lattice)).astype(np.int64)
    axes = repeats // np.gcd.reduce(repeats, axis=1)[:, None]
    choice: CellChoice = "given" if np.array_equal(axes, repeats) else "divided"
    if not _is_conventional(axes, primitive, dataset.number):
        choice = "standard"
        axes = np.rint(dataset.std_lattice @ np.linalg.inv(lattice)).astype(np.int64)
    cell = primitive * axes
    # By its lengths and angles: turned the same way whatever the orientation it was given in.
    upright = Structure(
        Lattice.from_parameters(*cell.lattice.parameters), cell.species, cell.frac_coords
    )
    return ConventionalCell(upright, choice, dataset.international)


def spglib_cell(structure: Structure) -> tuple[FloatArray, FloatArray, tuple[int, ...]]:
    """Return a structure as spglib wants it."""
    return structure.lattice.matrix, structure.frac_coords, structure.atomic_numbers


def rotations_in(axes: IntArray, rotations: IntArray) -> FloatArray:
    """Express rotations of a primitive cell in other axes.

    Parameters
    ----------
    axes
        Rows, in vectors of the primitive cell, shape (3, 3).
    rotations
        For fractional coordinates (columns) of the primitive cell, shape (n, 3, 3).
    """
    return np.asarray(np.linalg.inv(axes.T) @ rotations @ axes.T)


def _is_conventional(axes: IntArray, primitive: Structure, space_group: int) -> bool:
    """Whether the crystal's rotations are simple in these axes (see the module)."""
    operations = spglib.get_symmetry(spglib_cell(primitive), symprec=SYMPREC)
    rotations = rotations_in(axes, operations["rotations"].astype(np.int64))
    if np.abs(rotations - np.rint(rotations)).max() > 1e-6:
        return False
    sizes = np.abs(np.rint(rotations)).astype(np.int64)
    # kept[i]: every rotation maps axis i to itself, up to its sign
    kept = (sizes == np.eye(3, dtype=np.int64)).all(axis=(0, 1))
    if _HEXAGONAL <= space_group < _CUBIC:
        lattice = Lattice(axes @ primitive.lattice.matrix)
        return any(
            kept[axis] and _at_120_degrees(lattice, (axis + 1) % 3, (axis + 2) % 3)
            for axis in range(3)
        )
    if space_group <= 2:
        return True
    if space_group < 75:
        return bool(kept.all())
    return bool((sizes.sum(axis=1) == 1).all() and (sizes.sum(axis=2) == 1).all())


def _at_120_degrees(lattice: Lattice, first: int, second: int) -> bool:
    a, b = lattice.matrix[[first, second]]
    return bool(abs(a @ a - b @ b) < 1e-4 * (a @ a) and abs(a @ b + (a @ a) / 2) < 1e-4 * (a @ a))
