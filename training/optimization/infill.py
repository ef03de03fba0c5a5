"""Merit of points: predicted hypervolume improvement within constraints."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cuprolith.arrays import FloatArray
from training.optimization.boxes import ImprovementBoxes

VIOLATION_TOLERANCE = 1e-6
"""Scaled violation that counts as none."""

_FIRST_TOLERANCE = 0.04
_LARGEST_TOLERANCE = 0.5
_SHRINK = 0.9
_GROW = 1.2
_MAX_STREAK = 3


@dataclass(frozen=True)
class Scales:
    """Units in which objectives and constraints are compared.

    Attributes
    ----------
    reference, objective
        (n_objectives,) reference point, and the spread of the objectives below it.
    constraint
        (n_constraints,) range of each constraint.
    """

    reference: FloatArray
    objective: FloatArray
    constraint: FloatArray

    def objectives(self, values: FloatArray) -> FloatArray:
        """Objectives (..., n_objectives) relative to the reference point, which becomes 0."""
        return (values - self.reference) / self.objective


class Infill:
    """Merit and constraints of predicted outputs, in scaled units.

    Parameters
    ----------
    front
        (n, n_objectives) scaled objectives, evaluated or predicted.
    scales
        Units.
    margins
        (n_constraints,) how far below 0 scaled constraints must stay.
    prediction_errors
        (n_objectives,) added to the predicted objectives: smaller improvements do not count.
    """

    def __init__(
        self, front: FloatArray, scales: Scales, margins: FloatArray, prediction_errors: FloatArray
    ) -> None:
        self.boxes = ImprovementBoxes(front, np.zeros(len(scales.reference)))
        self.scales = scales
        self.margins = margins
        self._prediction_errors = prediction_errors
        self._m = len(scales.reference)

    def merit(self, outputs: FloatArray) -> FloatArray:
        """Hypervolume improvement (p,) of outputs (p, n_outputs), or minus the distance to any."""
        objectives = self.scales.objectives(outputs[:, : self._m]) + self._prediction_errors
        improvement = self.boxes.improvement(objectives)
        none = improvement <= 0
        if none.any():
            improvement[none] = -self.boxes.distance(objectives[none])
        return improvement

    def improvement(self, outputs: FloatArray) -> float:
        """Hypervolume improvement of outputs (n_outputs,) as predicted."""
        return float(self.boxes.improvement(self.scales.objectives(outputs[None, : self._m]))[0])

    def merit_gradient(self, outputs: FloatArray, jacobian: FloatArray) -> tuple[float, FloatArray]:
        """Merit of outputs (n_outputs,), its derivative (d,) from their (n_outputs, d)."""
        objectives = self.scales.objectives(outputs[: self._m]) + self._prediction_errors
        merit, slope = self.boxes.improvement_gradient(objectives)
        if merit <= 0:
            distance, uphill = self.boxes.distance_gradient(objectives)
            merit, slope = -distance, -uphill
        return merit, (slope / self.scales.objective) @ jacobian[: self._m]

    def constraints(self, outputs: FloatArray) -> FloatArray:
        """Scaled constraints (..., n_constraints) plus margins: kept where at most 0."""
        return outputs[..., self._m :] / self.scales.constraint + self.margins

    def shrink_margins(self, outputs: FloatArray) -> None:
        """Shrink the margins until one of the outputs (p, n_outputs) keeps them, if any can."""
        while self.margins.any() and not (self.violation(outputs) == 0).any():
            margins = self.margins / 4.0
            self.margins = np.where(margins > VIOLATION_TOLERANCE, margins, 0.0)

    def violation(self, outputs: FloatArray) -> FloatArray:
        """Sum (p,) of scaled violations."""
        return np.asarray(np.maximum(self.constraints(outputs), 0.0).sum(axis=-1))


def constraint_margins(constraints: FloatArray, n_initial: int) -> FloatArray:
    """Margins ε² (n_constraints,), in units of each constraint's range, after a history.

    Each evaluation after the initial design that keeps a constraint shrinks its ε by a tenth, the
    k-th in a row that breaks it lets ε grow by 1.2 to the power k, at most 3. De Winter et al.
    (2021) grow by 1.1 always, up to 0.08: where the surrogates err to the same side again and
    again, nearly every evaluation is then infeasible.

    Parameters
    ----------
    constraints
        (n, n_constraints) in order of evaluation; what is not a number changes nothing.
    n_initial
        Evaluations of the initial design.
    """
    tolerance = np.full(constraints.shape[1], _FIRST_TOLERANCE)
    streak = np.zeros(constraints.shape[1])
    for row in constraints[n_initial:]:
        known = np.isfinite(row)
        streak = np.where(known & (row > 0), np.minimum(streak + 1, _MAX_STREAK), streak)
        streak[known & (row <= 0)] = 0
        factor = np.where(streak > 0, _GROW**streak, _SHRINK)
        tolerance = np.minimum(np.where(known, factor, 1.0) * tolerance, _LARGEST_TOLERANCE)
    return np.square(tolerance)
