"""Molecules as structures: no direction is periodic, and there is no cell."""

from __future__ import annotations

from collections.abc import Sequence

from numpy.typing import ArrayLike
from pymatgen.core import Lattice, Structure

# pymatgen's structures always have lattice vectors. Those of molecules have no meaning: nothing
# repeats, labels are computed without a cell, and files are written without one.
_NO_CELL = Lattice.cubic(100.0, pbc=(False, False, False))


def molecule_structure(symbols: Sequence[str], positions: ArrayLike) -> Structure:
    """Return a molecule as a structure without a cell.

    Parameters
    ----------
    symbols
        Chemical symbols, n of them.
    positions
        Cartesian positions, shape (n, 3), Å; kept as they are.
    """
    return Structure(_NO_CELL, list(symbols), positions, coords_are_cartesian=True)


def is_molecule(structure: Structure) -> bool:
    """Whether a structure has no cell."""
    return not any(structure.lattice.pbc)
