"""Energies from an ASE calculator: the potential's, or an engine's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from ase import Atoms
from ase.optimize import BFGS

from analysis.validation.source import NotAvailableError, Relaxed, Source

if TYPE_CHECKING:
    from ase.calculators.calculator import Calculator

    from analysis.validation.material import JudgedStructure
    from analysis.validation.trajectory import Trajectory

_LARGEST_STEP = 0.1  # Å, as the engines relax


@dataclass(kw_only=True)
class CalculatorSource(Source):
    """Computes whatever it is asked for.

    Attributes
    ----------
    opened
        Gives the calculator, and settings that it needs, for the time of a measurement.
    fmax, max_steps
        Limits of relaxations: eV/Å, and ionic steps.
    melt
        Runs the campaign's melt-quench of a structure with a calculator; None where the campaign
        has none.
    known
        Results of the same engine that exist: relaxations and melt-quenches are looked up there
        first. None for the potential.
    """

    opened: Callable[[], AbstractContextManager[Calculator]]
    fmax: float
    max_steps: int
    melt: Callable[[JudgedStructure, Calculator], Trajectory] | None = None
    known: Source | None = None
    _calculator: Calculator | None = field(default=None, repr=False, init=False)

    @contextmanager
    def computing(self) -> Iterator[None]:
        """Open the calculator."""
        with self.opened() as calculator:
            self._calculator = calculator
            try:
                yield
            finally:
                self._calculator = None

    def calculator(self) -> Calculator:
        """Return the calculator; only inside `computing`."""
        assert self._calculator is not None
        return self._calculator

    def relaxed(self, structure: JudgedStructure) -> Relaxed:
        """Relax the free atoms in the fixed cell."""
        if self.known is not None:
            with suppress(NotAvailableError):
                return self.known.relaxed(structure)
        return self.once(f"relaxed {structure.structure_id}", lambda: self._relaxed(structure))

    def melt_quench(self, structure: JudgedStructure) -> Trajectory:
        """Run the campaign's melt-quench."""
        if self.known is not None:
            with suppress(NotAvailableError):
                return self.known.melt_quench(structure)
        melt = self.melt
        if melt is None:
            raise NotAvailableError("the campaign has no melt-quench")
        name = f"melt-quench {structure.structure_id}"
        return self.once(name, lambda: melt(structure, self.calculator()))

    def _relaxed(self, structure: JudgedStructure) -> Relaxed:
        atoms = structure.atoms.copy()
        atoms.calc = self.calculator()
        converged = True
        if atoms.get_number_of_degrees_of_freedom() > 0:
            optimizer = BFGS(atoms, logfile=None, maxstep=_LARGEST_STEP)
            converged = bool(optimizer.run(fmax=self.fmax, steps=self.max_steps))
        energy = free_energy(atoms)
        if not np.isfinite(energy):
            raise FloatingPointError(f"the energy of {structure.structure_id} is {energy}")
        atoms.calc = None
        return Relaxed(energy, atoms, converged)


def free_energy(atoms: Atoms) -> float:
    """Return the energy that the forces belong to, eV: the free one where a calculator has it."""
    consistent = "free_energy" in atoms.calc.implemented_properties
    return float(atoms.get_potential_energy(force_consistent=consistent))
