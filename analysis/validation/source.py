"""Where energies come from: the potential, the engine, or the labels that exist already."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np
from ase import Atoms

from analysis.validation.trajectory import Trajectory
from cuprolith.arrays import FloatArray
from cuprolith.errors import CuprolithError

if TYPE_CHECKING:
    from ase.calculators.calculator import Calculator

    from analysis.validation.material import JudgedStructure

T = TypeVar("T")


class NotAvailableError(CuprolithError):
    """A source cannot give what a property needs; the message says why."""


@dataclass(frozen=True, eq=False)
class Relaxed:
    """A structure after the campaign's relaxation in a fixed cell.

    Attributes
    ----------
    energy
        Of the whole cell, eV.
    atoms
        Final positions, without calculator.
    converged
        Whether the forces on all free atoms fell below the campaign's limit.
    """

    energy: float
    atoms: Atoms
    converged: bool


@dataclass
class Source:
    """Gives energies to a measurement; everything a property needs goes through it.

    Each method raises `NotAvailableError` where this source cannot answer; measurements let it
    pass.

    Attributes
    ----------
    name
        ``potential``, ``labels``, or the name of an engine.
    identity
        Hash of all that decides its answers, besides the material; stored measurements are known
        by it.
    computes
        Whether its answers take computing; if not, they are results that exist.
    """

    name: str
    identity: str = ""
    computes: bool = True
    _known: dict[str, Any] = field(default_factory=dict, repr=False)

    def calculator(self) -> Calculator:
        """Return an ASE calculator of energy, forces and stress, for any structure.

        Raises
        ------
        NotAvailableError
            If this source only has results of structures that were computed earlier.
        """
        raise NotAvailableError(f"{self.name} cannot compute other structures")

    def forces(self, atoms: Atoms) -> FloatArray:
        """Return the forces on the atoms of a labelled frame, shape (n_atoms, 3), eV/Å.

        Raises
        ------
        NotAvailableError
            If this source cannot compute, and did not label the frame.
        """
        frame = atoms.copy()
        frame.calc = self.calculator()
        return np.asarray(frame.get_forces(), dtype=float)

    def relaxed(self, structure: JudgedStructure) -> Relaxed:
        """Return a structure of the campaign, relaxed as the campaign relaxes.

        Raises
        ------
        NotAvailableError
            If it has no finished label.
        """
        raise NotAvailableError(f"{self.name} has no relaxation of {structure.structure_id}")

    def melt_quench(self, structure: JudgedStructure) -> Trajectory:
        """Return the campaign's melt-quench of a structure.

        Raises
        ------
        NotAvailableError
            If there is none.
        """
        raise NotAvailableError(f"{self.name} has no melt-quench of {structure.structure_id}")

    def measuring(self) -> AbstractContextManager[None]:
        """Return the context that its measurements run in, such as settings of torch."""
        return nullcontext()

    def once(self, key: str, compute: Callable[[], T]) -> T:
        """Return what `compute` gave for `key` before, else compute it: shared by properties."""
        if key not in self._known:
            self._known[key] = compute()
        return cast("T", self._known[key])
