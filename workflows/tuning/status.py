"""The status of a study: trials, front and knee, in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from analysis.tuning.pareto import Pareto, pareto
from analysis.tuning.trials import Study, StudyRecord, load_record
from cuprolith.words import plural
from workflows.tuning.folder import damage_explained
from workflows.tuning.study import load_study


@dataclass(frozen=True)
class StudyStatus:
    """A study, its finished trials and its front so far."""

    record: StudyRecord
    front: Pareto

    @property
    def study(self) -> Study:
        """The study."""
        return self.record.study

    @property
    def training_seconds(self) -> float:
        """Training time of all finished trials."""
        return sum(trial.result.training_seconds or 0.0 for trial in self.record.trials)

    def __str__(self) -> str:
        """Give counts, front and failures, for the terminal."""
        front, study = self.front, self.study
        if not front.n_trials:
            return f"{study.name}: no trial finished yet"
        lines = [
            f"{study.name} ({study.variant}, seed {study.seed}): {front.n_trials} of "
            f"{plural(study.tuning.n_trials, 'trial')}, {front.n_feasible} feasible, "
            f"{front.n_failed} failed",
            f"  {front_summary(study, front)}",
        ]
        if front.knee is not None:
            lines.append(f"  the knee is trial {front.knee}")
        return "\n".join([*lines, *self._failures()])

    def _failures(self) -> Iterator[str]:
        for trial in self.record.trials:
            if trial.failed:
                reason = (trial.result.failure or "no objectives").splitlines()[0]
                yield f"  FAILED trial {trial.number}: {reason}"


def front_summary(study: Study, front: Pareto) -> str:
    """Return size and both ends of a front in one line, also for a progress bar.

    The hypervolume is included where the study names a reference point.
    """
    if not front.points:
        return f"no feasible trial among {front.n_trials}" if front.n_trials else ""
    accuracy, cost = front.best("accuracy").objectives[0], front.best("time").objectives[1]
    units = [objective.unit for objective in front.objectives]
    text = f"{len(front.points)} on the front, best {accuracy:.4g} {units[0]}, "
    text += f"{cost:.4g} {units[1]}"
    if study.tuning.reference_point is None:
        return text
    return f"{text}, hypervolume {front.hypervolume:.4g}"


def study_status(folder: Path) -> StudyStatus:
    """Read the status of the study in a folder.

    Raises
    ------
    CuprolithError
        If there is no study, or its files hold something else.
    """
    load_study(folder)  # says what to do where there is none
    with damage_explained(folder):
        record = load_record(folder)
    return StudyStatus(record, pareto(record))
