"""Search for the points with most predicted hypervolume improvement."""

from __future__ import annotations

import numpy as np

from cuprolith.arrays import FloatArray
from training.optimization.candidates import candidate_points
from training.optimization.fitted_surrogates import FittedSurrogates, scaled, unscaled
from training.optimization.infill import VIOLATION_TOLERANCE, Infill
from training.optimization.local_search import refine
from training.optimization.search_space import SearchSpace
from training.optimization.seen_points import SeenPoints
from training.optimization.settings import SamoCobraSettings

# Of the hypervolume between the best of each objective and the reference point.
_LEAST_IMPROVEMENT = 1e-12
_STARTS_APART = 0.1
_N_STARTS = 5  # of the local search
_MAX_STEPS = 10
_GLOBAL_EVERY = 8
_POLISH_EVERY = 3
_SMALL = 0.01  # of the range of a single objective


class Search:
    """Propose points one after another, each as if those before it came out as predicted.

    Interpolants do not change when their own predictions are added, so all members of a batch
    share one fit: a member only joins the front. Each has its own candidates, around the front
    with the members before it, since a single set can miss the best region.

    Parameters
    ----------
    space
        Admissible points.
    fitted
        Surrogates and the front.
    seen
        Points not to propose; proposed points are added.
    settings
        Effort.
    rng
        Random numbers.
    n_before
        Number of points proposed before. Every eighth point uses the global predictor and ignores
        the prediction errors, since surrogates that are right near the front may keep the
        search away from where they are wrong.
        With a single objective, which has no front that leads out of a local minimum, two of three
        points explore where little improvement is predicted.
    """

    def __init__(
        self,
        space: SearchSpace,
        fitted: FittedSurrogates,
        seen: SeenPoints,
        settings: SamoCobraSettings,
        rng: np.random.Generator,
        n_before: int,
    ) -> None:
        self._space = space
        self._fitted = fitted
        self._seen = seen
        self._n_candidates = settings.n_candidates
        self._rng = rng
        self._front = fitted.front
        self._seeds = fitted.best
        self._seed_objectives = fitted.best_objectives
        self._pools = np.empty((0, space.n_columns))
        self._n_before = n_before
        self._ordered = ~space.categorical

    def add_predicted(self, points: FloatArray) -> None:
        """Count points (p, d) as evaluated, with their predictions as values."""
        if len(points) == 0:
            return
        objectives = self._fitted.predictor.predict(points)[:, : self._fitted.n_objectives]
        scaled_objectives = self._fitted.scales.objectives(objectives)
        self._front = np.concatenate([self._front, scaled_objectives])
        self._seeds = np.concatenate([self._seeds, unscaled(points)])
        self._seed_objectives = np.concatenate([self._seed_objectives, objectives])

    def next(self) -> FloatArray:
        """Propose the next point (d,).

        Raises
        ------
        SearchSpaceExhausted
            If every admissible point is evaluated or under way.
        """
        fitted = self._fitted
        self._n_before += 1
        everywhere = self._n_before % _GLOBAL_EVERY == 0
        self._predictor = fitted.global_predictor if everywhere else fitted.predictor
        prediction_errors = (
            np.zeros_like(fitted.prediction_errors) if everywhere else fitted.prediction_errors
        )
        infill = Infill(self._front, fitted.scales, fitted.margins, prediction_errors)
        self._candidates = np.concatenate([self._new_candidates(), self._pools])
        self._expected = self._predictor.predict(self._candidates)
        infill.shrink_margins(self._expected)
        pool = self._pool(infill)
        outputs = self._predictor.predict(pool)
        merit, violation = _merit_and_violation(infill, outputs)
        free = np.flatnonzero(~self._seen.near(pool))
        if len(free) == 0:
            point = self._seen.any_free(self._rng)
        else:
            best = free[np.lexsort((-merit[free], violation[free]))[0]]
            point = pool[best]
            small = infill.improvement(outputs[best]) < self._least_improvement()
            if violation[best] == 0 and small:
                point = self._unexplored(infill, point)
            self._seen.add(point)
        self._pools = np.concatenate([self._pools, pool])
        self.add_predicted(point[None, :])
        return point

    def _least_improvement(self) -> float:
        """Least predicted improvement, in scaled units, for which a point is evaluated."""
        if self._fitted.n_objectives > 1 or self._n_before % _POLISH_EVERY == 0:
            return _LEAST_IMPROVEMENT
        return max(_LEAST_IMPROVEMENT, _SMALL * float(self._fitted.ranges[0]))

    def _new_candidates(self) -> FloatArray:
        """Draw free candidates around the expected front."""
        n = self._n_candidates
        columns = candidate_points(self._space, self._seeds, self._seed_objectives, n, self._rng)
        return self._free(scaled(columns))

    def _pool(self, infill: Infill) -> FloatArray:
        """Return the best candidates, and the points to which local search leads from them."""
        if len(self._candidates) == 0:
            return self._candidates
        merit, violation = _merit_and_violation(infill, self._expected)
        starts = self._candidates[self._starts(merit, violation)]
        return np.concatenate([[self._refined(start, infill) for start in starts], starts])

    def _starts(self, merit: FloatArray, violation: FloatArray) -> list[int]:
        """Pick the best candidates that are not close to each other."""
        chosen: list[int] = []
        for i in np.lexsort((-merit, violation))[: 40 * _N_STARTS]:
            apart = np.abs(self._candidates[chosen] - self._candidates[i]).max(axis=1, initial=0.0)
            if not chosen or apart.min() > _STARTS_APART:
                chosen.append(int(i))
            if len(chosen) == _N_STARTS:
                break
        return chosen

    def _refined(self, start: FloatArray, infill: Infill) -> FloatArray:
        predictor, continuous = self._predictor, self._space.continuous
        point = refine(start, self._ordered, predictor, infill) if self._ordered.any() else start
        if continuous.all():
            return point
        point = self._stepped(scaled(self._space.snap(unscaled(point)[None, :]))[0], infill)
        return refine(point, continuous, predictor, infill) if continuous.any() else point

    def _stepped(self, point: FloatArray, infill: Infill) -> FloatArray:
        """Return the best free point within a few discrete steps."""
        for _ in range(_MAX_STEPS):
            beside = scaled(self._space.neighbours(unscaled(point)))
            options = np.concatenate([point[None, :], beside])
            merit, violation = _merit_and_violation(infill, self._predictor.predict(options))
            best = np.lexsort((-merit, violation, self._seen.near(options)))[0]
            if best == 0:
                break
            point = options[best]
        return point

    def _unexplored(self, infill: Infill, fallback: FloatArray) -> FloatArray:
        """Pick the candidate farthest from all known points, of those predicted feasible.

        With a single objective, a candidate with a lower prediction may be closer.
        """
        feasible = infill.violation(self._expected) <= VIOLATION_TOLERANCE
        if not feasible.any():
            return fallback
        candidates = self._candidates[feasible]
        merit = self._seen.squared_distance(candidates)
        if self._fitted.n_objectives == 1 and merit.max() > 0:
            objective = self._expected[feasible, 0] / self._fitted.scales.objective[0]
            merit = np.sqrt(merit / merit.max()) - objective / self._fitted.ranges[0]
        return np.asarray(candidates[merit.argmax()])

    def _free(self, points: FloatArray) -> FloatArray:
        if self._space.continuous.all():
            return points
        points = np.unique(points, axis=0)
        return np.asarray(points[~self._seen.near(points)])


def _merit_and_violation(infill: Infill, outputs: FloatArray) -> tuple[FloatArray, FloatArray]:
    violation = infill.violation(outputs)
    violation[violation < VIOLATION_TOLERANCE] = 0.0
    return infill.merit(outputs), violation
