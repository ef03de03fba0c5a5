"""Choose the reference point of the hypervolume where none is given."""

from __future__ import annotations

import numpy as np

from cuprolith.arrays import FloatArray
from training.optimization.boxes import non_dominated

_BEYOND_NADIR = 0.1  # of the front's extent
_BEYOND_KNOWN = 1.0  # of the range of what is known


def reference_point(front: FloatArray, succeeded: FloatArray, predicted: FloatArray) -> FloatArray:
    """Nadir of the front as far as it is known and predicted, plus a tenth of its extent.

    The front of a few evaluations lacks its ends. With its own nadir as the reference point the
    ends would be worth nothing, and the search would not look for them; predictions show roughly
    where they are. Predictions count up to one range beyond the known objectives, since surrogates
    of few points extrapolate far.

    Where the front has no extent in an objective (one point, a constant objective), the range of
    all successful evaluations is used instead, and 1 where that is 0 too. Without a front, the
    nadir is the worst of all successful evaluations.

    Parameters
    ----------
    front
        (n, n_objectives) objectives of the feasible evaluations that no other dominates.
    succeeded
        (s, n_objectives) objectives of all successful evaluations, at least one.
    predicted
        (p, n_objectives) predicted objectives of points that are predicted to be feasible.
    """
    least, greatest = succeeded.min(axis=0), succeeded.max(axis=0)
    spread = greatest - least
    beyond = _BEYOND_KNOWN * spread
    expected = np.concatenate([front, np.clip(predicted, least - beyond, greatest + beyond)])
    leading = expected[non_dominated(expected)] if len(expected) else succeeded
    nadir = np.concatenate([front, leading]).max(axis=0)
    extent = nadir - leading.min(axis=0) if len(expected) else spread
    extent = np.where(extent > 0, extent, np.where(spread > 0, spread, 1.0))
    return np.asarray(nadir + _BEYOND_NADIR * extent)
