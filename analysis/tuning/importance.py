"""Which hyper-parameters decide an objective, by Optuna's PED-ANOVA, and what chance would give."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.tuning.trials import TrialRecord
from training.optimization.parameters import (
    CategoricalParameter,
    FloatParameter,
    IntParameter,
    OrdinalParameter,
    Parameter,
)

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

FEWEST_TRIALS = 20
"""Fewer trials with objectives tell nothing of importance."""

_GOOD_SHARE = 0.1  # what PED-ANOVA calls good: its authors' choice
_FEWEST_GOOD = 5  # Optuna's documentation of the evaluator
_N_SHUFFLES = 50
_LEVEL = 0.95
_SEED = 0


@dataclass(frozen=True)
class Importance:
    """How much a parameter decides whether a trial is among the best.

    Attributes
    ----------
    share
        Of the sum over all parameters.
    by_chance
        What 95 % of shuffles of the objective among the trials stay below, in the same unit.
    """

    parameter: str
    share: float
    by_chance: float

    @property
    def significant(self) -> bool:
        """Whether it is more than chance gives."""
        return self.share > self.by_chance


def importances(
    trials: Sequence[TrialRecord], space: Mapping[str, Parameter], objective: int
) -> list[Importance] | None:
    """Rank the parameters of a study by their importance for one objective.

    PED-ANOVA compares how the best trials (a tenth, at least five) and all trials are distributed
    along each parameter. It is positive for every parameter, also for one without effect: hence
    the level that chance gives, from the same trials with the objective shuffled among them.

    Parameters
    ----------
    space
        The study's search space; parameters of one value are left out.
    objective
        Index into `TrialRecord.objectives`.

    Returns
    -------
    The most important first; None where fewer than `FEWEST_TRIALS` trials have objectives.

    References
    ----------
    Watanabe, Bansal and Hutter, IJCAI 2023 (arXiv:2304.10255).
    """
    judged = [trial for trial in trials if trial.judged]
    if len(judged) < FEWEST_TRIALS:
        return None
    values = np.array([trial.objectives[objective] for trial in judged if trial.objectives])
    study = _study(judged, space)
    shuffles = np.random.default_rng(_SEED)
    found = _ped_anova(study, values)
    names = list(found)
    chance = [
        _ped_anova(study, shuffles.permutation(values)) for _ in range(_N_SHUFFLES if names else 0)
    ]
    total = sum(found.values()) or 1.0
    return [
        Importance(
            name,
            found[name] / total,
            float(np.quantile([shuffled[name] for shuffled in chance], _LEVEL)) / total,
        )
        for name in names
    ]


def _study(trials: Sequence[TrialRecord], space: Mapping[str, Parameter]) -> Study:
    import optuna

    distributions = {
        name: _distribution(parameter)
        for name, parameter in space.items()
        if all(name in trial.parameters for trial in trials)
    }
    distributions = {name: found for name, found in distributions.items() if not found.single()}
    study = _silently_created()
    study.add_trials(
        [
            optuna.trial.create_trial(
                params={
                    name: _value(space[name], trial.parameters[name]) for name in distributions
                },
                distributions=distributions,
                value=0.0,  # objectives come as the evaluator's target
            )
            for trial in trials
        ]
    )
    return study


def _silently_created() -> Study:
    """Return an empty study in memory; optuna would log its creation."""
    import optuna

    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        return optuna.create_study()
    finally:
        optuna.logging.set_verbosity(verbosity)


def _ped_anova(study: Study, values: np.ndarray) -> dict[str, float]:
    """Return the importance of each parameter, the largest first; not normalised."""
    from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances

    def target(trial: FrozenTrial) -> float:
        return float(values[trial.number])

    share = max(_GOOD_SHARE, _FEWEST_GOOD / len(values))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is said to be experimental, and to minimise
        return get_param_importances(
            study,
            evaluator=PedAnovaImportanceEvaluator(target_quantile=share),
            target=target,
            normalize=False,
        )


def _distribution(parameter: Parameter) -> BaseDistribution:
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    match parameter:
        case FloatParameter():
            return FloatDistribution(parameter.low, parameter.high, log=parameter.log)
        case IntParameter():
            return IntDistribution(parameter.low, parameter.high, log=parameter.log)
        case OrdinalParameter():
            return IntDistribution(0, len(parameter.values) - 1)
        case CategoricalParameter():
            return CategoricalDistribution(range(len(parameter.choices)))


def _value(parameter: Parameter, value: Any) -> Any:
    """Return a value within its distribution: ordinals and choices by rank, floats unrounded."""
    match parameter:
        case OrdinalParameter():
            return parameter.values.index(value)
        case CategoricalParameter():
            kinds = [(type(choice), choice) for choice in parameter.choices]  # 1 is not True
            return kinds.index((type(value), value))
        case FloatParameter():
            return min(max(float(value), parameter.low), parameter.high)
        case _:
            return value
