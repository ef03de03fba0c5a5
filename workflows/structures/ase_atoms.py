"""Structures as ASE atoms and back: crystals in their cell, molecules without one."""

from __future__ import annotations

from ase import Atoms
from pymatgen.core import Lattice, Structure

from generators.molecule import is_molecule, molecule_structure


def atoms_of(structure: Structure) -> Atoms:
    """Return ASE atoms without constraints: periodic, or without a cell."""
    atoms = Atoms([site.specie.symbol for site in structure], structure.cart_coords)
    if not is_molecule(structure):
        atoms.set_cell(structure.lattice.matrix)
        atoms.pbc = True
    return atoms


def structure_of(atoms: Atoms) -> Structure:
    """Return the structure of ASE atoms, which have a cell or are not periodic at all."""
    symbols = atoms.get_chemical_symbols()
    if not atoms.pbc.any():
        return molecule_structure(symbols, atoms.positions)
    return Structure(Lattice(atoms.cell.array), symbols, atoms.positions, coords_are_cartesian=True)
