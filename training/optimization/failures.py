"""Predict where evaluations fail, as one more constraint."""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import cdist
from scipy.special import logsumexp, softmax

from cuprolith.arrays import FloatArray

_POWER_PER_COLUMN = 2.0
_CORE = 1e-3  # closer than this, distances no longer count


class FailurePredictor:
    """Logarithm of the distance to successes over that to failures: allowed where at most 0.

    Distances are inverse-power means over all successes and all failures, which the nearest
    dominate. An interpolant of failure as 0 or 1 would overshoot between such steps.

    Parameters
    ----------
    points
        (n, d) in [-1, 1].
    failed
        (n,); some failed and some did not.
    """

    n_outputs = 1

    def __init__(self, points: FloatArray, failed: np.ndarray) -> None:
        self._groups = points[failed], points[~failed]
        self._power = _POWER_PER_COLUMN * points.shape[1]

    def predict(self, points: FloatArray) -> FloatArray:
        """(p, 1) at points (p, d)."""
        failure, success = (
            logsumexp(self._log_weights(cdist(points, group, "sqeuclidean")), axis=1)
            for group in self._groups
        )
        return np.asarray((failure - success) / self._power)[:, None]

    def predict_gradient(self, point: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Prediction (1,) at a point (d,) and its derivatives (1, d)."""
        failure, success = (self._closeness_gradient(point, group) for group in self._groups)
        return self.predict(point[None, :])[0], (failure - success)[None, :]

    def _log_weights(self, squares: FloatArray) -> FloatArray:
        return np.asarray(-self._power / 2 * np.log(squares + _CORE**2))

    def _closeness_gradient(self, point: FloatArray, group: FloatArray) -> FloatArray:
        away = point - group
        squares = np.einsum("ij,ij->i", away, away)
        shares = softmax(self._log_weights(squares))
        return np.asarray(-(shares / (squares + _CORE**2)) @ away)
