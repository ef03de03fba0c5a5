"""Energies the species start with, so that learning begins at the right height."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from ase.data import atomic_numbers
from numpy.typing import NDArray

from training.frames import Frame


def fit_atomic_energies(frames: Iterable[Frame], symbols: tuple[str, ...]) -> dict[str, float]:
    """Fit the energies per atom of frames with a sum over species.

    Least squares of E/N - Σ_s x_s e_s, where x_s is the share of species s: the energy per atom
    is what the loss counts. Where compositions do not tell species apart (a single alloy) the
    solution of least norm is taken. One frame is in memory at a time.

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
    column = {atomic_numbers[symbol]: i for i, symbol in enumerate(symbols)}
    normal = np.zeros((len(symbols), len(symbols)))
    right = np.zeros(len(symbols))
    for frame in frames:
        shares = _shares(frame.composition, column) / len(frame)
        normal += np.outer(shares, shares)
        right += shares * (frame.energy / len(frame))
    energies = np.linalg.lstsq(normal, right, rcond=1e-10)[0]
    return {symbol: round(float(energies[i]), 6) for i, symbol in enumerate(symbols)}


def _shares(
    composition: Iterable[tuple[int, int]], column: Mapping[int, int]
) -> NDArray[np.float64]:
    shares = np.zeros(len(column))
    for number, n in composition:
        shares[column[number]] = n
    return shares
