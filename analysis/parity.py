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
        Points there are; more than are here if some were left out.
    """

    reference: FloatArray
    predicted: FloatArray
    families: NDArray[Any]  # of text; Sphinx takes the underscore of str_ for a link
    n_total: int


def force_points(predictions: Predictions) -> ParityPoints:
    """Choose force components of a split: all, or `MAX_POINTS` of them drawn with a fixed seed."""
    n_total = 3 * len(predictions.numbers)
    chosen = _chosen(n_total)
    frame_ends = np.cumsum(predictions.n_atoms)
    frames = np.searchsorted(frame_ends, chosen // 3, side="right")
    return ParityPoints(
        reference=predictions.forces_reference.ravel()[chosen],
        predicted=predictions.forces_predicted.ravel()[chosen],
        families=predictions.family[frames],
        n_total=n_total,
    )


def energy_points(predictions: Predictions, baselines: Baselines) -> ParityPoints:
    """Choose energies of a split, less the composition-linear baseline (see `force_points`)."""
    chosen = _chosen(len(predictions))
    offset = baselines.energies(predictions.numbers, predictions.n_atoms)
    return ParityPoints(
        reference=((predictions.energy_reference - offset) / predictions.n_atoms)[chosen],
        predicted=((predictions.energy_predicted - offset) / predictions.n_atoms)[chosen],
        families=predictions.family[chosen],
        n_total=len(predictions),
    )


def stress_points(predictions: Predictions) -> ParityPoints:
    """Choose stress components of the frames that have a stress (see `force_points`)."""
    known = np.isfinite(predictions.stress_reference).all(axis=(1, 2))
    chosen = _chosen(9 * int(known.sum()))
    return ParityPoints(
        reference=1000 * predictions.stress_reference[known].ravel()[chosen],
        predicted=1000 * predictions.stress_predicted[known].ravel()[chosen],
        families=predictions.family[known][chosen // 9],
        n_total=9 * int(known.sum()),
    )


def _chosen(n_total: int) -> NDArray[np.intp]:
    if n_total <= MAX_POINTS:
        return np.arange(n_total)
    return np.sort(np.random.default_rng(0).choice(n_total, MAX_POINTS, replace=False))
