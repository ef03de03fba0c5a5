"""Choose a surrogate for each output: the one that predicted past evaluations best."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cuprolith.arrays import FloatArray
from training.optimization.observations import Observations
from training.optimization.surrogates import N_MODELS, SMOOTHING, Ensemble

_LAST_COUNTED = 4
_RECENT = 20
_CLEARLY = 2.25


def improving(observations: Observations, reference: FloatArray) -> np.ndarray:
    """(n,) which evaluations added hypervolume when they were made."""
    candidates = observations.feasible & (observations.objectives < reference).all(axis=1)
    rows = np.flatnonzero(candidates)
    objectives = observations.objectives[rows]
    for position, row in enumerate(rows):
        before = objectives[:position]
        candidates[row] = not (before <= objectives[position]).all(axis=1).any()
    return candidates


def past_predictions(predictions: Sequence[FloatArray | None], ensemble: Ensemble) -> FloatArray:
    """Collect the prediction of every model for every evaluation before it was known.

    This is the prediction of the proposal; where there is none, the leave-one-out prediction.

    Parameters
    ----------
    predictions
        (n,) predictions of each evaluation in the ensemble, (N_MODELS, n_outputs) or None.
    ensemble
        Fitted to the evaluations.

    Returns
    -------
    (n, N_MODELS, n_outputs)
    """
    shape = (N_MODELS, ensemble.n_outputs)
    expected = np.full((len(predictions), *shape), np.nan)
    for row, prediction in enumerate(predictions):
        if prediction is not None and np.shape(prediction) == shape:
            expected[row] = prediction
    # A model may need more points than there are, although it made predictions before.
    expected[:, ~ensemble.fitted] = np.nan
    unknown = np.isnan(expected).any(axis=2)
    for model in np.flatnonzero(unknown.any(axis=0)):
        rows = np.flatnonzero(unknown[:, model])
        expected[rows, model] = ensemble.leave_one_out(int(model), rows)
    return expected


def best_models(expected: FloatArray, values: FloatArray, counted: np.ndarray) -> np.ndarray:
    """Model (n_outputs,) with the least mean square error over the counted rows.

    Models that smooth are considered only if the best of them has a clearly smaller error than all
    interpolants over all rows: without noise they would win by chance.

    Parameters
    ----------
    expected
        (n, N_MODELS, n_outputs)
    values
        (n, n_outputs)
    counted
        (n,) which rows count; the last evaluations always do.
    """
    counted = counted.copy()
    counted[-_LAST_COUNTED:] = True
    squared = np.square(expected - values[:, None, :])
    squared = np.where(np.isfinite(squared), squared, np.inf)
    everywhere = squared.mean(axis=0)
    noisy = everywhere[SMOOTHING].min(axis=0) * _CLEARLY < everywhere[~SMOOTHING].min(axis=0)
    score = squared[counted].mean(axis=0)
    score[np.ix_(SMOOTHING, ~noisy)] = np.inf
    return np.asarray(score.argmin(axis=0))


def recent_errors(expected: FloatArray, values: FloatArray) -> FloatArray:
    """Median absolute error (n_outputs,) of the last predictions (n, n_outputs) of values."""
    errors = np.abs(expected - values)[-_RECENT:]
    return np.asarray(np.median(np.where(np.isfinite(errors), errors, 0.0), axis=0))
