"""The initial design, and the candidate points from which the local search starts."""

from __future__ import annotations

import numpy as np
from scipy.stats import qmc

from cuprolith.arrays import FloatArray
from training.optimization.search_space import SearchSpace

_ATTEMPTS = 16  # draws of the initial design

_LEAST_STEP, _GREATEST_STEP = 1e-3, 0.5
_BEYOND = 0.5


def initial_design(space: SearchSpace, n: int, seed: int) -> FloatArray:
    """Return n distinct admissible points (n, n_columns) that fill the space, or all if fewer."""
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


def candidate_points(
    space: SearchSpace, seeds: FloatArray, order: FloatArray, n: int, rng: np.random.Generator
) -> FloatArray:
    """Draw admissible points: anywhere, near the seeds, and on lines between neighbouring seeds.

    Parameters
    ----------
    space
        Columns between 0 and 1.
    seeds
        (s, n_columns) the best points so far.
    order
        (s, m) objectives of the seeds: neighbours are next to each other in one of them.
    n
        Number of points of each kind.
    rng
        Random numbers.

    Returns
    -------
    (up to 3 n, n_columns)
    """
    points = [rng.random((n, space.n_columns)), seeds]
    if len(seeds):
        points.append(_near(seeds, n, rng))
    if len(seeds) > 1:
        points.append(_between(seeds, order, n, rng))
    return np.asarray(space.snap(np.clip(np.concatenate(points), 0.0, 1.0)))


def _near(seeds: FloatArray, n: int, rng: np.random.Generator) -> FloatArray:
    d = seeds.shape[1]
    steps = np.exp(rng.uniform(np.log(_LEAST_STEP), np.log(_GREATEST_STEP), (n, 1)))
    share = rng.uniform(1.0 / d, 1.0, (n, 1))
    moved = rng.random((n, d)) < share
    return seeds[rng.integers(len(seeds), size=n)] + rng.normal(size=(n, d)) * steps * moved


def _between(seeds: FloatArray, order: FloatArray, n: int, rng: np.random.Generator) -> FloatArray:
    ranks = np.argsort(order, axis=0)
    objective = rng.integers(order.shape[1], size=n)
    left = rng.integers(len(seeds) - 1, size=n)
    first, second = seeds[ranks[left, objective]], seeds[ranks[left + 1, objective]]
    along = rng.uniform(-_BEYOND, 1.0 + _BEYOND, (n, 1))
    return first + along * (second - first)
