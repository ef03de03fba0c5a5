"""``pareto.json``: the front of a study, also read for warm starts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from analysis.tuning.front import (
    default_reference,
    front,
    hypervolume,
    knee_point,
    objective_array,
)
from analysis.tuning.published import SOURCE, PublishedPoint, published_point
from analysis.tuning.trials import StudyRecord, load_record
from cuprolith.json_files import write_atomically
from training.tuning.objectives import Objective

PARETO_FILE = "pareto.json"


class _Content(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, from_attributes=True)


class ParetoPoint(_Content):
    """One trial of the front.

    Attributes
    ----------
    folder
        Folder of the trial, relative to that of the study.
    """

    number: int
    generation: int
    parameters: dict[str, Any]
    objectives: tuple[float, float]
    constraints: tuple[float, ...]
    folder: str


class Published(_Content):
    """The paper's point of the same variant and dataset; see `PublishedPoint`."""

    source: str = SOURCE
    parameters: dict[str, Any]
    accuracy: float | None


class Pareto(_Content):
    """The feasible trials of a study that no other dominates, by accuracy.

    Attributes
    ----------
    hypervolume
        Up to `reference_point`; both None if there is no feasible trial and the study has no
        reference point.
    knee
        Number of the trial at the knee; see `analysis.tuning.front.knee_point`.
    published
        None if the paper has no such dataset.
    """

    name: str
    variant: str
    dataset: str
    study_hash: str
    seed: int
    n_trials: int
    n_feasible: int
    n_failed: int
    objectives: tuple[Objective, Objective]
    reference_point: tuple[float, float] | None
    hypervolume: float | None
    knee: int | None
    points: tuple[ParetoPoint, ...]
    published: Published | None

    def point(self, number: int) -> ParetoPoint:
        """Return a trial of the front.

        Raises
        ------
        KeyError
            If the front has no such trial.
        """
        for point in self.points:
            if point.number == number:
                return point
        raise KeyError(f"trial {number} is not on the front of {self.name}")

    def best(self, what: Literal["accuracy", "time"]) -> ParetoPoint:
        """Return the end of the front with the best accuracy or the lowest inference cost.

        Raises
        ------
        ValueError
            If the front is empty.
        """
        return min(self.points, key=lambda point: point.objectives[what == "time"])


def pareto(record: StudyRecord) -> Pareto:
    """Return the front of a study."""
    study, trials = record.study, record.trials
    found = front(trials)
    points = objective_array(found)
    reference, paper = reference_point(record), published(record)
    return Pareto(
        name=study.name,
        variant=study.variant,
        dataset=study.dataset,
        study_hash=study.hash,
        seed=study.seed,
        n_trials=len(trials),
        n_feasible=len(record.feasible),
        n_failed=sum(trial.failed for trial in trials),
        objectives=study.objectives,
        reference_point=reference,
        hypervolume=None if reference is None else hypervolume(points, reference),
        knee=found[knee_point(points)].number if found else None,
        points=tuple(ParetoPoint.model_validate(trial) for trial in found),
        published=None if paper is None else Published.model_validate(paper),
    )


def reference_point(record: StudyRecord) -> tuple[float, float] | None:
    """Return the study's reference point, or that of its front; None without both."""
    if record.study.tuning.reference_point is not None:
        return record.study.tuning.reference_point
    found = front(record.trials)
    return default_reference(objective_array(found)) if found else None


def common_reference_point(records: Sequence[StudyRecord]) -> tuple[float, float]:
    """Return the reference point of all studies if they agree, or that of all fronts together.

    Parameters
    ----------
    records
        Studies with at least one feasible trial among them.
    """
    named = {record.study.tuning.reference_point for record in records}
    agreed = named.pop() if len(named) == 1 else None
    if agreed is not None:
        return agreed
    fronts = [trial for record in records for trial in front(record.trials)]
    return default_reference(objective_array(fronts))


def published(record: StudyRecord) -> PublishedPoint | None:
    """Return the paper's point of the study's variant and dataset, if it has one."""
    dataset = record.study.data.paper_dataset(record.study.symbols)
    return None if dataset is None else published_point(dataset, record.study.variant)


def write_pareto(folder: Path) -> Pareto:
    """Write ``pareto.json`` of the study in a folder.

    The same trials give the same bytes; the file is written atomically.

    Raises
    ------
    FileNotFoundError, ValueError
        As `load_record`.
    OSError
        If the file cannot be written.
    """
    content = pareto(load_record(folder))
    write_atomically(folder / PARETO_FILE, [content.model_dump_json(indent=1), "\n"])
    return content


def load_pareto(path: Path) -> Pareto:
    """Read a ``pareto.json``.

    Raises
    ------
    OSError
        If it cannot be read.
    ValueError
        If it is not the front of a study.
    """
    return Pareto.model_validate_json(path.read_bytes())
