"""The frame: one labelled configuration, from any parser or engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.data import chemical_symbols
from ase.stress import full_3x3_to_voigt_6_stress
from numpy.typing import NDArray

from cuprolith.arrays import FloatArray


@dataclass(frozen=True, eq=False)
class Frame:
    """One labelled configuration.

    Attributes
    ----------
    numbers
        Atomic numbers, shape (n,).
    positions
        Cartesian positions, shape (n, 3), Å; not wrapped.
    cell
        Lattice vectors as rows, shape (3, 3), Å.
    pbc
        Periodicity along each lattice vector.
    energy
        Energy the forces belong to (for smeared metals the free energy), eV.
    forces
        Shape (n, 3), eV/Å; unconstrained (an atom held fixed keeps the force it feels).
    stress
        Shape (3, 3), eV/Å³, ASE's sign; None where the engine gave none.
    free_mask
        Shape (n,): True where the atom could move in the run the frame came from.
    structure_id, family, miller_index, parent_id
        The candidate's, as in ``structures.extxyz``.
    trajectory_id, step
        Run the frame came from, and its ionic step there (from 0).
    engine, functional
        Who computed the labels, and at which level of theory.
    converged
        Whether the electronic structure (or the model evaluation) converged for this frame.
    config_hash
        Fingerprint of all settings that decide the label for given positions.
    energy_sigma0
        σ→0 extrapolated energy, eV, where the engine gives one.
    flaw
        Why the label is not to be trusted, e.g. settings that changed during the run; "" if it
        is. Such a frame is quarantined, and only the reason is stored.
    """

    numbers: NDArray[np.int64]
    positions: FloatArray
    cell: FloatArray
    energy: float
    forces: FloatArray
    stress: FloatArray | None
    structure_id: str
    family: str
    trajectory_id: str
    step: int
    engine: str
    functional: str
    config_hash: str
    miller_index: str = ""
    parent_id: str = ""
    converged: bool = True
    pbc: tuple[bool, bool, bool] = (True, True, True)
    free_mask: NDArray[np.bool_] | None = None
    energy_sigma0: float | None = None
    flaw: str = ""

    __hash__ = None  # type: ignore[assignment]  # arrays are compared by content

    def __len__(self) -> int:
        """Return the number of atoms."""
        return len(self.numbers)

    def __eq__(self, other: object) -> bool:
        """Bit-exact equality of all fields."""
        if not isinstance(other, Frame):
            return NotImplemented
        return all(_identical(getattr(self, name), getattr(other, name)) for name in _FIELD_NAMES)

    @property
    def composition(self) -> tuple[tuple[int, int], ...]:
        """Sorted (atomic number, count) pairs."""
        numbers, counts = np.unique(self.numbers, return_counts=True)
        return tuple(zip(numbers.tolist(), counts.tolist(), strict=True))

    @property
    def system(self) -> str:
        """Chemical system: symbols in alphabetical order, such as ``Cu-Li``."""
        return "-".join(sorted({chemical_symbols[number] for number in self.numbers}))

    @property
    def volume(self) -> float:
        """Cell volume, Å³."""
        return float(abs(np.linalg.det(self.cell)))

    def to_atoms(self) -> Atoms:
        """Return ASE atoms with the labels on a single-point calculator; no constraints."""
        atoms = Atoms(numbers=self.numbers, positions=self.positions, cell=self.cell, pbc=self.pbc)
        labels: dict[str, Any] = {"energy": self.energy, "forces": self.forces}
        if self.stress is not None:
            labels["stress"] = full_3x3_to_voigt_6_stress(self.stress)
        atoms.calc = SinglePointCalculator(atoms, **labels)
        atoms.info.update({name: getattr(self, name) for name in PROVENANCE_FIELDS})
        return atoms


PROVENANCE_FIELDS = (
    "structure_id",
    "family",
    "miller_index",
    "parent_id",
    "trajectory_id",
    "step",
    "engine",
    "functional",
    "converged",
    "config_hash",
)
_FIELD_NAMES = tuple(Frame.__dataclass_fields__)


def _identical(left: object, right: object) -> bool:
    if isinstance(left, np.ndarray) or isinstance(right, np.ndarray):
        if not (isinstance(left, np.ndarray) and isinstance(right, np.ndarray)):
            return False
        if left.shape != right.shape or left.dtype.kind != right.dtype.kind:
            return False
        if left.dtype.kind == "f":
            return _identical_floats(left, right)
        return bool((left == right).all())
    if isinstance(left, float) and isinstance(right, float):
        return _identical_floats(left, right)
    return bool(left == right)


def _identical_floats(left: FloatArray | float, right: FloatArray | float) -> bool:
    """Compare values; NaN equals NaN, and -0.0 differs from 0.0."""
    same = (left == right) & (np.signbit(left) == np.signbit(right))
    return bool(np.all(same | (np.isnan(left) & np.isnan(right))))
