"""Simple problems with one objective and no constraint.

Their hypervolume is the reference value minus the best value.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from .problems import Problem


def _problem(
    function: Callable[[np.ndarray], np.ndarray],
    lower: Sequence[float],
    upper: Sequence[float],
    reference: float,
) -> Problem:
    def evaluate(designs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return function(designs)[:, None], np.empty((len(designs), 0))

    return Problem(
        name=function.__name__.upper(),
        evaluate=evaluate,
        lower=np.array(lower, dtype=float),
        upper=np.array(upper, dtype=float),
        reference_point=np.array([reference], dtype=float),
        published={},
        published_sd=None,
    )


def sine(x: np.ndarray) -> np.ndarray:
    """Sine on a parabola: five minima."""
    return np.sin(3 * x[:, 0]) + 0.1 * x[:, 0] ** 2


def parabola(x: np.ndarray) -> np.ndarray:
    """One minimum, at 0.3."""
    return (x[:, 0] - 0.3) ** 2


def kink(x: np.ndarray) -> np.ndarray:
    """One minimum, where no derivative exists."""
    return np.abs(x[:, 0] - 0.7)


def forrester(x: np.ndarray) -> np.ndarray:
    """Forrester, Sobester & Keane 2008: two minima."""
    return (6 * x[:, 0] - 2) ** 2 * np.sin(12 * x[:, 0] - 4)


def gramacy(x: np.ndarray) -> np.ndarray:
    """Gramacy & Lee 2012: ten minima, each narrow."""
    return np.sin(10 * np.pi * x[:, 0]) / (2 * x[:, 0]) + (x[:, 0] - 1) ** 4


def ackley(x: np.ndarray) -> np.ndarray:
    """Ackley 1987, its minimum moved to 1.3: one minimum per unit."""
    away = x[:, 0] - 1.3
    waves = np.exp(np.cos(2 * np.pi * away))
    return -20 * np.exp(-0.2 * np.abs(away)) - waves + 20 + np.e


def branin(x: np.ndarray) -> np.ndarray:
    """Branin 1972: three minima, equally deep."""
    a, b = x.T
    bowl = (b - 5.1 / (4 * np.pi**2) * a**2 + 5 / np.pi * a - 6) ** 2
    return bowl + 10 * (1 - 1 / (8 * np.pi)) * np.cos(a) + 10


def rosenbrock(x: np.ndarray) -> np.ndarray:
    """Rosenbrock 1960: a bent valley."""
    valley = 100 * (x[:, 1:] - x[:, :-1] ** 2) ** 2 + (1 - x[:, :-1]) ** 2
    return valley.sum(axis=1)


_FUNCTIONS = [
    (sine, [-5], [5], 4),
    (parabola, [-1], [2], 4),
    (kink, [-3], [3], 4),
    (forrester, [0], [1], 20),
    (gramacy, [0.5], [2.5], 6),
    (ackley, [-8], [10], 22),
    (branin, [-5, 0], [10, 15], 310),
    (rosenbrock, [-2] * 3, [2] * 3, 8000),
]
SINGLE = {problem.name: problem for problem in (_problem(*one) for one in _FUNCTIONS)}
DESCRIPTIONS = {one[0].__name__.upper(): str(one[0].__doc__) for one in _FUNCTIONS}
