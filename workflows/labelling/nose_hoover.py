"""Melt-quenches: a Nosé–Hoover chain with a temperature that ramps and a state that is carried."""

from __future__ import annotations

from typing import Any

import numpy as np
from ase import Atoms, units
from ase.md.nose_hoover_chain import NoseHooverChainNVT
from ase.md.velocitydistribution import MaxwellBoltzmannDistribution, Stationary

from workflows.engine_settings import MeltQuenchSettings


class RampedNoseHooverChain(NoseHooverChainNVT):
    """ASE's integrator with a settable target temperature and a restartable state.

    ASE keeps the target in a private attribute and offers no restart, so both are reached here
    and nowhere else. The thermostat mass stays as first set, as SMASS does in VASP.
    """

    def set_temperature(self, temperature: float) -> None:
        """Set the target temperature (K) for the steps to come."""
        self._thermostat._kT = units.kB * temperature

    def state(self) -> dict[str, Any]:
        """Return all that the next step depends on, as plain lists (Å, ASE momentum units)."""
        return {
            "positions": self._q.tolist(),
            "momenta": self._p.tolist(),
            "eta": self._thermostat._eta.tolist(),
            "p_eta": self._thermostat._p_eta.tolist(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a state returned by :meth:`state`."""
        self._q = np.asarray(state["positions"], dtype=float)
        self._p = np.asarray(state["momenta"], dtype=float)
        self._thermostat._eta = np.asarray(state["eta"], dtype=float)
        self._thermostat._p_eta = np.asarray(state["p_eta"], dtype=float)
        self._update_atoms()


def melt_quench_dynamics(
    atoms: Atoms, settings: MeltQuenchSettings, seed: int, state: dict[str, Any] | None = None
) -> RampedNoseHooverChain:
    """Return the dynamics of a melt-quench; the target temperature is set by whoever steps.

    Parameters
    ----------
    atoms
        Start, with a calculator; gets its velocities here.
    seed
        Of the initial velocities.
    state
        State to continue from; None at the start.
    """
    if state is None:
        MaxwellBoltzmannDistribution(
            atoms,
            temperature_K=settings.melt_temperature,
            force_temp=True,
            rng=np.random.default_rng(seed),
        )
        Stationary(atoms)
    dynamics = RampedNoseHooverChain(
        atoms,
        timestep=settings.time_step * units.fs,
        temperature_K=settings.melt_temperature,
        tdamp=settings.thermostat_time * units.fs,
    )
    if state is not None:
        dynamics.restore(state)
    return dynamics
