"""SAMO-COBRA as a sampler for Optuna."""

from __future__ import annotations

import logging
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.samplers._base import (
    _INDEPENDENT_SAMPLING_WARNING_TEMPLATE,
    _process_constraints_after_trial,
)
from optuna.search_space import intersection_search_space
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from training.optimization.observations import Proposals
from training.optimization.optuna_history import (
    is_seen,
    read_history,
    signs,
    store_proposal,
    stored_proposal,
)
from training.optimization.optuna_space import distributions
from training.optimization.parameters import OrdinalParameter, Parameter
from training.optimization.samo_cobra import propose
from training.optimization.search_space import SearchSpace
from training.optimization.seen_points import SearchSpaceExhausted
from training.optimization.settings import SamoCobraSettings, finite_numbers, whole_number

_logger = logging.getLogger(__name__)
_ATTEMPTS = 3  # when other workers take the same points at the same time


class SamoCobraSampler(BaseSampler):
    """Sampler for few and expensive trials with one or more objectives and with constraints.

    Proposals depend only on the trials in the storage and the seed: a study that is stopped and
    loaded again continues as if it had not been stopped, and workers that share a storage and a
    seed work as one. Running trials count as evaluated, with their predictions as values. The
    search keeps away from failed and pruned trials.

    Parameters
    ----------
    search_space
        Parameters or Optuna's distributions, by the names that trials suggest. Without it the
        search space is the intersection of what the completed trials suggested, as in Optuna's own
        samplers, and the first trials are random; ordinals are searched as unordered choices.
    reference_point
        Worst value of interest of each objective, in the study's own direction; None follows the
        trials.
    constraints_func
        Constraints of a completed trial, feasible where at most 0. `Trial.set_constraint` does
        the same without it.
    n_startup_trials
        Trials that fill the space evenly before the first surrogate; None takes one more than the
        search space has columns.
    seed
        None draws one.
    warn_independent_sampling
        Warn when a parameter outside the search space is drawn at random, or when a search space
        is exhausted and its points are repeated.

    Raises
    ------
    SearchSpaceError
        For a search space with nothing to search, or with anything but parameters in it.
    ValueError
        For any other invalid argument. A reference point of the wrong length is
        refused by the first trial, which knows how many objectives there are.
    """

    def __init__(
        self,
        search_space: Mapping[str, Parameter | BaseDistribution] | None = None,
        *,
        reference_point: Sequence[float] | None = None,
        constraints_func: Callable[[FrozenTrial], Sequence[float]] | None = None,
        n_startup_trials: int | None = None,
        seed: int | None = None,
        warn_independent_sampling: bool = True,
    ) -> None:
        if search_space is not None:
            SearchSpace(search_space)  # refuses one with nothing to search
        self._search_space = _varied(distributions(search_space)) if search_space else None
        self._ordinals = {
            name: parameter
            for name, parameter in (search_space or {}).items()
            if isinstance(parameter, OrdinalParameter)
        }
        self._reference_point = (
            None if reference_point is None else finite_numbers("reference_point", reference_point)
        )
        if constraints_func is not None and not callable(constraints_func):
            raise ValueError(f"constraints_func is {constraints_func!r}: give a function")
        self._constraints_func = constraints_func
        self._n_initial = (
            None
            if n_startup_trials is None
            else whole_number("n_startup_trials", n_startup_trials, 1)
        )
        self._seed = (
            int(np.random.SeedSequence().generate_state(1)[0])
            if seed is None
            else whole_number("seed", seed, 0)
        )
        self._warn_independent_sampling = warn_independent_sampling

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Return the given search space, or the parameters that all completed trials have."""
        if self._search_space is not None:
            return dict(self._search_space)
        return _varied(intersection_search_space(study.get_trials(deepcopy=False)))

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Propose the parameters of a trial."""
        if not search_space:
            return {}
        space = SearchSpace(
            {name: self._ordinals.get(name, found) for name, found in search_space.items()}
        )
        if (stored := stored_proposal(trial, space)) is not None:
            return stored
        try:
            proposals, constraints = self._propose(study, trial, space)
        except SearchSpaceExhausted as exhausted:
            if self._warn_independent_sampling:
                _logger.warning("Trial#%d repeats a point at random: %s", trial.number, exhausted)
            rng = np.random.default_rng([self._seed, trial.number])
            return space.decode(rng.random((1, space.n_columns)))[0]
        (parameters,) = space.decode(proposals.columns[-1:])
        store_proposal(study, trial, space, parameters, proposals.predictions[-1], constraints)
        return parameters

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Draw a parameter that the search space lacks."""
        sampler = RandomSampler(zlib.crc32(f"{self._seed} {trial.number} {param_name}".encode()))
        if self._warn_independent_sampling and self._has_search_space(study):
            _logger.warning(
                _INDEPENDENT_SAMPLING_WARNING_TEMPLATE.format(
                    param_name=param_name,
                    trial_number=trial.number,
                    independent_sampler_name=type(sampler).__name__,
                    sampler_name=type(self).__name__,
                    fallback_reason="it is not in the search space of every completed trial"
                    if self._search_space is None
                    else "the search space given to the sampler lacks it",
                )
            )
        return sampler.sample_independent(study, trial, param_name, param_distribution)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Check the reference point against the number of objectives.

        Raises
        ------
        ValueError
            If they differ.
        """
        reference = self._reference_point
        if reference is not None and len(reference) != len(study.directions):
            raise ValueError(
                f"the reference point has {len(reference)} values, while study "
                f"{study.study_name!r} has {len(study.directions)} objectives: give one for each"
            )

    def after_trial(
        self,
        study: Study,
        trial: FrozenTrial,
        state: TrialState,
        values: Sequence[float] | None,
    ) -> None:
        """Store the constraints of a finished trial."""
        if self._constraints_func is not None:
            _process_constraints_after_trial(self._constraints_func, study, trial, state)

    def _propose(
        self, study: Study, trial: FrozenTrial, space: SearchSpace
    ) -> tuple[Proposals, list[str]]:
        """Return proposals, the last for this trial, and the names of the predicted constraints."""
        for _ in range(_ATTEMPTS):
            history = read_history(study, trial, space)
            proposals = propose(
                history.observations,
                space,
                # The other points are those that other workers are about to propose.
                n=history.n_without_point + 1,
                settings=self._settings(study),
                seed=self._seed,
                pending=history.pending,
            )
            if not is_seen(study, trial, space, proposals.columns[-1]):
                break
        return proposals, history.constraints

    def _settings(self, study: Study) -> SamoCobraSettings:
        reference = self._reference_point
        return SamoCobraSettings(
            n_initial=self._n_initial,
            reference_point=None
            if reference is None
            else tuple((signs(study.directions) * reference).tolist()),
        )

    def _has_search_space(self, study: Study) -> bool:
        return self._search_space is not None or any(
            trial.state == TrialState.COMPLETE for trial in study.get_trials(deepcopy=False)
        )


def _varied(search_space: Mapping[str, BaseDistribution]) -> dict[str, BaseDistribution]:
    return {
        name: distribution
        for name, distribution in search_space.items()
        if not distribution.single()
    }
