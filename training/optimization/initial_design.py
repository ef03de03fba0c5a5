"""The points that are evaluated before there is anything to learn from."""

from __future__ import annotations

import numpy as np
from scipy.stats import qmc

from cuprolith.arrays import FloatArray
from training.optimization.search_space import SearchSpace

_ATTEMPTS = 16


def initial_design(space: SearchSpace, n: int, seed: int) -> FloatArray:
    """Distinct admissible points (n, n_columns) that fill the space; fewer where it has fewer."""
    sampler = qmc.Halton(space.n_columns, rng=np.random.default_rng(seed))
    points = np.empty((0, space.n_columns))
    for _ in range(_ATTEMPTS):
        points = _distinct(np.concatenate([points, space.snap(sampler.random(n))]))
        if len(points) >= n:
            break
    return points[:n]


def _distinct(points: FloatArray) -> FloatArray:
    _, first = np.unique(points, axis=0, return_index=True)
    return points[np.sort(first)]
