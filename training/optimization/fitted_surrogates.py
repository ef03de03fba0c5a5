"""Fit surrogates to the observations, and derive units, margins and the front."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from cuprolith.arrays import FloatArray
from training.optimization.candidates import candidate_points
from training.optimization.failures import FailurePredictor
from training.optimization.infill import Scales, constraint_margins
from training.optimization.observations import Observations
from training.optimization.reference import reference_point
from training.optimization.search_space import SearchSpace
from training.optimization.selection import best_models, improving, past_predictions, recent_errors
from training.optimization.settings import SamoCobraSettings
from training.optimization.surrogates import (
    N_MODELS,
    Ensemble,
    JointPredictor,
    OutputPredictor,
)

_N_LEAST_VIOLATING = 5


def scaled(columns: FloatArray) -> FloatArray:
    """Columns between 0 and 1 as the surrogates see them, between -1 and 1."""
    return 2.0 * columns - 1.0


def unscaled(points: FloatArray) -> FloatArray:
    """Undo `scaled`."""
    return (points + 1.0) / 2.0


@dataclass(frozen=True)
class FittedSurrogates:
    """Surrogates fitted to the observations, and all else that a proposal depends on.

    Attributes
    ----------
    predictor
        The surrogate of every objective, every constraint and, where any evaluation failed, of
        failure, as one more constraint: those that predicted best where the front grew.
    global_predictor
        The same outputs by the surrogates that predicted best everywhere.
    ensembles
        All surrogates, with the positions of their outputs among all outputs.
    n_outputs
        Number of outputs, with those constraints that have too few known values for a surrogate.
    scales, margins
        Units, and how far inside its limit each constraint is kept.
    prediction_errors
        (n_objectives,) recent errors, scaled: smaller improvements do not count.
    ranges
        (n_objectives,) scaled ranges of all that succeeded; 1 where nothing varies.
    front
        (n, n_objectives) scaled objectives of the feasible front.
    best, best_objectives
        Columns (s, n_columns) and objectives of the front, or of the least violating points where
        nothing is feasible.
    """

    predictor: JointPredictor
    global_predictor: JointPredictor
    ensembles: list[tuple[Ensemble, np.ndarray]]
    n_outputs: int
    scales: Scales
    margins: FloatArray
    prediction_errors: FloatArray
    ranges: FloatArray
    front: FloatArray
    best: FloatArray
    best_objectives: FloatArray

    @property
    def n_objectives(self) -> int:
        """Number of objectives."""
        return len(self.scales.reference)

    def predict_by_every_model(self, points: FloatArray) -> list[FloatArray | None]:
        """Predict points (p, d) by every model: (N_MODELS, n_outputs) for each."""
        expected = np.full((len(points), N_MODELS, self.n_outputs), np.nan)
        for ensemble, outputs in self.ensembles:
            expected[:, :, outputs] = ensemble.predict(points)
        return list(expected)


@lru_cache(maxsize=1)  # a batch that is asked for point by point has the same observations
def fit_surrogates(
    observations: Observations, space: SearchSpace, settings: SamoCobraSettings, n_initial: int
) -> FittedSurrogates:
    """Fit and choose surrogates; there must be sufficient observations.

    An unknown constraint counts as its surrogate predicts it, and as kept where there are too few
    values to fit one: earlier evaluations stay on the front when a constraint appears, unless they
    are likely to break it.
    """
    n_objectives = observations.objectives.shape[1]
    constraints = observations.learnable_constraints
    learnable = np.concatenate([np.arange(n_objectives), n_objectives + constraints])
    given = settings.reference_point
    limit = np.full(n_objectives, np.inf) if given is None else np.asarray(given, dtype=float)
    counted = improving(observations.with_unknown_constraints(-np.inf), limit)
    chosen = _fitted(observations, learnable, counted)

    limits = observations.constraints[:, constraints]
    margins, units = constraint_margins(limits, n_initial), _ranges(limits)
    assumed = observations
    if np.isnan(observations.constraints).any():
        predicted = JointPredictor(chosen.parts).predict(scaled(observations.columns))
        values = np.full(observations.constraints.shape, -np.inf)
        values[:, constraints] = predicted[:, n_objectives:] + margins * units
        assumed = observations.with_unknown_constraints(values)
    failed = ~observations.succeeded | np.isposinf(observations.constraints).any(axis=1)
    if failed.any() and not failed.all():
        failure = FailurePredictor(scaled(observations.columns), failed)
        last = np.array([len(chosen.errors)])
        chosen.parts.append((failure, last))
        chosen.global_parts.append((failure, last))
        outcomes = np.where(failed, 1.0, -1.0)[:, None]
        margins = np.append(margins, constraint_margins(outcomes, n_initial))
        units = np.append(units, 1.0)
    rows = _best_rows(assumed, _ranges(observations.constraints))
    best, best_objectives = observations.columns[rows], observations.objectives[rows]
    front = observations.objectives[assumed.front]
    succeeded = observations.objectives[observations.succeeded]
    predictor = JointPredictor(chosen.parts)
    reference = limit
    if given is None:
        # Always the same candidates: proposals depend only on the observations.
        rng = np.random.default_rng(0)
        points = candidate_points(space, best, best_objectives, settings.n_candidates, rng)
        outputs = predictor.predict(scaled(points))
        feasible = (outputs[:, n_objectives:] <= 0).all(axis=1)
        reference = reference_point(front, succeeded, outputs[feasible, :n_objectives])
    scales = Scales(reference, _spread(assumed, reference), units)
    return FittedSurrogates(
        predictor,
        JointPredictor(chosen.global_parts),
        chosen.ensembles,
        n_objectives + observations.constraints.shape[1],
        scales,
        margins,
        chosen.errors[:n_objectives] / scales.objective,
        _ranges(succeeded / scales.objective),
        scales.objectives(front),
        best,
        best_objectives,
    )


@dataclass
class _Choice:
    """The surrogates chosen for all outputs, and their recent errors (n_outputs,)."""

    errors: FloatArray
    ensembles: list[tuple[Ensemble, np.ndarray]] = field(default_factory=list)
    parts: list[tuple[OutputPredictor, np.ndarray]] = field(default_factory=list)
    global_parts: list[tuple[OutputPredictor, np.ndarray]] = field(default_factory=list)


def _fitted(observations: Observations, learnable: np.ndarray, counted: np.ndarray) -> _Choice:
    """Fit the outputs that can be fitted; the counted rows decide the surrogate of each."""
    points, values = scaled(observations.columns), observations.outputs[:, learnable]
    chosen = _Choice(np.zeros(values.shape[1]))
    for known, outputs in _known_together(np.isfinite(values)):
        ensemble = Ensemble(points[known], values[np.ix_(known, outputs)])
        expected = past_predictions(_predictions(observations, known, learnable[outputs]), ensemble)
        truth = values[np.ix_(known, outputs)]
        best = best_models(expected, truth, counted[known])
        chosen.errors[outputs] = recent_errors(expected[:, best, np.arange(len(outputs))], truth)
        chosen.ensembles.append((ensemble, learnable[outputs]))
        chosen.parts.append((ensemble.predictor(best), outputs))
        everywhere = best_models(expected, truth, np.ones(len(truth), dtype=bool))
        chosen.global_parts.append((ensemble.predictor(everywhere), outputs))
    return chosen


def _predictions(
    observations: Observations, known: np.ndarray, outputs: np.ndarray
) -> list[FloatArray | None]:
    """Return the predictions of some outputs at the known rows; None where they are of others."""
    shape = (N_MODELS, observations.outputs.shape[1])
    whole = (observations.predictions[row] for row in np.flatnonzero(known).tolist())
    return [
        None if one is None or np.shape(one) != shape else np.asarray(one)[:, outputs]
        for one in whole
    ]


def _known_together(known: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Group outputs that are known at the same rows: the rows, and the outputs."""
    patterns, pattern = np.unique(known, axis=1, return_inverse=True)
    pattern = pattern.reshape(-1)
    return [(patterns[:, i], np.flatnonzero(pattern == i)) for i in range(patterns.shape[1])]


def _spread(observations: Observations, reference: FloatArray) -> FloatArray:
    """Spread (n_objectives,) of the front, or else of all that succeeded, below the reference."""
    front = observations.objectives[observations.front]
    compared = front if len(front) else observations.objectives[observations.succeeded]
    spread = reference - compared.min(axis=0)
    return np.where(spread > 0, spread, 1.0)


def _ranges(columns: FloatArray) -> FloatArray:
    """Range of each column's finite values, 1 where there is none."""
    finite = (column[np.isfinite(column)] for column in columns.T)
    extent = np.array([np.ptp(column) if len(column) else 0.0 for column in finite], dtype=float)
    return np.where(extent > 0, extent, 1.0)


def _best_rows(observations: Observations, units: FloatArray) -> np.ndarray:
    front = np.flatnonzero(observations.front)
    if len(front):
        return front
    rows = np.flatnonzero(observations.succeeded)
    violation = np.maximum(observations.constraints[rows] / units, 0.0).sum(axis=1)
    return np.asarray(rows[np.argsort(violation, kind="stable")[:_N_LEAST_VIOLATING]])
