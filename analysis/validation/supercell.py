"""Supercells of crystals."""

from __future__ import annotations

from ase import Atoms

_FEWEST_ATOMS = 30


def supercell_of(cell: Atoms) -> Atoms:
    """Repeat a cell along its shortest edges until it has 30 atoms or more."""
    supercell = cell.copy()
    while len(supercell) < _FEWEST_ATOMS:
        repeats = [1, 1, 1]
        lengths = supercell.cell.lengths().round(3).tolist()
        repeats[lengths.index(min(lengths))] = 2
        supercell = supercell.repeat(repeats)
    return supercell
