"""Points of parity plots: label and prediction, few enough to draw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.baselines import Baselines
from cuprolith.arrays import FloatArray
from training.predictions import Predictions

MAX_POINTS = 5000


@dataclass(frozen=True, eq=False)
class ParityPoints:
    """Labels and predictions of one quantity, each of shape (n_points,).

    Attributes
    ----------
    reference, predicted
        Force components in eV/Å, energies per atom beyond the composition-linear baseline in
        eV/atom, or stress components in meV/Å³.
    families
        Family of each point's frame.
    n_total
        Number of all points, with those that are left out.
    """

    reference: FloatArray
    predicted: FloatArray
    families: NDArray[Any]  # of text; Sphinx takes the underscore of str_ for a link
    n_total: int


def force_points(predictions: Predictions) -> ParityPoints:
    """Choose force components of a split: all, or `MAX_POINTS` of them drawn with a fixed seed."""
    frames = np.repeat(np.arange(len(predictions)), 3 * predictions.n_atoms)
    reference, predicted = predictions.forces_reference, predictions.forces_predicted
    return _chosen(reference.ravel(), predicted.ravel(), predictions.family, frames)


def energy_points(predictions: Predictions, baselines: Baselines) -> ParityPoints:
    """Choose energies of a split, less the composition-linear baseline (see `force_points`)."""
    offset = baselines.energies(predictions.numbers, predictions.n_atoms)
    reference = (predictions.energy_reference - offset) / predictions.n_atoms
    predicted = (predictions.energy_predicted - offset) / predictions.n_atoms
    return _chosen(reference, predicted, predictions.family, np.arange(len(predictions)))


def stress_points(predictions: Predictions) -> ParityPoints:
    """Choose stress components of the frames that have a stress (see `force_points`)."""
    known = np.isfinite(predictions.stress_reference).all(axis=(1, 2))
    reference = 1000 * predictions.stress_reference[known].ravel()
    predicted = 1000 * predictions.stress_predicted[known].ravel()
    return _chosen(reference, predicted, predictions.family, np.repeat(np.flatnonzero(known), 9))


def _chosen(
    reference: FloatArray, predicted: FloatArray, family: NDArray[Any], frames: NDArray[np.intp]
) -> ParityPoints:
    """Choose from points that belong to frames, of which `family` has the families."""
    n_total = len(reference)
    chosen = np.arange(n_total)
    if n_total > MAX_POINTS:
        random = np.random.default_rng(0)
        chosen = np.sort(random.choice(n_total, MAX_POINTS, replace=False))
    return ParityPoints(reference[chosen], predicted[chosen], family[frames[chosen]], n_total)
