"""Front of two minimised objectives: its trials, hypervolume and knee."""

from __future__ import annotations

from collections.abc import Sequence

import moocore
import numpy as np

from analysis.tuning.trials import TrialRecord
from cuprolith.arrays import FloatArray

DECADE = 10.0
"""Objectives that spread over more than this factor are compared by their logarithms."""

_BEYOND = 0.1  # of the front's range, from its worst values to the default reference point


def front(trials: Sequence[TrialRecord]) -> list[TrialRecord]:
    """Return the feasible trials that no other dominates, by the first objective.

    Of trials with equal objectives the first counts.
    """
    feasible = [trial for trial in trials if trial.feasible]
    if not feasible:
        return []
    kept = moocore.is_nondominated(objective_array(feasible), keep_weakly=False)
    chosen = [trial for trial, keep in zip(feasible, kept, strict=True) if keep]
    return sorted(chosen, key=lambda trial: trial.objectives or ())


def objective_array(trials: Sequence[TrialRecord]) -> FloatArray:
    """Return the objectives of trials that all have objectives, shape (n, 2)."""
    return np.array([trial.objectives for trial in trials], dtype=np.float64).reshape(-1, 2)


def default_reference(points: FloatArray) -> tuple[float, float]:
    """Return the reference point of fronts whose study names none.

    It lies a tenth of their range beyond their worst values, or a tenth of the value where there
    is no range. It depends on the front and not on all trials, so that a single diverged training
    does not make all others look alike.

    Parameters
    ----------
    points
        Objectives of the front, or of several fronts to be compared; shape (n ≥ 1, 2), positive.
    """
    worst, extent = points.max(axis=0), np.ptp(points, axis=0)
    reference = worst + _BEYOND * np.where(extent > 0, extent, worst)
    return float(reference[0]), float(reference[1])


def hypervolume(points: FloatArray, reference: tuple[float, float]) -> float:
    """Return the area that points of shape (n, 2) dominate up to the reference point."""
    return float(moocore.hypervolume(points, ref=reference)) if len(points) else 0.0


def knee_point(points: FloatArray) -> int:
    """Return the index of the front's knee: farthest from the chord between the two ends.

    Objectives are scaled to [0, 1] between the ends; those that spread over more than a decade
    (as times of small and large models do) by their logarithm. Only points on the side of the
    ideal point count; if there are none, as on a front of two points or a concave one, the end
    with the smaller first objective (the more accurate) is returned.

    Parameters
    ----------
    points
        Objectives of a front, shape (n, 2), no two equal.

    Raises
    ------
    ValueError
        If there is no point.

    References
    ----------
    I. Das, Struct. Optim. 18, 107 (1999).
    """
    if not len(points):
        raise ValueError("a front without points has no knee")
    scaled = np.column_stack([_scaled(column) for column in points.T])
    towards_ideal = 1.0 - scaled.sum(axis=1)
    towards_ideal[np.abs(towards_ideal) < 1e-12] = 0.0  # the ends, up to rounding
    best = towards_ideal.max()
    candidates = np.flatnonzero(towards_ideal == best)
    return int(candidates[np.argmin(points[candidates, 0])])


def _scaled(values: FloatArray) -> FloatArray:
    if spans_decades(values):
        values = np.log10(values)
    low, high = values.min(), values.max()
    return (values - low) / (high - low) if high > low else np.zeros_like(values)


def spans_decades(values: FloatArray) -> bool:
    """Whether positive values spread over more than a decade."""
    return bool(len(values) and values.min() > 0 and values.max() > DECADE * values.min())
