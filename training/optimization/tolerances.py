"""How far inside the predicted feasible region each constraint keeps proposals."""

from __future__ import annotations

import numpy as np

from cuprolith.arrays import FloatArray

_INITIAL = 0.04
_GREATEST = 0.5
_SHRINK = 0.9
_GROW = 1.2
_LONGEST_STREAK = 3


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
    tolerance = np.full(constraints.shape[1], _INITIAL)
    streak = np.zeros(constraints.shape[1])
    for row in constraints[n_initial:]:
        known = np.isfinite(row)
        streak = np.where(known & (row > 0), np.minimum(streak + 1, _LONGEST_STREAK), streak)
        streak[known & (row <= 0)] = 0
        factor = np.where(streak > 0, _GROW**streak, _SHRINK)
        tolerance = np.minimum(np.where(known, factor, 1.0) * tolerance, _GREATEST)
    return np.square(tolerance)
