"""Read a study (``study.json``) and its finished trials (from Optuna's storage)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from training.frame_sources.settings import AnySource
from training.optimization.parameters import Parameter
from training.tuning.objectives import (
    Objective,
    constraint_values,
    objective_values,
    objectives,
)
from training.tuning.settings import TuningSettings
from training.tuning.trial import TrialResult
from training.variant_settings import AnyTraining

if TYPE_CHECKING:  # Optuna takes a second to import
    from optuna.storages import RDBStorage
    from optuna.trial import FrozenTrial

STUDY_FILE = "study.json"
STORAGE_FILE = "study.db"
TRIALS_DIR = "trials"

# User attributes of a finished trial in Optuna's storage.
GENERATION = "generation"
RESULT = "result"
"""All numbers of the trial: a `TrialResult`."""


class Study(BaseModel):
    """One multi-objective optimisation of one variant on one dataset: ``study.json``.

    Attributes
    ----------
    name, dataset
        Names for people.
    hash
        Hash of everything that decides which trials are proposed and what they give, which
        excludes budget and workers.
    data
        The training file's section ``data``, or the campaign's dataset.
    data_root
        Folder that the folder of the data is relative to, as a path from that of the study.
    symbols, has_forces
        Chemical symbols of the dataset, and whether it has forces.
    search_space
        Parameters by dotted name within `training`.
    training
        Settings of all trials.
    versions
        Versions of packages when the study was last begun or continued.
    warm_start
        Points of other studies that are tried first.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

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
    warm_start: tuple[dict[str, Any], ...] = ()

    @property
    def objectives(self) -> tuple[Objective, Objective]:
        """Names and units, in the order of `TrialRecord.objectives`."""
        return objectives(self.tuning, has_forces=self.has_forces)


@dataclass(frozen=True)
class TrialRecord:
    """One finished trial of a study.

    Attributes
    ----------
    objectives
        Accuracy (eV/Å, or eV/atom) and inference cost (µs/atom, or Mflop/atom), both minimised;
        None if the trial failed, or was not trained because it exceeds a limit.
    constraints
        Feasible where all are ≤ 0.
    folder
        Folder of the trial, relative to that of the study.
    """

    number: int
    generation: int
    parameters: dict[str, Any]
    objectives: tuple[float, float] | None
    constraints: tuple[float, ...]
    result: TrialResult
    folder: str

    @property
    def evaluated(self) -> bool:
        """Whether it has objectives."""
        return self.objectives is not None

    @property
    def failed(self) -> bool:
        """Whether it has no objectives, except where it was not trained because of a limit."""
        beyond = self.result.failure is None and any(value > 0 for value in self.constraints)
        return not self.evaluated and not beyond

    @property
    def feasible(self) -> bool:
        """Whether it has objectives and keeps within all limits."""
        return self.evaluated and all(value <= 0 for value in self.constraints)


@dataclass(frozen=True)
class StudyRecord:
    """A study and its trials, by number."""

    folder: Path
    study: Study
    trials: list[TrialRecord] = field(default_factory=list)

    @property
    def feasible(self) -> list[TrialRecord]:
        """Trials that keep within all limits."""
        return [trial for trial in self.trials if trial.feasible]


def read_study(folder: Path) -> Study:
    """Read the ``study.json`` of a study.

    Raises
    ------
    FileNotFoundError
        If the folder has none.
    ValueError
        If it is damaged; the message names it.
    """
    path = folder / STUDY_FILE
    try:
        return Study.model_validate_json(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def load_record(folder: Path) -> StudyRecord:
    """Read a study and its finished trials.

    Raises
    ------
    FileNotFoundError
        If the folder has no ``study.json``.
    ValueError
        If a file is damaged or missing; the message names it.
    """
    study = read_study(folder)
    finished = [trial for trial in _stored_trials(folder, study) if GENERATION in trial.user_attrs]
    return StudyRecord(folder, study, [_record(trial, folder, study.tuning) for trial in finished])


def study_folders(root: Path) -> Sequence[Path]:
    """Return the folders directly in `root` that hold a study, sorted.

    Studies that were replaced by another are in ``<name>.<hash>`` and are left out.
    """
    folders = sorted(path.parent for path in root.glob(f"*/{STUDY_FILE}"))
    return [folder for folder in folders if "." not in folder.name]


def storage_is_missing(folder: Path) -> bool:
    """Whether a study has no storage, or an empty one, though it has trials."""
    path = folder / STORAGE_FILE
    if path.is_file() and path.stat().st_size:
        return False
    return any((folder / TRIALS_DIR).glob("*/*.json"))


class DamagedStorageError(ValueError):
    """Optuna's storage of a study cannot be read."""


@contextmanager
def optuna_storage(folder: Path) -> Iterator[RDBStorage]:
    """Open Optuna's storage of the study in a folder; it is made if missing.

    Raises
    ------
    DamagedStorageError
        If the file is damaged; the message names it.
    """
    from optuna.storages import RDBStorage
    from sqlalchemy.exc import DatabaseError

    path = folder / STORAGE_FILE
    try:
        storage = RDBStorage(f"sqlite:///{path}", engine_kwargs={"connect_args": {"timeout": 60}})
        try:
            yield storage
        finally:
            storage.remove_session()
            storage.engine.dispose()
    except DatabaseError as error:
        raise DamagedStorageError(f"{path} cannot be read: {error.orig}") from error


def _stored_trials(folder: Path, study: Study) -> list[FrozenTrial]:
    """Return the finished trials of the storage, by number."""
    path = folder / STORAGE_FILE
    if storage_is_missing(folder):
        raise ValueError(f"{path} is missing or empty, but the study has trials")
    if not path.is_file():
        return []
    from optuna.trial import TrialState

    with optuna_storage(folder) as storage:
        try:
            study_id = storage.get_study_id_from_name(study.name)
        except KeyError:  # no trial has been proposed yet
            return []
        states = (TrialState.COMPLETE, TrialState.FAIL)
        return storage.get_all_trials(study_id, deepcopy=False, states=states)


def _record(trial: FrozenTrial, folder: Path, tuning: TuningSettings) -> TrialRecord:
    if RESULT not in trial.user_attrs:
        raise ValueError(
            f"{folder / STORAGE_FILE}: trial {trial.number} has no result: Cuprolith 0.1.0 made "
            "this study and reads it"
        )
    try:
        result = TrialResult.model_validate(trial.user_attrs[RESULT])
    except ValueError as error:
        raise ValueError(f"{folder / STORAGE_FILE}: trial {trial.number}: {error}") from error
    return TrialRecord(
        number=trial.number,
        generation=trial.user_attrs[GENERATION],
        parameters=dict(result.parameters),
        objectives=_finite(objective_values(result, tuning)),
        constraints=constraint_values(result, tuning.limits),
        result=result,
        folder=f"{TRIALS_DIR}/{trial.number}",
    )


def _finite(values: tuple[float, float] | None) -> tuple[float, float] | None:
    return values if values is not None and all(map(isfinite, values)) else None
