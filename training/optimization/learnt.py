"""What the observations teach: surrogates, units, margins, the front so far."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from training.optimization.boxes import Floats
from training.optimization.failures import FailurePredictor
from training.optimization.infill import Scales
from training.optimization.observations import Observations
from training.optimization.reference import reference_point
from training.optimization.selection import best_models, foretold, improving, late_errors
from training.optimization.settings import SamoCobraSettings
from training.optimization.surrogates import (
    N_MODELS,
    Ensemble,
    JointPredictor,
    OutputPredictor,
)
from training.optimization.tolerances import constraint_margins

_LEAST_ROWS = 2
_N_LEAST_VIOLATING = 5


def scaled(columns: Floats) -> Floats:
    """Columns between 0 and 1 as the surrogates see them, between -1 and 1."""
    return 2.0 * columns - 1.0


def unscaled(points: Floats) -> Floats:
    """Undo `scaled`."""
    return (points + 1.0) / 2.0


@dataclass(frozen=True)
class Learnt:
    """Everything that a proposal rests on.

    Attributes
    ----------
    predictor
        The surrogate of every objective, every constraint and, where any evaluation failed, of
        failure, as one more constraint: those that did best where the front grew.
    overview
        The same outputs by those that did best everywhere.
    ensembles
        All surrogates, with the positions of their outputs.
    scales, margins
        Units, and how far inside its limit each constraint is kept.
    doubts
        (n_objectives,) scaled errors of late: less improvement than this is none.
    front
        (n, n_objectives) scaled objectives of the feasible front.
    best, best_objectives
        Columns (s, n_columns) and objectives of the front, or of the least violating points where
        nothing is feasible.
    """

    predictor: JointPredictor
    overview: JointPredictor
    ensembles: list[tuple[Ensemble, np.ndarray]]
    scales: Scales
    margins: Floats
    doubts: Floats
    front: Floats
    best: Floats
    best_objectives: Floats

    @property
    def n_objectives(self) -> int:
        """Number of objectives."""
        return len(self.scales.reference)

    def foretell(self, points: Floats) -> list[Floats | None]:
        """Predict points (p, d) by every model: (N_MODELS, n_outputs) for each."""
        n_outputs = sum(len(outputs) for _, outputs in self.ensembles)
        expected = np.empty((len(points), N_MODELS, n_outputs))
        for ensemble, outputs in self.ensembles:
            expected[:, :, outputs] = ensemble.predict(points)
        return list(expected)


def suffices(observations: Observations) -> bool:
    """Whether there is enough to fit a surrogate of every output."""
    known = np.isfinite(_outputs(observations)) & observations.succeeded[:, None]
    return all(
        len(np.unique(observations.columns[rows], axis=0)) >= _LEAST_ROWS for rows in known.T
    )


@lru_cache(maxsize=1)  # those who ask for a batch point by point ask with the same observations
def learn(observations: Observations, settings: SamoCobraSettings, n_initial: int) -> Learnt:
    """Fit and choose surrogates; the observations must suffice."""
    points, values = scaled(observations.columns), _outputs(observations)
    reference = reference_point(observations, settings.reference_point)
    counted = improving(observations, reference)
    ensembles: list[tuple[Ensemble, np.ndarray]] = []
    parts: list[tuple[OutputPredictor, np.ndarray]] = []
    overviews: list[tuple[OutputPredictor, np.ndarray]] = []
    errors = np.zeros(values.shape[1])
    for known, outputs in _alike(np.isfinite(values)):
        ensemble = Ensemble(points[known], values[np.ix_(known, outputs)])
        predictions = [
            None if whole is None else np.asarray(whole)[:, outputs]
            for whole in (observations.predictions[row] for row in np.flatnonzero(known).tolist())
        ]
        expected = foretold(predictions, ensemble)
        truth = values[np.ix_(known, outputs)]
        choice = best_models(expected, truth, counted[known])
        errors[outputs] = late_errors(expected[:, choice, np.arange(len(outputs))], truth)
        ensembles.append((ensemble, outputs))
        parts.append((ensemble.predictor(choice), outputs))
        everywhere = best_models(expected, truth, np.ones(len(truth), dtype=bool))
        overviews.append((ensemble.predictor(everywhere), outputs))

    scales = _scales(observations, reference)
    margins = constraint_margins(observations.constraints, n_initial)
    failed = ~observations.succeeded
    if failed.any():
        failure = (FailurePredictor(points, failed), np.array([values.shape[1]]))
        parts.append(failure)
        overviews.append(failure)
        outcomes = np.where(failed, 1.0, -1.0)[:, None]
        margins = np.append(margins, constraint_margins(outcomes, n_initial))
        scales = Scales(reference, scales.objective, np.append(scales.constraint, 1.0))
    rows = _best_rows(observations, scales)
    return Learnt(
        JointPredictor(parts),
        JointPredictor(overviews),
        ensembles,
        scales,
        margins,
        errors[: len(reference)] / scales.objective,
        scales.objectives(observations.objectives[observations.front]),
        observations.columns[rows],
        observations.objectives[rows],
    )


def _outputs(observations: Observations) -> Floats:
    return np.concatenate([observations.objectives, observations.constraints], axis=1)


def _alike(known: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Rows at which outputs are known, and which outputs those are, for each set of rows."""
    patterns, pattern = np.unique(known, axis=1, return_inverse=True)
    pattern = pattern.reshape(-1)
    return [(patterns[:, i], np.flatnonzero(pattern == i)) for i in range(patterns.shape[1])]


def _scales(observations: Observations, reference: Floats) -> Scales:
    front = observations.objectives[observations.front]
    compared = front if len(front) else observations.objectives[observations.succeeded]
    spread = reference - compared.min(axis=0)
    spans = [np.ptp(column[np.isfinite(column)]) for column in observations.constraints.T]
    extent = np.array(spans, dtype=float)
    return Scales(reference, np.where(spread > 0, spread, 1.0), np.where(extent > 0, extent, 1.0))


def _best_rows(observations: Observations, scales: Scales) -> np.ndarray:
    front = np.flatnonzero(observations.front)
    if len(front):
        return front
    rows = np.flatnonzero(observations.succeeded)
    limits = observations.constraints[rows] / scales.constraint[: observations.constraints.shape[1]]
    violation = np.nan_to_num(np.maximum(limits, 0.0)).sum(axis=1)
    return np.asarray(rows[np.argsort(violation, kind="stable")[:_N_LEAST_VIOLATING]])
