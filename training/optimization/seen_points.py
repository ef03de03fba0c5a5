"""Points that are evaluated or under way."""

from __future__ import annotations

from itertools import chain

import numpy as np
from scipy.spatial.distance import cdist

from cuprolith.arrays import FloatArray
from training.optimization.fitted_surrogates import scaled, unscaled
from training.optimization.search_space import SearchSpace

_APART_PER_COLUMN = 1e-4
_ROUNDING = 1e-9
_DRAWN = 1000


class SearchSpaceExhausted(RuntimeError):  # noqa: N818 - an end, as StopIteration
    """Every admissible point of the search space has been evaluated or is under way."""


class SeenPoints:
    """Points (n, d) in [-1, 1] that must not be proposed again, nor any point close to them.

    Close means a distance below 1e-4 times the number of columns (de Winter et al. 2021); in a
    space without a continuous column only the points themselves are excluded.
    """

    def __init__(self, space: SearchSpace, points: FloatArray) -> None:
        self._space = space
        self._points = np.unique(points, axis=0)
        apart = _APART_PER_COLUMN * space.n_columns if space.continuous.any() else _ROUNDING
        self._least_square = apart**2

    def add(self, point: FloatArray) -> None:
        """Add a point (d,)."""
        self._points = np.concatenate([self._points, point[None, :]])

    def near(self, points: FloatArray) -> np.ndarray:
        """(p,) which of (p, d) are seen, or close to a seen point."""
        return self.squared_distance(points) < self._least_square

    def squared_distance(self, points: FloatArray) -> FloatArray:
        """(p,) squared distance of (p, d) to the nearest seen point."""
        if len(self._points) == 0:
            return np.full(len(points), np.inf)
        return np.asarray(cdist(points, self._points, "sqeuclidean").min(axis=1))

    def any_free(self, rng: np.random.Generator) -> FloatArray:
        """Add and return an admissible point (d,) that is free.

        Raises
        ------
        SearchSpaceExhausted
            If there is none.
        """
        drawn = scaled(self._space.snap(rng.random((_DRAWN, self._space.n_columns))))
        # Single steps connect all points: if one is free, then also a neighbour of a seen point.
        neighbours = (scaled(self._space.neighbours(unscaled(point))) for point in self._points)
        for points in chain([drawn], neighbours):
            free = points[~self.near(points)]
            if len(free):
                self.add(free[0])
                return np.asarray(free[0])
        raise SearchSpaceExhausted(
            f"all {self._space.n_points} points of the search space over "
            f"{', '.join(self._space.names)} are evaluated or under way: stop, or widen it"
        )
