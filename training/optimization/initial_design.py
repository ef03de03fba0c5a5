"""The points that are evaluated before there is anything to learn from."""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy.stats import qmc

from training.optimization.boxes import Floats
from training.optimization.search_space import SearchSpace

InitialDesign = Literal["halton", "lhs"]
_ATTEMPTS = 16


def initial_design(space: SearchSpace, n: int, design: InitialDesign, seed: int) -> Floats:
    """Distinct admissible points (n, n_columns) that fill the space; fewer where it has fewer."""
    generator = np.random.default_rng(seed)
    sampler = (
        qmc.Halton(space.n_columns, rng=generator)
        if design == "halton"
        else qmc.LatinHypercube(space.n_columns, rng=generator)
    )
    points = np.empty((0, space.n_columns))
    for _ in range(_ATTEMPTS):
        points = _distinct(np.concatenate([points, space.snap(sampler.random(n))]))
        if len(points) >= n:
            break
    return points[:n]


def _distinct(points: Floats) -> Floats:
    _, first = np.unique(points, axis=0, return_index=True)
    return points[np.sort(first)]
