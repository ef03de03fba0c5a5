"""One ionic step as the files show it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workflows.vasp_rehearsal.motion import Continuation, ThermalEnergies
from workflows.vasp_rehearsal.scf import ElectronicEnergies, Scf


@dataclass(frozen=True)
class IonicStep:
    """A labelled configuration with its electronic steps.

    Attributes
    ----------
    number
        From 1.
    scaled
        Positions in units of the lattice vectors, in [0, 1), shape (n, 3).
    forces
        eV/Å, shape (n, 3); NaN is printed as overflow.
    stress
        eV/Å³ with ASE's sign, shape (3, 3); None where ISIF leaves it out.
    energy_change
        Change of the free energy since the previous step, eV.
    """

    number: int
    scaled: np.ndarray
    forces: np.ndarray
    stress: np.ndarray | None
    scf: Scf
    energy_change: float
    continuation: Continuation
    thermal: ThermalEnergies | None
    seconds: float

    @property
    def energies(self) -> ElectronicEnergies:
        """Energies after the last electronic step, eV."""
        return self.scf.energies

    @property
    def total_energy(self) -> float:
        """Conserved energy of electrons, ions and thermostat (eV)."""
        thermal = self.thermal
        if thermal is None:
            return self.energies.free
        return self.energies.free + thermal.kinetic + thermal.nose_potential + thermal.nose_kinetic
