"""Turn a trial of a study into a training file."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import yaml

from analysis.tuning.trials import Study, TrialRecord
from cuprolith.errors import CuprolithError
from training.tuning.search_spaces import applied
from workflows.inputs.training_file import TrainingFile
from workflows.tuning.status import StudyStatus, study_status

Choice = int | Literal["knee", "accuracy", "time"]


@dataclass(frozen=True)
class ChosenTrial:
    """A trial, and the training file that trains its model again.

    Attributes
    ----------
    data_root
        Folder that the file's data folder is relative to.
    """

    study: Study
    trial: TrialRecord
    file: TrainingFile
    data_root: Path

    def __str__(self) -> str:
        """Give the number of the trial and its objectives."""
        text = f"trial {self.trial.number} of {self.study.name}"
        if self.trial.objectives is None:
            return f"{text}, which failed: {self.trial.result.failure}"
        pairs = zip(self.study.objectives, self.trial.objectives, strict=True)
        reached = ", ".join(f"{objective} {value:.4g}" for objective, value in pairs)
        return f"{text}: {reached}{'' if self.trial.feasible else ' (beyond a limit)'}"

    def to_yaml(self) -> str:
        """Return the training file, with a comment that names the trial."""
        content = self.file.model_dump(mode="json", exclude_none=True)
        text: str = yaml.safe_dump(content, sort_keys=False, width=100, allow_unicode=True)
        return f"# {str(self).splitlines()[0]}\n{text}"

    def command(self, path: Path) -> str:
        """Return the command that trains the file at `path`."""
        return f"cuprolith train {path} --data {self.data_root}"


def choose(study_or_front: Path, choice: Choice) -> ChosenTrial:
    """Choose a trial of a study.

    Parameters
    ----------
    study_or_front
        Folder of a study, or its ``pareto.json``.
    choice
        Number of a trial, or a point of the front: its knee or one of its ends.

    Raises
    ------
    CuprolithError
        If there is no study, or no such trial in it.
    """
    folder = study_or_front if study_or_front.is_dir() else study_or_front.parent
    status = study_status(folder)
    study, trial = status.study, _trial(status, choice)
    file = TrainingFile(
        name=f"{study.name}-trial-{trial.number}"[:80],
        seed=study.seed,
        data=study.data,
        training=applied(study.training, trial.parameters),
    )
    return ChosenTrial(study, trial, file, Path(os.path.relpath(folder / study.data_root)))


def _trial(status: StudyStatus, choice: Choice) -> TrialRecord:
    where, front = str(status.record.folder), status.front
    trials = {trial.number: trial for trial in status.record.trials}
    if not trials:
        raise CuprolithError(
            "no trial is finished yet", where=where, remedy="run `cuprolith tune` first"
        )
    number: int | None
    if isinstance(choice, int):
        number = choice
    elif not front.points:
        raise CuprolithError(
            "no trial is feasible: the front is empty",
            where=where,
            remedy="name a trial by its number, or widen the limits",
        )
    else:
        number = front.knee if choice == "knee" else front.best(choice).number
    if number is None or number not in trials:
        raise CuprolithError(
            f"no finished trial {number}",
            where=where,
            remedy=f"finished trials: 0 to {max(trials)}",
        )
    return trials[number]
