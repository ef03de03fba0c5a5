"""How a study went, evaluation by evaluation."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.tuning.trials import TrialRecord
from cuprolith.arrays import FloatArray


@dataclass(frozen=True, eq=False)
class History:
    """State of a study after each of its n evaluations.

    Attributes
    ----------
    number
        Of the trials, shape (n,).
    hypervolume
        Of the feasible trials so far, shape (n,).
    feasible_rate
        Share of evaluations so far that keep within all limits, shape (n,).
    best_accuracy
        Smallest first objective of a feasible trial so far, NaN before the first, shape (n,).
    """

    number: NDArray[np.int64]
    hypervolume: FloatArray
    feasible_rate: FloatArray
    best_accuracy: FloatArray


def history(trials: Sequence[TrialRecord], reference: tuple[float, float]) -> History:
    """Follow a study through its trials, in the order given.

    Parameters
    ----------
    reference
        Reference point of the hypervolume; the same for all evaluations.
    """
    area = _DominatedArea(reference)
    best = float("inf")
    hypervolumes, bests = [], []
    for trial in trials:
        if trial.feasible and trial.objectives is not None:
            area.add(*trial.objectives)
            best = min(best, trial.objectives[0])
        hypervolumes.append(area.value)
        bests.append(best if np.isfinite(best) else np.nan)
    feasible = np.array([trial.feasible for trial in trials], dtype=np.float64)
    return History(
        np.array([trial.number for trial in trials], dtype=np.int64),
        np.array(hypervolumes, dtype=np.float64),
        np.cumsum(feasible) / np.arange(1, len(trials) + 1),
        np.array(bests, dtype=np.float64),
    )


class _DominatedArea:
    """Area dominated by points that come one by one: each costs the points it replaces.

    Libraries compute the hypervolume of a set anew; over a study that is quadratic.
    """

    def __init__(self, reference: tuple[float, float]) -> None:
        self.value = 0.0
        self._reference = reference
        self._x: list[float] = []  # rising
        self._y: list[float] = []  # falling

    def add(self, x: float, y: float) -> None:
        """Take a point in."""
        if x >= self._reference[0] or y >= self._reference[1]:
            return
        first = bisect_right(self._x, x)
        ceiling = self._y[first - 1] if first else self._reference[1]
        if y >= ceiling:
            return
        last, left = first, x
        while last < len(self._x) and self._y[last] >= y:
            self.value += (self._x[last] - left) * (ceiling - y)
            left, ceiling = self._x[last], self._y[last]
            last += 1
        right = self._x[last] if last < len(self._x) else self._reference[0]
        self.value += (right - left) * (ceiling - y)
        self._x[first:last] = [x]
        self._y[first:last] = [y]
