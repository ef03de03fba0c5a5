"""A problem as pymoo takes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from .problems import Problem

if TYPE_CHECKING:
    from pymoo.core.problem import Problem as PymooProblem


def pymoo_problem(
    problem: Problem, evaluate: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
) -> PymooProblem:
    """Return pymoo's form of a problem whose designs go through ``evaluate``."""
    from pymoo.core.problem import Problem as PymooProblem

    class Evaluated(PymooProblem):
        def _evaluate(self, x: np.ndarray, out: dict, *args: object, **kwargs: object) -> None:
            out["F"], out["G"] = evaluate(x)

    return Evaluated(
        n_var=problem.n_variables,
        n_obj=problem.n_objectives,
        n_ieq_constr=problem.n_constraints,
        xl=problem.lower,
        xu=problem.upper,
    )
