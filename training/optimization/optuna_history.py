"""The trials of an Optuna study as observations, and proposals stored with their trials."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from cuprolith.arrays import FloatArray
from training.optimization.observations import Observations
from training.optimization.optuna_space import internal_value
from training.optimization.search_space import SearchSpace

PROPOSAL_KEY = "samo_cobra:proposal"
_SAME = 1e-5  # of a column's range


@dataclass(frozen=True)
class History:
    """The trials of a study when another trial asks for parameters.

    Attributes
    ----------
    observations
        Finished trials by number, failed and pruned ones as failed evaluations. A constraint that
        a trial lacks is unknown for it.
    constraints
        Names of the constraints that any of those trials has.
    pending
        (n_pending, n_columns), points of the other running trials.
    n_without_point
        Earlier running trials that have no complete point yet: other workers are proposing them
        at this moment, from the same observations.
    """

    observations: Observations
    constraints: list[str]
    pending: FloatArray
    n_without_point: int


def read_history(study: Study, trial: FrozenTrial, space: SearchSpace) -> History:
    """Read a study's trials; those with parameters outside the space are left out.

    Parameters
    ----------
    trial
        The one that asks.
    """
    trials = study.get_trials(deepcopy=False)
    pending, n_without_point = _running(trials, trial, space)
    observations, constraints = _observations(study, trials, space)
    return History(observations, constraints, pending, n_without_point)


def is_seen(study: Study, trial: FrozenTrial, space: SearchSpace, columns: FloatArray) -> bool:
    """Whether another trial, perhaps of another worker, has almost the same columns.

    Parameters
    ----------
    columns
        (n_columns,).
    """
    others = [
        point
        for other in study.get_trials(deepcopy=False)
        if other.number != trial.number and space.contains(point := _point(other, space))
    ]
    differences = np.abs(space.encode(others) - columns).max(axis=1, initial=0.0)
    return bool((differences < _SAME).any())


def store_proposal(
    study: Study,
    trial: FrozenTrial,
    space: SearchSpace,
    parameters: Mapping[str, Any],
    prediction: FloatArray | None,
    constraints: Sequence[str],
) -> None:
    """Store proposal and prediction with a trial, for other workers and for restarts.

    Parameters
    ----------
    prediction
        (n_models, n_objectives + n_constraints), None without one.
    constraints
        Names of those constraints: there may be others when the prediction is read.
    """
    proposal = {
        "parameters": {
            name: internal_value(distribution, parameters[name])
            for name, distribution in space.distributions.items()
        },
        "prediction": None if prediction is None else _without_nan(prediction),
        "constraints": list(constraints),
    }
    study._storage.set_trial_system_attr(trial._trial_id, PROPOSAL_KEY, proposal)


def stored_proposal(trial: FrozenTrial, space: SearchSpace) -> dict[str, Any] | None:
    """Return an earlier proposal for a trial, for example of a process that was killed."""
    proposed = _proposed(trial, space)
    return proposed if space.contains(proposed) else None


def signs(directions: Sequence[StudyDirection]) -> FloatArray:
    """Return the factors (n_objectives,) that turn every objective into one to minimise."""
    return np.array([-1.0 if to == StudyDirection.MAXIMIZE else 1.0 for to in directions])


def _running(
    trials: Sequence[FrozenTrial], trial: FrozenTrial, space: SearchSpace
) -> tuple[FloatArray, int]:
    """Return the points of the other running trials, and how many before `trial` have none."""
    points = {
        other.number: _point(other, space)
        for other in trials
        if other.state == TrialState.RUNNING and other.number != trial.number
    }
    with_point = {number: point for number, point in points.items() if space.contains(point)}
    without = points.keys() - with_point.keys()
    return space.encode(list(with_point.values())), sum(number < trial.number for number in without)


def _observations(
    study: Study, trials: Sequence[FrozenTrial], space: SearchSpace
) -> tuple[Observations, list[str]]:
    points = {trial.number: _point(trial, space) for trial in trials if trial.state.is_finished()}
    kept = [trial for trial in trials if space.contains(points.get(trial.number, {}))]
    objectives = np.full((len(kept), len(study.directions)), np.nan)
    for row, trial in zip(objectives, kept, strict=True):
        if trial.state == TrialState.COMPLETE:
            row[:] = trial.values
    by_trial = [trial.constraints for trial in kept]
    names = sorted({name for constraints in by_trial for name in constraints})
    observations = Observations(
        columns=space.encode([points[trial.number] for trial in kept]),
        objectives=objectives * signs(study.directions),
        constraints=np.array(
            [[constraints.get(name, np.nan) for name in names] for constraints in by_trial]
        ).reshape(len(kept), len(names)),
        predictions=[_prediction(trial, len(study.directions), names) for trial in kept],
    )
    return observations, names


def _point(trial: FrozenTrial, space: SearchSpace) -> dict[str, Any]:
    """Return a trial's parameters, with proposed and fixed ones that it has not suggested yet."""
    if trial.state == TrialState.COMPLETE:
        return trial.params
    fixed = trial.system_attrs.get("fixed_params", {})
    return {**_proposed(trial, space), **fixed, **trial.params}


def _proposed(trial: FrozenTrial, space: SearchSpace) -> dict[str, Any]:
    return {
        name: distribution.to_external_repr(internal)
        for name, internal in _stored(trial).get("parameters", {}).items()
        if (distribution := space.distributions.get(name)) and distribution._contains(internal)
    }


def _prediction(
    trial: FrozenTrial, n_objectives: int, constraints: Sequence[str]
) -> FloatArray | None:
    """Return the prediction for a trial, if it was evaluated at the proposed point.

    Returns
    -------
    (n_models, n_objectives + n_constraints), NaN for a constraint that was not predicted.
    """
    proposal = _stored(trial)
    if not proposal or proposal["prediction"] is None:
        return None
    for name, internal in proposal["parameters"].items():
        distribution = trial.distributions.get(name)
        if distribution and internal_value(distribution, trial.params[name]) != internal:
            return None
    values = np.array(proposal["prediction"], dtype=np.float64)
    predicted = proposal["constraints"]
    aligned = np.full((len(values), n_objectives + len(constraints)), np.nan)
    aligned[:, :n_objectives] = values[:, :n_objectives]
    for column, name in enumerate(constraints, n_objectives):
        if name in predicted:
            aligned[:, column] = values[:, n_objectives + predicted.index(name)]
    return aligned


def _without_nan(prediction: FloatArray) -> list[list[float | None]]:
    """Return the numbers as JSON, which has no NaN."""
    return [[None if math.isnan(x) else x for x in row] for row in prediction.tolist()]


def _stored(trial: FrozenTrial) -> dict[str, Any]:
    """Return the attribute that `store_proposal` has set."""
    found: dict[str, Any] = trial.system_attrs.get(PROPOSAL_KEY, {})
    return found
