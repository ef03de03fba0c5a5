"""Measure how well molecular dynamics with a model conserves energy.

Importing this module takes seconds (torch, NequIP).
"""

from __future__ import annotations

import math

import numpy as np
from ase import Atoms, units
from ase.md.velocitydistribution import MaxwellBoltzmannDistribution, Stationary
from ase.md.verlet import VelocityVerlet

STEPS = 200
TIME_STEP = 0.5  # fs
TEMPERATURE = 300.0  # K
# From 300 K no frame becomes this hot unless the potential has a hole.
HOTTEST = 10_000.0  # K


class UnstableError(RuntimeError):
    """The atoms were driven apart, or an energy is not finite."""


def energy_drift(atoms: Atoms) -> float:
    """Run 200 NVE steps of 0.5 fs from 300 K, with the same velocities every time.

    Parameters
    ----------
    atoms
        With a calculator of energy and forces; not changed.

    Returns
    -------
    Largest change of the total energy since the start, eV/atom.

    Raises
    ------
    UnstableError
        If the energy is not finite or the temperature exceeds 10,000 K; names the step.
    """
    moving = atoms.copy()
    moving.calc = atoms.calc
    MaxwellBoltzmannDistribution(moving, temperature_K=TEMPERATURE, rng=np.random.default_rng(0))
    Stationary(moving, preserve_temperature=False)
    dynamics = VelocityVerlet(moving, timestep=TIME_STEP * units.fs)
    energies: list[float] = []

    def watch() -> None:
        energies.append(float(moving.get_total_energy()))
        temperature = moving.get_temperature()
        if not math.isfinite(energies[-1]) or not temperature < HOTTEST:
            raise UnstableError(
                f"after {dynamics.nsteps} steps of molecular dynamics at {TEMPERATURE:.0f} K the "
                f"energy is {energies[-1]:.4g} eV and the temperature {temperature:.4g} K"
            )

    dynamics.attach(watch)
    dynamics.run(STEPS)
    return float(np.abs(np.array(energies) - energies[0]).max()) / len(moving)
