"""The status of a study: trials, front, knee, in words and as a table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from analysis.tuning.pareto import PARETO_FILE, Pareto, load_pareto
from analysis.tuning.trials import TrialRecord, load_trials
from cuprolith.words import plural
from workflows.tuning.folder import damage_explained
from workflows.tuning.study import Study, load_study


@dataclass(frozen=True)
class StudyStatus:
    """The finished trials of a study.

    Attributes
    ----------
    front
        None before the first generation is finished.
    failures
        Trials that failed, by number.
    training_seconds
        Of all trials.
    """

    study: Study
    front: Pareto | None
    failures: tuple[TrialRecord, ...] = ()
    training_seconds: float = 0.0

    @property
    def n_trials(self) -> int:
        """Number of finished trials."""
        return self.front.n_trials if self.front else 0

    @property
    def brief(self) -> str:
        """Size and both ends of the front, for a progress bar.

        The hypervolume is shown where the study names a reference point.
        """
        front = self.front
        if front is None:
            return ""
        if not front.points:
            return f"no feasible trial among {front.n_trials}"
        accuracy, time = front.best("accuracy").objectives[0], front.best("time").objectives[1]
        units = [objective.unit for objective in front.objectives]
        text = f"{len(front.points)} on the front, best {accuracy:.4g} {units[0]}, "
        text += f"{time:.4g} {units[1]}"
        if self.study.tuning.reference_point is None:
            return text
        return f"{text}, hypervolume {front.hypervolume:.4g}"

    def __str__(self) -> str:
        """Give counts, front and failures, for the terminal."""
        front, study = self.front, self.study
        if front is None:
            return f"{study.name}: no generation finished yet"
        lines = [
            f"{study.name} ({study.variant}, seed {study.seed}): {front.n_trials} of "
            f"{plural(study.tuning.n_trials, 'trial')}, {front.n_feasible} feasible, "
            f"{front.n_failed} failed"
        ]
        lines += [f"  {self.brief}"] if self.brief else []
        if front.knee is not None:
            lines.append(f"  the knee is trial {front.knee}")
        return "\n".join([*lines, *self._reasons()])

    def _reasons(self) -> Iterator[str]:
        for trial in self.failures:
            reason = (trial.result.failure or "no objectives").splitlines()[0]
            yield f"  FAILED trial {trial.number}: {reason}"


def study_status(folder: Path) -> StudyStatus:
    """Read the status of the study in a folder.

    Raises
    ------
    CuprolithError
        If there is no study, or its files hold something else.
    """
    study = load_study(folder)
    path = folder / PARETO_FILE
    if not path.is_file():
        return StudyStatus(study, None)
    with damage_explained(folder):
        front = load_pareto(path)
        trials = load_trials(folder)
    failures = tuple(trial for trial in trials if trial.failed)
    seconds = sum(trial.result.training_seconds or 0.0 for trial in trials)
    return StudyStatus(study, front, failures, seconds)
