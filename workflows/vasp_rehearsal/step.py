"""One ionic step as the files show it, with electronic steps that are made up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workflows.vasp_rehearsal.incar import RunSettings
from workflows.vasp_rehearsal.motion import Continuation, ThermalEnergies

_ENTROPY = -2e-5
"""−TS per atom at SIGMA = 0.05 eV, eV; made up."""


@dataclass(frozen=True)
class ElectronicEnergies:
    """Energies of the electrons in eV: the free one is the label, the other two follow from it."""

    free: float
    without_entropy: float
    sigma0: float


@dataclass(frozen=True)
class ElectronicStep:
    """One line of OSZICAR: energies, change and residual (eV)."""

    energies: ElectronicEnergies
    change: float
    residual: float


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
    electronic
        At least one; the last one has the energies of the step.
    converged
        Whether EDIFF was reached before NELM.
    energy_change
        Change of the free energy since the previous step, eV.
    seconds
        It took.
    """

    number: int
    scaled: np.ndarray
    forces: np.ndarray
    stress: np.ndarray | None
    electronic: tuple[ElectronicStep, ...]
    converged: bool
    energy_change: float
    continuation: Continuation
    thermal: ThermalEnergies | None
    seconds: float

    @property
    def energies(self) -> ElectronicEnergies:
        """Energies after the last electronic step, eV."""
        return self.electronic[-1].energies

    @property
    def total_energy(self) -> float:
        """Conserved energy of electrons, ions and thermostat (eV)."""
        thermal = self.thermal
        if thermal is None:
            return self.energies.free
        return self.energies.free + thermal.kinetic + thermal.nose_potential + thermal.nose_kinetic


def electronic_steps(
    free: float, n_atoms: int, settings: RunSettings, *, first: bool, converges: bool = True
) -> tuple[ElectronicStep, ...]:
    """Return electronic steps that end in the free energy `free` (eV).

    Parameters
    ----------
    first
        Whether this is the first ionic step, which starts farther from the ground state.
    converges
        False for electronic steps that swing by about 0.05 eV until NELM; the last energy is not
        `free`.
    """
    if converges:
        deviations = _decay(100.0 if first else 1.0, settings.ediff, settings.nelm)
    else:
        counts = np.arange(settings.nelm)
        deviations = 0.05 * (-1.0) ** counts * (1 + 0.1 * np.sin(counts))
    steps = []
    before = 0.0
    for deviation in deviations:
        energy = free + float(deviation)
        energies = _smeared_energies(energy, n_atoms, settings.ismear, settings.sigma)
        residual = float(np.sqrt(abs(deviation)) + 1e-4)
        steps.append(ElectronicStep(energies, energy - before, residual))
        before = energy
    return tuple(steps)


def _smeared_energies(free: float, n_atoms: int, ismear: int, sigma: float) -> ElectronicEnergies:
    """Return a free energy with made-up companions.

    −TS grows with SIGMA². The σ→0 energy is extrapolated from it as VASP does: half-way for
    Gaussian smearing, and by 1/(N+2) for Methfessel–Paxton of order N.
    """
    entropy_term = 0.0 if ismear < -1 else _ENTROPY * n_atoms * (sigma / 0.05) ** 2
    without = free - entropy_term
    return ElectronicEnergies(free, without, free + (without - free) / (max(ismear, 0) + 2))


def _decay(start: float, ediff: float, nelm: int) -> np.ndarray:
    """Deviations that fall by a constant factor until they are below EDIFF, then vanish."""
    factor = 0.12
    needed = int(np.ceil(np.log(ediff / 2 / start) / np.log(factor)))
    deviations = start * factor ** np.arange(max(needed, 3) + 1.0)
    return np.append(deviations, 0.0)[:nelm]
