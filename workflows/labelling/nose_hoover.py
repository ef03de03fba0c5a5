"""Nosé–Hoover-chain NVT whose target temperature can be ramped and whose state can be carried."""

from __future__ import annotations

from typing import Any

import numpy as np
from ase import units
from ase.md.nose_hoover_chain import NoseHooverChainNVT


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
