"""A study's trials as lines across axes, one per hyper-parameter and objective.

Plotly's own trace for this compiles code at run time, which the report's page forbids, and does
not say on hovering which trial a line is.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import plotly.graph_objects as go

from analysis.report.figures import ACCENT, INK, MUTED, styled
from analysis.report.study_words import parameter_name, parameter_value, trial_hover
from analysis.tuning.front import objective_array, wide
from analysis.tuning.pareto import Objective
from analysis.tuning.published import SOURCE, PublishedPoint
from analysis.tuning.trials import TrialRecord
from training.optimization.parameters import (
    CategoricalParameter,
    FloatParameter,
    OrdinalParameter,
    Parameter,
)

_LONG_LINE = 12  # letters of a title
_PALEST, _PALE = 0.05, 0.2
_LINES_TOLD_APART = 40  # by eye; more are drawn paler


@dataclass(frozen=True)
class _Axis:
    """One vertical axis; values are placed between 0 and 1."""

    name: str
    low: float
    high: float
    log: bool = False
    unit: str = ""
    ranked: tuple[Any, ...] = ()
    """Values of an axis of ranks."""

    @property
    def title(self) -> str:
        """Name and unit in plotly's markup, on several lines where they are long."""
        text = f"{self.name}, {self.unit}" if self.unit else self.name
        lines = [""]
        for word in re.findall(r"[^._ ]+[._ ]*", text):
            if lines[-1] and len(lines[-1] + word) > _LONG_LINE:
                lines.append("")
            lines[-1] += word
        return "<br>".join(map(escape, lines))

    def place(self, value: Any) -> float | None:
        """Return the height of a value; None where the axis does not have it."""
        if self.ranked:
            if value not in self.ranked:
                return None
            value = self.ranked.index(value)
        low, high, at = (math.log(x) if self.log else x for x in (self.low, self.high, value))
        place = 0.5 if high == low else (at - low) / (high - low)
        return place if -1e-9 <= place <= 1 + 1e-9 else None

    def ticks(self) -> list[tuple[float, str]]:
        """Return heights and texts of a few values."""
        if self.ranked:
            texts = [escape(parameter_value(value)) for value in self.ranked]
            return [(rank / max(1, self.high), text) for rank, text in enumerate(texts)]
        middle = math.sqrt(self.low * self.high) if self.log else (self.low + self.high) / 2
        values = dict.fromkeys((self.low, middle, self.high))
        return [(self.place(value) or 0.0, f"{value:.3g}") for value in values]


def parallel_coordinates(
    trials: Sequence[TrialRecord],
    found: Sequence[TrialRecord],
    space: Mapping[str, Parameter],
    objectives: tuple[Objective, Objective],
    knee: int | None = None,
    paper: PublishedPoint | None = None,
) -> go.Figure:
    """Draw all feasible trials pale, the front coloured by its error, the knee and the paper above.

    Parameters
    ----------
    trials
        Feasible ones, with objectives.
    found
        The front.
    knee
        Number of the trial to mark.
    paper
        Drawn as far as its values lie on the axes.
    """
    axes = [*_parameter_axes(space), *_objective_axes(trials, objectives)]
    names = [name for name in space if _varied(space[name])]
    figure = go.Figure()
    on_front = {trial.number for trial in found}
    others = [_heights(trial, names, axes) for trial in trials if trial.number not in on_front]
    if others:
        figure.add_trace(_pale_lines(others))
    for rank, trial in enumerate(found):
        _add_front_line(figure, trial, _heights(trial, names, axes), objectives,
                        colour=_colour(rank, len(found)), first=rank == 0)  # fmt: skip
    for trial in found:
        if trial.number == knee:
            line = {"color": ACCENT, "width": 4}
            figure.add_trace(
                go.Scatter(y=_heights(trial, names, axes), mode="lines", line=line,
                           name=f"knee, trial {knee}", hoverinfo="skip")
            )  # fmt: skip
    if paper is not None:
        _add_paper(figure, paper, names, axes)
    return _with_axes(figure, axes)


def _parameter_axes(space: Mapping[str, Parameter]) -> list[_Axis]:
    return [_axis(parameter_name(name), space[name]) for name in space if _varied(space[name])]


def _axis(name: str, parameter: Parameter) -> _Axis:
    match parameter:
        case OrdinalParameter():
            return _Axis(name, 0, len(parameter.values) - 1, ranked=parameter.values)
        case CategoricalParameter():
            return _Axis(name, 0, len(parameter.choices) - 1, ranked=parameter.choices)
        case FloatParameter():
            return _Axis(name, parameter.low, parameter.high, parameter.log)
        case _:
            values = range(parameter.low, parameter.high + 1)
            if len(values) > 8 or parameter.log:
                return _Axis(name, parameter.low, parameter.high, parameter.log)
            return _Axis(name, 0, len(values) - 1, ranked=tuple(values))


def _varied(parameter: Parameter) -> bool:
    axis = _axis("", parameter)
    return axis.high > axis.low


def _objective_axes(
    trials: Sequence[TrialRecord], objectives: tuple[Objective, Objective]
) -> list[_Axis]:
    columns = objective_array(trials).T
    return [
        _Axis(objective.name, float(column.min()), float(column.max()), wide(column),
              objective.unit)
        for objective, column in zip(objectives, columns, strict=True)
    ]  # fmt: skip


def _heights(trial: TrialRecord, names: Sequence[str], axes: Sequence[_Axis]) -> list[float | None]:
    values = [*(trial.parameters.get(name) for name in names), *(trial.objectives or ())]
    return [
        None if value is None else axis.place(value)
        for axis, value in zip(axes, values, strict=True)
    ]


def _pale_lines(heights: Sequence[Sequence[float | None]]) -> go.Scatter:
    """All lines in one trace, with gaps between them."""
    x = [place for line in heights for place in (*range(len(line)), None)]
    y = [height for line in heights for height in (*line, None)]
    opacity = min(_PALE, max(_PALEST, _LINES_TOLD_APART / len(heights)))
    line = {"color": f"rgba(107, 101, 93, {opacity:.3g})", "width": 1}
    return go.Scatter(
        x=x, y=y, mode="lines", line=line, name="other feasible trials", hoverinfo="skip"
    )


def _add_front_line(
    figure: go.Figure,
    trial: TrialRecord,
    heights: Sequence[float | None],
    objectives: tuple[Objective, Objective],
    *,
    colour: str,
    first: bool,
) -> None:
    hover = trial_hover(trial, objectives)
    figure.add_trace(
        go.Scatter(x=list(range(len(heights))), y=heights, mode="lines+markers",
                   line={"color": colour, "width": 2}, marker={"size": 5},
                   name="front, the darker the more accurate", legendgroup="front",
                   showlegend=first, customdata=[hover] * len(heights),
                   hovertemplate="%{customdata}<extra></extra>")
    )  # fmt: skip


def _add_paper(
    figure: go.Figure, paper: PublishedPoint, names: Sequence[str], axes: Sequence[_Axis]
) -> None:
    values = [*(paper.parameters.get(name) for name in names), paper.accuracy, None]
    heights = [
        None if value is None else axis.place(value)
        for axis, value in zip(axes, values, strict=True)
    ]
    texts = [
        f"{SOURCE}: {escape(axis.name)} {parameter_value(value)}"
        for axis, value in zip(axes, values, strict=True)
    ]
    figure.add_trace(
        go.Scatter(x=list(range(len(axes))), y=heights, mode="markers", name=f"{SOURCE}, its best",
                   marker={"symbol": "diamond-open", "size": 12,
                           "line": {"width": 2, "color": INK}, "color": INK},
                   customdata=texts, hovertemplate="%{customdata}<extra></extra>")
    )  # fmt: skip


def _with_axes(figure: go.Figure, axes: Sequence[_Axis]) -> go.Figure:
    styled(figure)
    for place, axis in enumerate(axes):
        figure.add_shape(
            type="line", x0=place, x1=place, y0=0, y1=1, line={"color": INK, "width": 1},
            layer="below",
        )  # fmt: skip
        for height, text in axis.ticks():
            figure.add_annotation(
                x=place, y=height, text=text, showarrow=False, xanchor="right", xshift=-6,
                font={"size": 11, "color": MUTED}, bgcolor="rgba(255,255,255,0.75)", borderpad=1,
            )  # fmt: skip
    figure.update_xaxes(
        title=None, tickvals=list(range(len(axes))), ticktext=[axis.title for axis in axes],
        tickfont={"size": 11.5, "color": MUTED},
        range=[-0.6, len(axes) - 0.7], showgrid=False, showline=False, side="bottom", tickangle=0,
    )  # fmt: skip
    return figure.update_yaxes(range=[-0.06, 1.06], visible=False)


def _colour(rank: int, n: int) -> str:
    """From dark blue, the most accurate, to light blue."""
    share = rank / max(1, n - 1)
    dark, light = (0, 68, 110), (120, 196, 236)
    red, green, blue = (round(a + share * (b - a)) for a, b in zip(dark, light, strict=True))
    return f"rgb({red}, {green}, {blue})"
