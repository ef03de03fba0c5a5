"""Texts for trials, hyper-parameters and objectives of a study."""

from __future__ import annotations

from html import escape
from typing import Any

from analysis.report.content import number, value_text
from analysis.tuning.trials import TrialRecord
from training.tuning.objectives import Objective


def parameter_name(dotted: str) -> str:
    """Shorten the name of a parameter: ``r_max`` for ``model.r_max``."""
    return dotted.removeprefix("model.")


def parameter_value(value: Any) -> str:
    """Write a hyper-parameter: floats with three digits."""
    return number(value) if isinstance(value, float) else value_text(value)


def axis_title(objective: Objective) -> str:
    """Write name and unit, for an axis."""
    return f"{objective.name}, {objective.unit}"


def point_text(point: tuple[float, float], objectives: tuple[Objective, Objective]) -> str:
    """Write a point of the plane of the objectives, with units."""
    pairs = zip(point, objectives, strict=True)
    return ", ".join(f"{number(value)} {objective.unit}" for value, objective in pairs)


def trial_hover(trial: TrialRecord, objectives: tuple[Objective, Objective]) -> str:
    """Everything about a trial in a few lines of plotly's markup."""
    lines = [f"<b>trial {trial.number}</b>, generation {trial.generation}"]
    if trial.objectives is not None:
        lines += [
            f"{objective.name} {number(value)} {objective.unit}"
            for objective, value in zip(objectives, trial.objectives, strict=True)
        ]
    lines += [
        f"{parameter_name(name)} {parameter_value(value)}"
        for name, value in trial.parameters.items()
    ]
    first, *others = lines
    return "<br>".join([first, *(escape(line) for line in others)])
