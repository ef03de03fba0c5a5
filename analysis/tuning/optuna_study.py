"""Rebuild a study as an object of Optuna, for Optuna's figures."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from analysis.tuning.trials import StudyRecord, TrialRecord

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial


def optuna_study(record: StudyRecord, objectives: Sequence[int] = (0, 1)) -> Study:
    """Return a study in memory with the trials of a record, under their numbers.

    Parameters
    ----------
    record
        The study; its trials without objectives become failed ones.
    objectives
        Indices of the objectives to take.
    """
    import optuna

    from training.optimization.optuna_space import distributions

    space = {
        name.removeprefix("model."): distribution
        for name, distribution in distributions(record.study.search_space).items()
    }
    by_number = {trial.number: trial for trial in record.trials}
    with quiet_optuna():
        study = optuna.create_study(directions=["minimize"] * len(objectives))
        study.set_metric_names([str(record.study.objectives[index]) for index in objectives])
        study.add_trials(
            [
                _frozen(by_number.get(number), record.study.tuning.limits.chosen, space, objectives)
                for number in range(max(by_number, default=-1) + 1)
            ]
        )
    return study


@contextmanager
def quiet_optuna() -> Iterator[None]:
    """Suppress Optuna's log, and its warnings about experimental features."""
    import optuna

    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            warnings.filterwarnings("ignore", message="PedAnova")  # it says that it minimises
            yield
    finally:
        optuna.logging.set_verbosity(verbosity)


def _frozen(
    trial: TrialRecord | None,
    limits: dict[str, float],
    space: dict[str, BaseDistribution],
    objectives: Sequence[int],
) -> FrozenTrial:
    from optuna.trial import TrialState, create_trial

    if trial is None or trial.objectives is None:
        return create_trial(state=TrialState.FAIL)
    values = {name.removeprefix("model."): value for name, value in trial.parameters.items()}
    return create_trial(
        values=[trial.objectives[index] for index in objectives],
        params={name: value for name, value in values.items() if name in space},
        distributions={name: space[name] for name in values if name in space},
        user_attrs={"generation": trial.generation},
        constraints=dict(zip(limits, trial.constraints, strict=True)),
    )
