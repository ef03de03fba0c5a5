"""Arrays that hold many molecules: 60 MB for QM9 instead of a gigabyte of objects."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from ase.data import chemical_symbols
from numpy.typing import NDArray

from cuprolith.arrays import FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class MoleculeArrays:
    """Isolated molecules, atoms one after another.

    Attributes
    ----------
    index
        Number of each molecule in the original data, shape (n_molecules,).
    n_atoms
        Atoms of each molecule, shape (n_molecules,).
    numbers
        Atomic numbers, shape (n_atoms_in_all,).
    positions
        Shape (n_atoms_in_all, 3), Å.
    energies
        Shape (n_molecules,), eV.
    forces
        Shape (n_atoms_in_all, 3), eV/Å; None where the data have none.
    """

    index: IntArray
    n_atoms: IntArray
    numbers: NDArray[np.uint8]
    positions: FloatArray
    energies: FloatArray
    forces: FloatArray | None = None

    def __len__(self) -> int:
        """Return the number of molecules."""
        return len(self.n_atoms)

    @cached_property
    def _ends(self) -> IntArray:
        return np.cumsum(self.n_atoms)

    def atoms_of(self, molecule: int) -> slice:
        """Return where the atoms of a molecule (from 0) lie in the arrays of atoms."""
        end = int(self._ends[molecule])
        return slice(end - int(self.n_atoms[molecule]), end)

    def subset(self, chosen: IntArray) -> MoleculeArrays:
        """Return copies of some molecules (from 0), in the order given."""
        n_atoms = self.n_atoms[chosen]
        first = np.cumsum(n_atoms) - n_atoms
        start = self._ends[chosen] - n_atoms
        atoms = np.arange(n_atoms.sum()) + np.repeat(start - first, n_atoms)
        return MoleculeArrays(
            index=self.index[chosen],
            n_atoms=n_atoms,
            numbers=self.numbers[atoms],
            positions=self.positions[atoms],
            energies=self.energies[chosen],
            forces=None if self.forces is None else self.forces[atoms],
        )

    @property
    def symbols(self) -> tuple[str, ...]:
        """Chemical symbols, sorted."""
        return tuple(sorted(chemical_symbols[number] for number in np.unique(self.numbers)))

    @property
    def sha256(self) -> str:
        """Hash of everything that a model learns from."""
        digest = hashlib.sha256()
        for array in (self.n_atoms, self.numbers, self.positions, self.energies, self.forces):
            if array is not None:
                digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()
