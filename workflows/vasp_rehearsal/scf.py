"""Electronic steps as VASP would print them. All of them are made up; only their end is a label."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

FERMI_ENERGY = 2.0
"""Fermi energy (eV) written to every file; made up."""


@dataclass(frozen=True)
class ElectronicEnergies:
    """Energies of the electrons in eV: the free one is the label, the other two follow from it."""

    free: float
    without_entropy: float
    sigma0: float

    @property
    def entropy_term(self) -> float:
        """The term −TS (eV)."""
        return self.free - self.without_entropy


@dataclass(frozen=True)
class ElectronicStep:
    """One line of OSZICAR: number, energies (eV), change (eV) and residual."""

    number: int
    energies: ElectronicEnergies
    change: float
    residual: float


@dataclass(frozen=True)
class Scf:
    """The electronic steps of one ionic step, and whether EDIFF was reached before NELM."""

    steps: tuple[ElectronicStep, ...]
    converged: bool

    @property
    def energies(self) -> ElectronicEnergies:
        """Energies of the last electronic step."""
        return self.steps[-1].energies


def smeared_energies(free: float, n_atoms: int, ismear: int, sigma: float) -> ElectronicEnergies:
    """Return a free energy with made-up companions.

    −TS is −2·10⁻⁵ eV per atom at SIGMA = 0.05 eV and grows with SIGMA². The σ→0 energy is
    extrapolated from it as VASP does: half-way for Gaussian smearing, and by 1/(N+2) for
    Methfessel–Paxton of order N.
    """
    entropy_term = 0.0 if ismear < -1 else -2e-5 * n_atoms * (sigma / 0.05) ** 2
    order = max(ismear, 0)
    without = free - entropy_term
    return ElectronicEnergies(free, without, free + (without - free) / (order + 2))


def electronic_steps(
    free: float,
    *,
    n_atoms: int,
    ismear: int,
    sigma: float,
    ediff: float,
    nelm: int,
    first: bool,
    converges: bool = True,
) -> Scf:
    """Return electronic steps that end in the free energy `free` (eV).

    Parameters
    ----------
    first
        Whether this is the first ionic step, which starts farther from the ground state.
    converges
        False for an SCF that swings by about 0.05 eV until NELM; its last energy is not `free`.
    """
    if converges:
        deviations = _decay(100.0 if first else 1.0, ediff, nelm)
    else:
        counts = np.arange(nelm)
        deviations = 0.05 * (-1.0) ** counts * (1 + 0.1 * np.sin(counts))
    steps = []
    before = 0.0
    for number, deviation in enumerate(deviations, start=1):
        energy = free + float(deviation)
        change = energy - before
        steps.append(
            ElectronicStep(
                number,
                smeared_energies(energy, n_atoms, ismear, sigma),
                change,
                residual=float(np.sqrt(abs(deviation)) + 1e-4),
            )
        )
        before = energy
    return Scf(tuple(steps), converged=converges and len(steps) < nelm)


def _decay(start: float, ediff: float, nelm: int) -> np.ndarray:
    """Deviations that fall by a constant factor until they are below EDIFF, then vanish."""
    factor = 0.12
    needed = int(np.ceil(np.log(ediff / 2 / start) / np.log(factor)))
    deviations = start * factor ** np.arange(max(needed, 3) + 1.0)
    deviations = np.append(deviations, 0.0)
    return deviations[:nelm]
