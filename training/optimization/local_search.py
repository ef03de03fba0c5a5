"""Local search of the surrogates with their analytic gradients."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize

from cuprolith.arrays import FloatArray
from training.optimization.infill import Infill
from training.optimization.surrogates import OutputPredictor

_MAX_ITERATIONS = 30
_TOLERANCE = 1e-6  # of the merit at the start


def refine(
    start: FloatArray, free: np.ndarray, predictor: OutputPredictor, infill: Infill
) -> FloatArray:
    """Return a point (d,) near a start with more merit within the predicted constraints (SLSQP).

    Parameters
    ----------
    start
        (d,) in [-1, 1].
    free
        (d,) which columns may move.
    """
    problem = _Problem(start, free, predictor, infill)
    constraints = (
        [{"type": "ineq", "fun": problem.slack, "jac": problem.slack_jacobian}]
        if predictor.n_outputs > len(infill.scales.reference)
        else []
    )
    result = minimize(
        problem.loss,
        start[free],
        jac=problem.loss_gradient,
        bounds=[(-1.0, 1.0)] * int(free.sum()),
        constraints=constraints,
        method="SLSQP",
        options={"maxiter": _MAX_ITERATIONS, "ftol": _TOLERANCE},
    )
    if not np.isfinite(result.x).all():
        return start
    return problem.point(np.clip(result.x, -1.0, 1.0))


class _Problem:
    """Loss and constraints at a point, from one prediction."""

    def __init__(
        self, start: FloatArray, free: np.ndarray, predictor: OutputPredictor, infill: Infill
    ) -> None:
        self._start = start
        self._free = free
        self._predictor = predictor
        self._infill = infill
        self._at: bytes | None = None
        merit, _ = infill.merit_gradient(*predictor.predict_gradient(start))
        self._unit = abs(merit) if merit != 0 else 1.0

    def point(self, variables: FloatArray) -> FloatArray:
        point = self._start.copy()
        point[self._free] = variables
        return point

    def loss(self, variables: FloatArray) -> float:
        self._update(variables)
        return -self._merit / self._unit

    def loss_gradient(self, variables: FloatArray) -> FloatArray:
        self._update(variables)
        return -self._merit_gradient[self._free] / self._unit

    def slack(self, variables: FloatArray) -> FloatArray:
        self._update(variables)
        return -self._infill.constraints(self._outputs)

    def slack_jacobian(self, variables: FloatArray) -> FloatArray:
        self._update(variables)
        m = len(self._infill.scales.reference)
        scale = self._infill.scales.constraint[:, None]
        return -self._jacobian[m:, self._free] / scale

    def _update(self, variables: FloatArray) -> None:
        key = variables.tobytes()
        if key == self._at:
            return
        self._at = key
        self._outputs, self._jacobian = self._predictor.predict_gradient(self.point(variables))
        self._merit, self._merit_gradient = self._infill.merit_gradient(
            self._outputs, self._jacobian
        )
