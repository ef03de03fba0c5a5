"""A study as its folder holds it: what was asked, and every trial that has been told."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from training.frame_sources.settings import AnySource
from training.optimization.parameters import Parameter
from training.tuning.settings import TuningSettings
from training.tuning.trial import TrialResult, constraint_values, objective_values
from training.variant_settings import AnyTraining

STUDY_FILE = "study.json"
TRIALS_DIR = "trials"
TRIAL_FILE = "trial.json"


class StudyFile(BaseModel):
    """What ``study.json`` says of a study; keys that judging does not need are passed over.

    Attributes
    ----------
    name, dataset
        As a person calls them.
    hash
        Of all that decides what a trial gives and which trials are proposed: other budgets and
        more workers go on with the same study.
    data
        The training file's section ``data``, or the campaign's dataset.
    data_root
        Folder that the data's folder is relative to, relative to the study's own.
    symbols, has_forces
        Of the dataset.
    search_space
        By dotted name within `training`, as searched.
    training
        What all trials share.
    versions
        Packages the study was last worked on with.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    name: str
    variant: str
    dataset: str
    seed: int
    hash: str
    data: AnySource
    data_root: str
    symbols: tuple[str, ...]
    has_forces: bool
    search_space: dict[str, Parameter]
    training: AnyTraining
    tuning: TuningSettings
    versions: dict[str, str]


@dataclass(frozen=True)
class TrialRecord:
    """One evaluation of a study.

    Attributes
    ----------
    objectives
        Accuracy (eV/Å, or eV/atom) and inference cost (µs/atom, or Mflop/atom), both minimised;
        None where the trial failed, or was not trained since it exceeds a limit.
    constraints
        Feasible where all are ≤ 0.
    folder
        Of the training, relative to the study's folder.
    """

    number: int
    generation: int
    parameters: dict[str, Any]
    objectives: tuple[float, float] | None
    constraints: tuple[float, ...]
    result: TrialResult
    folder: str

    @property
    def judged(self) -> bool:
        """Whether it has objectives."""
        return self.objectives is not None

    @property
    def failed(self) -> bool:
        """Whether it has none for another reason than that it was not trained, beyond a limit."""
        beyond = self.result.failure is None and any(value > 0 for value in self.constraints)
        return not self.judged and not beyond

    @property
    def feasible(self) -> bool:
        """Whether it has objectives and keeps within all limits."""
        return self.judged and all(value <= 0 for value in self.constraints)


@dataclass(frozen=True)
class StudyRecord:
    """A study and its trials, by number."""

    folder: Path
    study: StudyFile
    trials: list[TrialRecord] = field(default_factory=list)

    @property
    def feasible(self) -> list[TrialRecord]:
        """Trials that keep within all limits."""
        return [trial for trial in self.trials if trial.feasible]


def load_study(folder: Path) -> StudyRecord:
    """Read a study's folder, finished or not.

    Raises
    ------
    FileNotFoundError
        If the folder has no ``study.json``.
    ValueError
        If a file holds something else than it should; the message names it.
    """
    study = _validated(folder / STUDY_FILE, StudyFile)
    paths = sorted((folder / TRIALS_DIR).glob(f"*/{TRIAL_FILE}"))
    trials = [_trial(path, folder, study.tuning) for path in paths]
    return StudyRecord(folder, study, sorted(trials, key=lambda trial: trial.number))


def load_trials(folder: Path) -> list[TrialRecord]:
    """Read the trials of a study by number; see `load_study`."""
    return load_study(folder).trials


def study_folders(root: Path) -> Sequence[Path]:
    """Return the folders directly in `root` that hold a study, sorted.

    Studies that another has taken the place of lie in ``<name>.<hash>`` and are left out.
    """
    folders = sorted(path.parent for path in root.glob(f"*/{STUDY_FILE}"))
    return [folder for folder in folders if "." not in folder.name]


class _TrialFile(TrialResult):
    """``trial.json``: the result, and where it stands in the study."""

    model_config = ConfigDict(extra="ignore")

    number: int
    generation: int


def _trial(path: Path, study_folder: Path, tuning: TuningSettings) -> TrialRecord:
    content = _validated(path, _TrialFile)
    return TrialRecord(
        number=content.number,
        generation=content.generation,
        parameters=dict(content.parameters),
        objectives=_finite(objective_values(content, tuning)),
        constraints=constraint_values(content, tuning.limits),
        result=content,
        folder=path.parent.relative_to(study_folder).as_posix(),
    )


def _finite(objectives: tuple[float, float] | None) -> tuple[float, float] | None:
    return objectives if objectives is not None and all(map(isfinite, objectives)) else None


def _validated(path: Path, model: type[Any]) -> Any:
    try:
        return model.model_validate(json.loads(path.read_bytes()))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
