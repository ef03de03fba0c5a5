"""The trials of an Optuna study as observations, and proposals kept with their trials."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from training.optimization.axes import Columns
from training.optimization.observations import Observations
from training.optimization.optuna_space import OptunaSpace

PARAMETERS_KEY = "samo_cobra:parameters"
PREDICTION_KEY = "samo_cobra:prediction"
CONSTRAINTS_KEY = "samo_cobra:constraints"
_SAME = 1e-5  # of a column's range
_CHUNK = 2045  # characters that every storage of Optuna's takes in one attribute


@dataclass(frozen=True)
class History:
    """What a study knows when a trial asks for parameters.

    Attributes
    ----------
    observations
        Finished trials by number, failed and pruned ones as failed evaluations. A constraint that
        a trial lacks is unknown for it.
    constraints
        Names of the constraints, every one that any of those trials has.
    pending
        (n_pending, n_columns), points of the other running trials.
    n_unplaced
        Running trials that came before and have no whole point yet: other workers are proposing
        them at this moment, from the same observations.
    """

    observations: Observations
    constraints: list[str]
    pending: Columns
    n_unplaced: int


def read_history(study: Study, trial: FrozenTrial, space: OptunaSpace) -> History:
    """Read a study's trials; those with parameters outside the space are left out.

    Parameters
    ----------
    trial
        The one that asks.
    """
    trials = study.get_trials(deepcopy=False)
    placed, n_unplaced = _running(trials, trial, space)
    observations, constraints = _observations(study, trials, space)
    return History(observations, constraints, placed, n_unplaced)


def is_seen(study: Study, trial: FrozenTrial, space: OptunaSpace, columns: Columns) -> bool:
    """Whether another trial, perhaps of another worker, has the point of columns or nearly.

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
    away = np.abs(space.encode(others) - columns).max(axis=1, initial=0.0)
    return bool((away < _SAME).any())


def keep_proposal(
    study: Study,
    trial: FrozenTrial,
    space: OptunaSpace,
    parameters: Mapping[str, Any],
    prediction: NDArray[np.float64] | None,
    constraints: Sequence[str],
) -> None:
    """Store with a trial what was proposed and predicted, for other workers and after restarts.

    Parameters
    ----------
    prediction
        (n_models, n_objectives + n_constraints), None where nothing was predicted.
    constraints
        Names of those constraints: there may be others when the prediction is read.
    """
    internal = {
        name: distribution.to_internal_repr(parameters[name])
        for name, distribution in space.distributions.items()
    }
    if prediction is not None:
        _store(study, trial, PREDICTION_KEY, json.dumps(prediction.tolist()))
        _store(study, trial, CONSTRAINTS_KEY, json.dumps(list(constraints)))
    # Last, since `kept_proposal` takes a proposal with parameters for whole.
    _store(study, trial, PARAMETERS_KEY, json.dumps(internal))


def kept_proposal(trial: FrozenTrial, space: OptunaSpace) -> dict[str, Any] | None:
    """Return what was proposed for a trial before, say by a process that was killed since."""
    proposed = _proposed(trial, space)
    return proposed if space.contains(proposed) else None


def signs(directions: Sequence[StudyDirection]) -> NDArray[np.float64]:
    """Return the factors (n_objectives,) that turn every objective into one to minimise."""
    return np.array([-1.0 if to == StudyDirection.MAXIMIZE else 1.0 for to in directions])


def _running(
    trials: Sequence[FrozenTrial], trial: FrozenTrial, space: OptunaSpace
) -> tuple[Columns, int]:
    """Return the points of the other running trials, and how many before `trial` have none."""
    points = {
        other.number: _point(other, space)
        for other in trials
        if other.state == TrialState.RUNNING and other.number != trial.number
    }
    placed = {number: point for number, point in points.items() if space.contains(point)}
    unplaced = points.keys() - placed.keys()
    return space.encode(list(placed.values())), sum(number < trial.number for number in unplaced)


def _observations(
    study: Study, trials: Sequence[FrozenTrial], space: OptunaSpace
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


def _point(trial: FrozenTrial, space: OptunaSpace) -> dict[str, Any]:
    """Return a trial's parameters, those included that it was given and has yet to suggest."""
    if trial.state == TrialState.COMPLETE:
        return trial.params
    fixed = trial.system_attrs.get("fixed_params", {})
    return {**_proposed(trial, space), **fixed, **trial.params}


def _proposed(trial: FrozenTrial, space: OptunaSpace) -> dict[str, Any]:
    return {
        name: distribution.to_external_repr(internal)
        for name, internal in _loaded(trial, PARAMETERS_KEY, {}).items()
        if (distribution := space.distributions.get(name)) and distribution._contains(internal)
    }


def _prediction(
    trial: FrozenTrial, n_objectives: int, constraints: Sequence[str]
) -> NDArray[np.float64] | None:
    """Return what was predicted of a trial's point, if it was evaluated where it was proposed.

    Returns
    -------
    (n_models, n_objectives + n_constraints), not a number for a constraint that was not predicted.
    """
    for name, internal in _loaded(trial, PARAMETERS_KEY, {}).items():
        distribution = trial.distributions.get(name)
        if distribution and distribution.to_internal_repr(trial.params[name]) != internal:
            return None
    prediction = _loaded(trial, PREDICTION_KEY, None)
    if prediction is None:
        return None
    # Older trials have no names beside their predictions: these are used where the number fits.
    predicted = _loaded(trial, CONSTRAINTS_KEY, list(constraints))
    values = np.array(prediction, dtype=np.float64)
    if values.shape[1:] != (n_objectives + len(predicted),):
        return None
    aligned = np.full((len(values), n_objectives + len(constraints)), np.nan)
    aligned[:, :n_objectives] = values[:, :n_objectives]
    for place, name in enumerate(constraints, n_objectives):
        if name in predicted:
            aligned[:, place] = values[:, n_objectives + predicted.index(name)]
    return aligned


def _store(study: Study, trial: FrozenTrial, key: str, text: str) -> None:
    parts = [text[start : start + _CHUNK] for start in range(0, len(text), _CHUNK)]
    for number, part in reversed(list(enumerate(parts))):  # without the first it is not there
        study._storage.set_trial_system_attr(trial._trial_id, f"{key}:{number}", part)


def _loaded(trial: FrozenTrial, key: str, default: Any) -> Any:
    parts: list[str] = []
    while (part := trial.system_attrs.get(f"{key}:{len(parts)}")) is not None:
        parts.append(part)
    return _parsed("".join(parts)) if parts else default


@lru_cache(maxsize=4096)  # every proposal reads every trial again
def _parsed(text: str) -> Any:
    return json.loads(text)
