"""What is unknown: outputs too little is known of, and constraints that some evaluations lack."""

from __future__ import annotations

import numpy as np

from training.optimization.boxes import Floats
from training.optimization.observations import Observations

_LEAST_ROWS = 2


def suffices(observations: Observations) -> bool:
    """Whether there is enough to fit a surrogate of every objective."""
    return _enough(observations.columns[observations.succeeded])


def learnable_outputs(observations: Observations) -> np.ndarray:
    """Positions of the objectives, and of the constraints with enough values for a surrogate."""
    n_objectives = observations.objectives.shape[1]
    known = np.isfinite(observations.constraints).T
    constraints = [
        n_objectives + position
        for position, rows in enumerate(known)
        if _enough(observations.columns[rows])
    ]
    return np.array([*range(n_objectives), *constraints])


def supposing(observations: Observations, learnable: np.ndarray, predicted: Floats) -> Observations:
    """Observations whose unknown constraints are as predicted, or kept where nothing predicts them.

    Parameters
    ----------
    learnable
        (n_learnable,) positions of the outputs that have a surrogate.
    predicted
        (n, n_learnable - n_objectives) what those of the constraints predict.
    """
    constraints = np.full(observations.constraints.shape, -np.inf)
    n_objectives = observations.objectives.shape[1]
    constraints[:, learnable[n_objectives:] - n_objectives] = predicted
    return observations.supposing(constraints)


def _enough(columns: Floats) -> bool:
    return len(np.unique(columns, axis=0)) >= _LEAST_ROWS
