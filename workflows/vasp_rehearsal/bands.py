"""Made-up bands and density of states of a metal, for readers that expect some."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workflows.vasp_rehearsal.inputs import RunInputs
from workflows.vasp_rehearsal.scf import FERMI_ENERGY


@dataclass(frozen=True)
class Bands:
    """Energies (k, b) in eV with occupations between 0 and 1, the same for both spins."""

    energies: np.ndarray
    occupations: np.ndarray


def bands_of(inputs: RunInputs) -> Bands:
    """Return evenly spaced bands, the first empty one touching the last occupied one.

    They stand for a metal and for nothing else: the potential of a rehearsal knows no electrons.
    """
    n_occupied = inputs.n_electrons / 2
    ladder = FERMI_ENERGY + 12.0 * (np.arange(inputs.n_bands) + 0.5 - n_occupied) / n_occupied
    first_empty = min(int(np.ceil(n_occupied)), inputs.n_bands - 1)
    ladder[first_empty] = ladder[first_empty - 1]
    lift = (inputs.kpoints.points**2).sum(axis=1)
    energies = ladder[None, :] + lift[:, None]
    filling = np.clip(n_occupied - np.arange(inputs.n_bands), 0.0, 1.0)
    occupations = np.broadcast_to(filling, energies.shape)
    return Bands(energies, occupations)


def density_of_states(bands: Bands, inputs: RunInputs, n_energies: int) -> np.ndarray:
    """Return rows of energy (eV), states per eV and their integral, per spin, shape (e, 3)."""
    energies = np.linspace(bands.energies.min() - 1, bands.energies.max() + 1, n_energies)
    weights = np.repeat(inputs.kpoints.weights, bands.energies.shape[1])
    degeneracy = 2 / inputs.settings.ispin
    order = np.argsort(bands.energies, axis=None)
    cumulative = np.concatenate([[0.0], np.cumsum(weights[order]) * degeneracy])
    integral = cumulative[np.searchsorted(bands.energies.ravel()[order], energies, "right")]
    return np.stack([energies, np.gradient(integral, energies), integral], axis=1)
