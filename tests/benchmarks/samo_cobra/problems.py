"""The 17 problems on which SAMO-COBRA was published, with the hypervolumes published for them.

R. de Winter, B. van Stein, T. Bäck, "SAMO-COBRA: A Fast Surrogate Assisted Constrained
Multi-objective Optimization Algorithm", EMO 2021. Bounds, reference points and results (means of
10 runs) are those of the authors' repository, RoydeZomer/SAMO-COBRA.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from . import formulas

Evaluate = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]

PUBLISHED_COLUMNS = ("SAMO-COBRA PHV", "SAMO-COBRA SMS", "CEGO", "IC-SA-NSGA-II", "NSGA-II")


@dataclass(frozen=True)
class Problem:
    """One problem: ``evaluate`` maps designs (n, d) to objectives (n, m) and constraints (n, c).

    All objectives are minimised; feasible is where every constraint is at most 0. ``published``
    holds mean hypervolumes after ``budget`` evaluations by algorithm (NSGA-II: the best of four
    population sizes), ``published_sd`` the standard deviation of the first. ``evaluations`` takes
    the place of the published budget, 40 for each variable.
    """

    name: str
    evaluate: Evaluate
    lower: np.ndarray
    upper: np.ndarray
    reference_point: np.ndarray
    published: dict[str, float]
    published_sd: float | None
    evaluations: int | None = None

    @property
    def n_variables(self) -> int:
        return len(self.lower)

    @property
    def n_objectives(self) -> int:
        return len(self.reference_point)

    @property
    def n_constraints(self) -> int:
        return self.evaluate(self.lower[None])[1].shape[1]

    @property
    def budget(self) -> int:
        return self.evaluations or 40 * self.n_variables

    def from_unit(self, columns: np.ndarray) -> np.ndarray:
        """Designs of points in the unit cube."""
        return self.lower + columns * (self.upper - self.lower)


def _problem(
    evaluate: Evaluate,
    lower: Sequence[float],
    upper: Sequence[float],
    reference_point: Sequence[float],
) -> Problem:
    name = evaluate.__name__.upper()
    mean, sd, *others = _PUBLISHED[name]
    known = zip(PUBLISHED_COLUMNS, (mean, *others), strict=True)
    return Problem(
        name=name,
        evaluate=evaluate,
        lower=np.array(lower, dtype=float),
        upper=np.array(upper, dtype=float),
        reference_point=np.array(reference_point, dtype=float),
        published={column: value for column, value in known if value is not None},
        published_sd=sd,
    )


# The first algorithm's mean and standard deviation, then the means of the others.
_PUBLISHED: dict[str, tuple[float, float | None, float, float | None, float, float]] = {
    "BNH": (5256.0, 0.5, 5251.0, 5218.1, 5154.6, 5089.7),
    "CEXP": (3.7968, 0.0034, 3.7968, 3.7658, 3.7072, 3.1545),
    "SRN": (62386, 15, 62377, 62308, 61074, 54234),
    "TNK": (8.0431, 0.007, 8.0474, 8.0310, 8.0033, 6.428),
    "CTP1": (1.3026, 0.0002, 1.3023, 1.2972, 1.2941, 1.1929),
    "C3DTLZ4": (6.302, 0.136, 6.470, 6.266, 6.633, 5.249),
    "OSY": (100577, 20, 100458, 100181, 96978, 46632),
    "TBTD": (4029, 30, 4027, 4055, 4026, 3421),
    "NBP": (1.07846e8, None, 1.07845e8, 1.07844e8, 1.0740e8, 9.857e7),
    "DBD": (228.77, 0.09, 228.34, 227.85, 227.25, 218.48),
    "SPD": (3.8859e10, None, 3.760e10, 3.406e10, 3.696e10, 2.607e10),
    "SRD": (4205170, 539, 4164990, 4148330, 4200148, 2766370),
    "WB": (34.39, 0.14, 34.39, 34.52, 34.618, 34.03),
    "TRICOP": (20610.2, None, 20610.5, 20608.7, 20568, 20101),
    "CSI": (27.80, 0.04, 25.17, None, 25.605, 17.30),
    "BICOP1": (80.664, None, 78.16, None, 80.618, 67.65),
    "BICOP2": (4834.3, 7, 4822.1, None, 4826.7, 4816.1),
}

# The highest hypervolumes known: in closed form for C3DTLZ4, TBTD and both BICOP (see the tests),
# else by `attainable.py`. They scale the convergence figure.
ATTAINABLE = {
    "BNH": 5285.2,
    "CEXP": 3.8195,
    "SRN": 62740,
    "TNK": 8.0583,
    "CTP1": 1.3063,
    "C3DTLZ4": 6.7857,
    "OSY": 100624,
    "TBTD": 4139.1,
    "NBP": 1.07854e8,
    "DBD": 228.91,
    "SPD": 3.9178e10,
    "SRD": 4208000,
    "WB": 34.638,
    "TRICOP": 20613.6,
    "CSI": 28.067,
    "BICOP1": 80.6667,
    "BICOP2": 4885.3,
}

_CSI_LOWER = [0.5, 0.45, 0.5, 0.5, 0.875, 0.4, 0.4]
_SPD_LOWER, _SPD_UPPER = [150, 25, 12, 8, 14, 0.63], [274.32, 32.31, 22, 11.71, 18, 0.75]
_SRD_LOWER, _SRD_UPPER = [2.6, 0.7, 17, 7.3, 7.3, 2.9, 5], [3.6, 0.8, 28, 8.3, 8.3, 3.9, 5.5]

_ALL = [
    _problem(formulas.bnh, [0, 0], [5, 3], [140, 50]),
    _problem(formulas.cexp, [0.1, 0], [1, 5], [1, 9]),
    _problem(formulas.srn, [-20, -20], [20, 20], [301, 72]),
    _problem(formulas.tnk, [1e-5] * 2, [np.pi] * 2, [3, 3]),
    _problem(formulas.ctp1, [0, 0], [1, 1], [1, 2]),
    _problem(formulas.c3dtlz4, [0] * 6, [1] * 6, [3, 3]),
    _problem(formulas.osy, [0, 0, 1, 0, 1, 0], [10, 10, 5, 6, 5, 10], [0, 386]),
    _problem(formulas.tbtd, [1, 0.0005, 0.0005], [3, 0.05, 0.05], [0.1, 50000]),
    _problem(formulas.nbp, [20, 10], [250, 50], [11150, 12500]),
    _problem(formulas.dbd, [55, 75, 500, 2], [80, 110, 3000, 20], [5, 50]),
    _problem(formulas.spd, _SPD_LOWER, _SPD_UPPER, [16, 19000, -260000]),
    _problem(formulas.srd, _SRD_LOWER, _SRD_UPPER, [7000, 1700]),
    _problem(formulas.wb, [0.125, 0.1, 0.1, 0.125], [5, 10, 10, 5], [350, 0.1]),
    _problem(formulas.tricop, [-4, -4], [4, 4], [34, -4, 90]),
    _problem(formulas.csi, _CSI_LOWER, [3 * low for low in _CSI_LOWER], [42, 4.5, 13]),
    _problem(formulas.bicop1, [0] * 10, [1] * 10, [9, 9]),
    _problem(formulas.bicop2, [0] * 10, [1] * 10, [70, 70]),
]
PROBLEMS = {problem.name: problem for problem in _ALL}
