"""Atomic energies that a model starts from, and the scale of what it learns beyond them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from ase.data import atomic_numbers

from cuprolith.arrays import FloatArray
from training.dataset.frames import Frame
from training.dataset.isolated_atoms import is_isolated_atom

# The RMS of forces in eV/Å is usually larger than the spread of energies per atom in eV.
_LEAST_FORCES_OF_SPREAD = 0.1
_LEAST_FORCES = 1e-4  # eV/Å; DFT's round-off
# eV; about the RMS of forces, in eV/Å, of atoms in motion. An equation of state of copper was
# learnt in 60 epochs to 91 meV/atom with the spread of its energies (0.014 eV) for a scale, and to
# 11, 8 and 2 meV/atom with 0.1, 0.5 and 2 eV.
_SCALE_WITHOUT_FORCES = 1.0


def fit_atomic_energies(frames: Iterable[Frame], symbols: Sequence[str]) -> dict[str, float]:
    """Fit the energies per atom of frames with a sum over species.

    Least squares of E/N - Σ_s x_s e_s, where x_s is the share of species s: the energy per atom
    is what the loss counts. Where compositions cannot distinguish species (a single alloy), the
    solution is the one of least norm. One frame is in memory at a time.

    Parameters
    ----------
    frames
        Training frames.
    symbols
        Chemical symbols; together they are all species in the frames.

    Returns
    -------
    Energy of each species, eV/atom, rounded to 1 µeV (so that machines agree).
    """
    sums = _Sums.of(frames, symbols)
    return dict(zip(symbols, np.round(sums.fitted({}), 6).tolist(), strict=True))


@dataclass(frozen=True)
class StartingEnergies:
    """Atomic energies that a model starts from, and the scale of what it adds.

    Attributes
    ----------
    atomic_energies
        Energy of each species, eV.
    scale
        eV; None where the RMS of the forces (eV/Å) is the scale.
    """

    atomic_energies: Mapping[str, float]
    scale: float | None


def starting_energies(
    frames: Iterable[Frame], symbols: Sequence[str], given: Mapping[str, float] | None = None
) -> StartingEnergies:
    """Return the energies that species start with, and the scale of what a model adds.

    A model gives an atom without neighbours the energy its species starts with. So this is the
    energy of the isolated atom where one is among the frames (of several the mean); species
    without one are fitted to the frames, as `fit_atomic_energies` does, with the others in place.

    Forces give the scale, unless their RMS is below 0.1 eV/Å per eV of the spread of energies per
    atom, or below 1e-4 eV/Å, as in perfect crystals, where they vanish by symmetry and are
    round-off: then it is 1 eV.

    Parameters
    ----------
    frames
        Training frames; one is in memory at a time.
    symbols
        Chemical symbols; together they are all species in the frames.
    given
        Energy of each species, eV, instead.
    """
    sums = _Sums.of(frames, symbols)
    pinned = sums.isolated if given is None else {symbol: given[symbol] for symbol in symbols}
    energies = sums.fitted(pinned)
    start = {
        symbol: pinned.get(symbol, round(float(energy), 6))
        for symbol, energy in zip(symbols, energies, strict=True)
    }
    spread = sums.spread(sums.fitted({}))
    negligible = sums.forces_rms < max(_LEAST_FORCES, _LEAST_FORCES_OF_SPREAD * spread)
    return StartingEnergies(start, _SCALE_WITHOUT_FORCES if negligible else None)


@dataclass
class _Sums:
    """Sums over frames from which energies are fitted.

    Attributes
    ----------
    normal, right, square
        Σ x xᵀ, Σ x E/N and Σ (E/N)² over frames, where x are the shares of the species.
    isolated
        Mean energy of the isolated atoms of each species that has any, eV.
    forces_rms
        Of force components, eV/Å.
    """

    symbols: Sequence[str]
    normal: FloatArray
    right: FloatArray
    square: float
    n_frames: int
    isolated: dict[str, float]
    forces_rms: float

    @classmethod
    def of(cls, frames: Iterable[Frame], symbols: Sequence[str]) -> _Sums:
        column = {atomic_numbers[symbol]: i for i, symbol in enumerate(symbols)}
        normal, right = np.zeros((len(symbols), len(symbols))), np.zeros(len(symbols))
        square, forces_square, n_frames, n_components = 0.0, 0.0, 0, 0
        alone: dict[str, list[float]] = {}
        for frame in frames:
            shares = _shares(frame.composition, column) / len(frame)
            energy = frame.energy / len(frame)
            normal += np.outer(shares, shares)
            right += shares * energy
            square += energy**2
            n_frames += 1
            if is_isolated_atom(frame):
                alone.setdefault(symbols[column[int(frame.numbers[0])]], []).append(frame.energy)
            else:
                forces_square += float((frame.forces**2).sum())
                n_components += frame.forces.size
        return cls(
            symbols=symbols,
            normal=normal,
            right=right,
            square=square,
            n_frames=n_frames,
            isolated={symbol: float(np.mean(energies)) for symbol, energies in alone.items()},
            forces_rms=float(np.sqrt(forces_square / max(n_components, 1))),
        )

    def fitted(self, pinned: Mapping[str, float]) -> FloatArray:
        """Return the energies of all species, those that are not pinned by least squares."""
        fixed = np.array([symbol in pinned for symbol in self.symbols])
        energies = np.array([pinned.get(symbol, 0.0) for symbol in self.symbols])
        right = (self.right - self.normal @ energies)[~fixed]
        normal = self.normal[~fixed][:, ~fixed]
        energies[~fixed] = np.linalg.lstsq(normal, right, rcond=1e-10)[0]
        return energies

    def spread(self, energies: FloatArray) -> float:
        """Return the RMS over frames of the energy per atom beyond these energies, eV."""
        residual = self.square - 2 * energies @ self.right + energies @ self.normal @ energies
        # Below this it is round-off of the large numbers that are subtracted.
        noise = 1e-12 * self.square
        return float(np.sqrt(residual / self.n_frames)) if residual > noise else 0.0


def _shares(composition: Iterable[tuple[int, int]], column: Mapping[int, int]) -> FloatArray:
    shares = np.zeros(len(column))
    for number, n in composition:
        shares[column[number]] = n
    return shares
