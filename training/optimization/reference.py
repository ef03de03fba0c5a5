"""The reference point of the hypervolume where nobody gave one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from training.optimization.boxes import Floats
from training.optimization.observations import Observations

_BEYOND_NADIR = 0.1


def reference_point(observations: Observations, given: Sequence[float] | None) -> Floats:
    """Given reference point, or the nadir of the feasible front plus a tenth of its range.

    Where the front has no extent in an objective (one point, a constant objective), the range of
    all evaluations that succeeded stands in, and 1 where that is 0 too. Without a feasible
    evaluation the worst of all that succeeded is the nadir.

    Parameters
    ----------
    observations
        Evaluations; (n_objectives,) is 0 for all where none succeeded.
    given
        (n_objectives,) or None.
    """
    if given is not None:
        return np.asarray(given, dtype=float)
    succeeded = observations.objectives[observations.succeeded]
    if len(succeeded) == 0:
        return np.zeros(observations.objectives.shape[1])
    front = observations.objectives[observations.front]
    nadir = (front if len(front) else succeeded).max(axis=0)
    extent = np.ptp(front, axis=0) if len(front) else np.zeros(len(nadir))
    extent = np.where(extent > 0, extent, np.ptp(succeeded, axis=0))
    return np.asarray(nadir + _BEYOND_NADIR * np.where(extent > 0, extent, 1.0))
