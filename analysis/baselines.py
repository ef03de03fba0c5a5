"""Predictions that need no learning: what a trained model has to beat.

Zero force says that nothing is pushed anywhere; mean force gives every atom the mean force vector
of its species in the training set; the composition-linear energy gives every atom the energy of
its species, fitted to the training set.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cuprolith.arrays import FloatArray, IntArray


class Labelled(Protocol):
    """What the baselines need of a frame."""

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
    """

    species: tuple[int, ...]
    mean_forces: FloatArray
    species_energies: FloatArray
    n_frames: int

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
        sums: FloatArray = np.bincount(
            frame, weights=table[np.asarray(numbers, dtype=int)], minlength=len(n_atoms)
        ).astype(float)
        return sums


@dataclass
class BaselineFit:
    """Running sums from which `Baselines` follow; memory grows only with distinct compositions."""

    n_frames: int = 0
    _force_sums: FloatArray = field(default_factory=lambda: np.zeros((_TABLE_SIZE, 3)))
    _atoms: IntArray = field(default_factory=lambda: np.zeros(_TABLE_SIZE, dtype=np.int64))
    _energies: dict[tuple[tuple[int, int], ...], _Mean] = field(default_factory=dict)

    def add(self, frame: Labelled) -> None:
        """Take in one training frame."""
        counts = np.bincount(frame.numbers, minlength=_TABLE_SIZE)
        for axis in range(3):
            self._force_sums[:, axis] += np.bincount(
                frame.numbers, weights=frame.forces[:, axis], minlength=_TABLE_SIZE
            )
        self._atoms += counts
        composition = tuple((int(z), int(counts[z])) for z in np.flatnonzero(counts))
        self._energies.setdefault(composition, _Mean()).add(frame.energy / len(frame.numbers))
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
        species = tuple(np.flatnonzero(self._atoms).tolist())
        rows = list(species)
        return Baselines(
            species=species,
            mean_forces=self._force_sums[rows] / self._atoms[rows, None],
            species_energies=_species_energies(species, self._energies),
            n_frames=self.n_frames,
        )


def fit_baselines(frames: Iterable[Labelled]) -> Baselines:
    """Fit all baselines in one pass over the training frames.

    The composition-linear energy minimises the squared error of the energy per atom. All frames
    of one composition share a row of the design matrix, so their mean with their number as weight
    gives the same fit.

    Raises
    ------
    ValueError
        If there are no frames.
    """
    fit = BaselineFit()
    for frame in frames:
        fit.add(frame)
    return fit.result()


@dataclass
class _Mean:
    count: int = 0
    mean: float = 0.0

    def add(self, value: float) -> None:
        self.count += 1
        self.mean += (value - self.mean) / self.count


def _species_energies(
    species: Sequence[int], energies: dict[tuple[tuple[int, int], ...], _Mean]
) -> FloatArray:
    column = {z: i for i, z in enumerate(species)}
    design = np.zeros((len(energies), len(species)))
    for row, composition in enumerate(energies):
        total = sum(count for _, count in composition)
        for z, count in composition:
            design[row, column[z]] = count / total
    means = np.array([entry.mean for entry in energies.values()])
    weights = np.sqrt([entry.count for entry in energies.values()])
    solution: FloatArray = np.linalg.lstsq(design * weights[:, None], means * weights, rcond=None)[
        0
    ]
    return solution


_TABLE_SIZE = 119  # atomic numbers up to oganesson
