"""Predictions without learning, which a trained model has to beat.

Zero force: no atom is pushed. Mean force: every atom has the mean force vector of its species in
the training set. Composition-linear energy: every atom has the energy of its species, fitted to the
training set.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cuprolith.arrays import FloatArray, IntArray


class Labelled(Protocol):
    """What the baselines need of a frame."""

    @property
    def family(self) -> str:
        """Kind of structure."""

    @property
    def numbers(self) -> NDArray[np.int64]:
        """Atomic numbers, shape (n,)."""

    @property
    def energy(self) -> float:
        """Total energy, eV."""

    @property
    def forces(self) -> FloatArray:
        """Forces, shape (n, 3), eV/Å."""


@dataclass(frozen=True)
class Baselines:
    """Baselines fitted to a training set.

    Attributes
    ----------
    species
        Atomic numbers seen, ascending, shape (s,).
    mean_forces
        Mean force vector of each species, shape (s, 3), eV/Å.
    species_energies
        Energy of an atom of each species, shape (s,), eV. Of least norm where the compositions
        do not determine them, so that a fit to one composition is exact for that composition.
    n_frames
        Frames of the training set.
    families
        Families of the training set, each with the atomic numbers in it, ascending.
    """

    species: tuple[int, ...]
    mean_forces: FloatArray
    species_energies: FloatArray
    n_frames: int
    families: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    def forces(self, numbers: ArrayLike) -> FloatArray:
        """Mean-force prediction, shape (n, 3), eV/Å; zero for species not seen in training."""
        table = np.zeros((_TABLE_SIZE, 3))
        table[list(self.species)] = self.mean_forces
        predicted: FloatArray = table[np.asarray(numbers, dtype=int)]
        return predicted

    def energies(self, numbers: ArrayLike, n_atoms: ArrayLike) -> FloatArray:
        """Composition-linear energies of frames.

        Parameters
        ----------
        numbers
            Atomic numbers of all frames, one after another, shape (sum of n_atoms,).
        n_atoms
            Atoms of each frame, shape (n_frames,).

        Returns
        -------
        Total energies, shape (n_frames,), eV; species not seen in training count nothing.
        """
        table = np.zeros(_TABLE_SIZE)
        table[list(self.species)] = self.species_energies
        n_atoms = np.asarray(n_atoms, dtype=int)
        frame = np.repeat(np.arange(len(n_atoms)), n_atoms)
        energies = table[np.asarray(numbers, dtype=int)]
        return np.bincount(frame, weights=energies, minlength=len(n_atoms)).astype(float)


@dataclass
class BaselineFit:
    """Running sums from which `Baselines` follow.

    The composition-linear energy minimises the squared error of the energy per atom, here through
    the normal equations.
    """

    n_frames: int = 0
    _force_sums: FloatArray = field(default_factory=lambda: np.zeros((_TABLE_SIZE, 3)))
    _atoms: IntArray = field(default_factory=lambda: np.zeros(_TABLE_SIZE, dtype=np.int64))
    _normal: FloatArray = field(default_factory=lambda: np.zeros((_TABLE_SIZE, _TABLE_SIZE)))
    _right: FloatArray = field(default_factory=lambda: np.zeros(_TABLE_SIZE))
    _families: dict[str, set[int]] = field(default_factory=dict)

    def add(self, frame: Labelled) -> None:
        """Take in one training frame."""
        n_atoms = len(frame.numbers)
        counts = np.bincount(frame.numbers, minlength=_TABLE_SIZE)
        np.add.at(self._force_sums, frame.numbers, frame.forces)
        self._atoms += counts
        species = np.flatnonzero(counts)
        self._families.setdefault(frame.family, set()).update(species.tolist())
        shares = counts[species] / n_atoms
        self._normal[np.ix_(species, species)] += np.outer(shares, shares)
        self._right[species] += shares * frame.energy / n_atoms
        self.n_frames += 1

    def result(self) -> Baselines:
        """Return the fitted baselines.

        Raises
        ------
        ValueError
            If no frame was added.
        """
        if not self.n_frames:
            raise ValueError("no training frames: baselines need at least one")
        species = np.flatnonzero(self._atoms)
        normal = self._normal[np.ix_(species, species)]
        energies, *_ = np.linalg.lstsq(normal, self._right[species], rcond=1e-10)
        return Baselines(
            species=tuple(species.tolist()),
            mean_forces=self._force_sums[species] / self._atoms[species, None],
            species_energies=np.asarray(energies, dtype=np.float64),
            n_frames=self.n_frames,
            families={name: tuple(sorted(seen)) for name, seen in sorted(self._families.items())},
        )


def fit_baselines(frames: Iterable[Labelled]) -> Baselines:
    """Fit all baselines in one pass over the training frames.

    Raises
    ------
    ValueError
        If there are no frames.
    """
    fit = BaselineFit()
    for frame in frames:
        fit.add(frame)
    return fit.result()


_TABLE_SIZE = 119  # atomic numbers up to oganesson
