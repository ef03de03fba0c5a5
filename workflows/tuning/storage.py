"""A study in Optuna's storage: generations of trials, each proposed once and finished once."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, TrialState

from analysis.tuning.optuna_study import quiet_optuna
from analysis.tuning.trials import (
    GENERATION,
    STORAGE_FILE,
    TRIALS_DIR,
    DamagedStorageError,
    Study,
    optuna_storage,
    storage_is_missing,
)
from cuprolith.errors import CuprolithError
from cuprolith.progress import announce
from training.optimization.optuna_sampler import SamoCobraSampler
from training.optimization.optuna_space import distributions

# What `Study.enqueue_trial` stores a trial's given values as.
_FIXED = "fixed_params"


@dataclass(frozen=True)
class Proposal:
    """A trial that is to be run.

    Attributes
    ----------
    source
        The first trial with the same parameters, whose result is this one's too; else its own
        number.
    """

    number: int
    generation: int
    parameters: dict[str, Any]
    source: int


class StudyStorage:
    """The trials of a study, in generations.

    Every step can be interrupted and repeated: a generation in the storage is not proposed again,
    an incomplete one is completed, and the result of a trial is stored once. What is proposed
    depends only on the storage and the seed.
    """

    def __init__(self, study: optuna.Study, space: Mapping[str, BaseDistribution]) -> None:
        self._study = study
        self._space = dict(space)

    @property
    def trials(self) -> list[FrozenTrial]:
        """All trials, by number."""
        return self._study.get_trials(deepcopy=False)

    def first_unfinished_generation(self) -> int:
        """Return the first generation that is not proposed, or has unfinished trials."""
        proposed = [trial for trial in self.trials if GENERATION in trial.user_attrs]
        generations = [trial.user_attrs[GENERATION] for trial in proposed]
        pairs = zip(generations, proposed, strict=True)
        unfinished = [number for number, trial in pairs if not trial.state.is_finished()]
        return min(unfinished, default=max(generations, default=-1) + 1)

    def propose(
        self, generation: int, n_trials: int, first_points: Sequence[Mapping[str, Any]] = ()
    ) -> list[Proposal]:
        """Return the trials of a generation; those that are missing are proposed.

        Parameters
        ----------
        n_trials
            Size of a new generation.
        first_points
            Points to try first, except those that the study has already.
        """
        self._enqueue(generation, n_trials, first_points)
        # In the order of their numbers, since each proposal depends on those before it.
        for trial in self._trials_of(generation):
            if trial.state == TrialState.RUNNING and trial.params.keys() != self._space.keys():
                self._complete(trial)
        for trial in self._trials_of(generation):
            if trial.state == TrialState.WAITING:  # these are asked for in their order
                self._study.ask(self._space)
        return self._proposals(generation)

    def unfinished(self, generation: int) -> list[Proposal]:
        """Return the trials of a generation whose results are not stored."""
        finished = {trial.number for trial in self.trials if trial.state.is_finished()}
        return [each for each in self._proposals(generation) if each.number not in finished]

    def _proposals(self, generation: int) -> list[Proposal]:
        first: dict[str, int] = {}
        proposals = []
        for trial in self.trials:
            source = first.setdefault(json.dumps(trial.params, sort_keys=True), trial.number)
            if trial.user_attrs.get(GENERATION) == generation:
                parameters = dict(trial.params)
                proposals.append(Proposal(trial.number, generation, parameters, source))
        return proposals

    def _enqueue(
        self, generation: int, n_trials: int, first_points: Sequence[Mapping[str, Any]]
    ) -> None:
        """Reserve the trials of a generation, each in one transaction, `first_points` first.

        Trials that others have enqueued, for example in optuna-dashboard, join the generation.
        """
        for trial in self.trials:
            if trial.state == TrialState.WAITING and GENERATION not in trial.user_attrs:
                self._live(trial).set_user_attr(GENERATION, generation)
        known = [trial.system_attrs.get(_FIXED, trial.params) for trial in self.trials]
        new = [dict(point) for point in first_points if point not in known]
        for index in range(n_trials - len(self._trials_of(generation))):
            fixed = {_FIXED: new[index]} if index < len(new) else {}
            self._study.add_trial(
                optuna.create_trial(
                    state=TrialState.WAITING,
                    user_attrs={GENERATION: generation},
                    system_attrs=fixed,
                )
            )

    def _complete(self, trial: FrozenTrial) -> None:
        """Suggest the values that a trial lacks after a kill."""
        live = self._live(trial)
        for name, distribution in self._space.items():
            live._suggest(name, distribution)

    def tell(
        self,
        number: int,
        objectives: Sequence[float] | None,
        constraints: Mapping[str, float],
        attributes: Mapping[str, Any],
    ) -> None:
        """Store the result of a trial, unless it is stored.

        Parameters
        ----------
        objectives
            None if the trial failed, or was not trained because it exceeds a limit.
        constraints
            At most 0 where a limit is kept, NaN where that is unknown.
        attributes
            Numbers to show in optuna-dashboard.
        """
        trial = self.trials[number]
        if trial.state.is_finished():
            return
        live = self._live(trial)
        for name, value in attributes.items():
            live.set_user_attr(name, value)
        for name, value in constraints.items():
            if name not in live.constraints and not math.isnan(value):
                live.set_constraint(name, value)
        if objectives is None:
            self._study.tell(number, state=TrialState.FAIL)
        else:
            self._study.tell(number, list(objectives))

    def _trials_of(self, generation: int) -> list[FrozenTrial]:
        return [t for t in self.trials if t.user_attrs.get(GENERATION) == generation]

    def _live(self, trial: FrozenTrial) -> optuna.Trial:
        """Return a stored trial as `optuna.Study.ask` returns a new one."""
        return optuna.Trial(self._study, trial._trial_id)


@contextmanager
def opened_storage(folder: Path, study: Study) -> Iterator[StudyStorage]:
    """Open the storage of the study in a folder; it is made if missing.

    Raises
    ------
    CuprolithError
        If the file is damaged.
    """
    path = folder / STORAGE_FILE
    if storage_is_missing(folder):
        announce(
            f"warning: {path} is missing or empty; it is made again from {folder / TRIALS_DIR}"
        )
    try:
        with quiet_optuna(), optuna_storage(folder) as storage:
            stored = optuna.create_study(
                study_name=study.name,
                storage=storage,
                directions=["minimize", "minimize"],
                sampler=SamoCobraSampler(
                    study.search_space,
                    reference_point=study.tuning.reference_point,
                    seed=study.seed,
                ),
                load_if_exists=True,
            )
            names = [str(objective) for objective in study.objectives]
            if stored.metric_names != names:
                stored.set_metric_names(names)
            yield StudyStorage(stored, distributions(study.search_space))
    except DamagedStorageError as error:
        raise CuprolithError(
            str(error),
            remedy=f"move it away (mv {path} {path}.damaged) and rerun the same command: the same "
            "trials are proposed, and those that have a trial.json are not trained again",
        ) from error
