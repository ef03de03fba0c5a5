"""Figures of studies: fronts, hypervolume over evaluations, importance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from analysis.report.figures import ACCENT, INK, MUTED, OTHER_COLOUR, round_ticks, styled
from analysis.report.study_words import axis_title, parameter_name, trial_hover
from analysis.tuning.front import front, objective_array, wide
from analysis.tuning.history import History
from analysis.tuning.importance import Importance
from analysis.tuning.pareto import Objective
from analysis.tuning.published import SOURCE, PublishedPoint
from analysis.tuning.trials import StudyRecord, TrialRecord
from cuprolith.arrays import FloatArray
from training.variant import VARIANTS

_HOVER = "%{customdata}<extra></extra>"
_PALE = 0.35


def pareto_figure(
    record: StudyRecord,
    objectives: tuple[Objective, Objective],
    knee: int | None,
    paper: PublishedPoint | None,
) -> go.Figure:
    """Error against inference cost of every trial with both, the front as a line.

    Parameters
    ----------
    knee
        Number of the trial to mark.
    paper
        Its error is drawn as a level line: the paper prints no inference times.
    """
    judged = [trial for trial in record.trials if trial.judged]
    feasible = record.feasible
    figure = go.Figure()
    infeasible = [trial for trial in judged if not trial.feasible]
    if infeasible:
        figure.add_trace(
            _points(infeasible, objectives, "beyond a limit",
                    {"symbol": "circle-open", "size": 7, "color": OTHER_COLOUR})
        )  # fmt: skip
    if feasible:
        figure.add_trace(
            _points(feasible, objectives, "within the limits", _by_generation(feasible))
        )
    found = front(record.trials)
    if found:
        figure.add_trace(_front_line(found, "front", INK))
    if marked := [trial for trial in found if trial.number == knee]:
        figure.add_trace(
            _points(marked, objectives, f"knee, trial {knee}",
                    {"symbol": "star", "size": 15, "color": ACCENT,
                     "line": {"color": "#ffffff", "width": 1}})
        )  # fmt: skip
    values = objective_array(judged)
    _add_paper_levels(figure, [] if paper is None else [paper], values)
    return _error_against_cost(figure, objectives, values, [paper] if paper else [])


def comparison_figure(
    records: Sequence[StudyRecord],
    objectives: tuple[Objective, Objective],
    papers: Sequence[PublishedPoint],
) -> go.Figure:
    """Fronts of several studies of the same data, a colour per variant."""
    figure = go.Figure()
    shown = []
    for record, dash in zip(records, _dashes(records), strict=True):
        colour, name = VARIANTS[record.study.variant].colour, study_label(record, records)
        found = front(record.trials)
        if not found:
            continue
        rest = [trial for trial in record.feasible if trial not in found]
        for chosen, marker in (
            (rest, {"size": 4, "opacity": _PALE, "color": colour}),
            (found, {"size": 7, "color": colour}),
        ):
            trace = _points(chosen, objectives, name, marker)
            trace.update(legendgroup=name, showlegend=False)
            figure.add_trace(trace)
        line = _front_line(found, name, colour)
        line.update(legendgroup=name, line_dash=dash)
        figure.add_trace(line)
        shown += record.feasible
    values = objective_array(shown)
    _add_paper_levels(figure, papers, values)
    return _error_against_cost(figure, objectives, values, papers)


def study_label(record: StudyRecord, among: Sequence[StudyRecord]) -> str:
    """Name a study by its variant, and by its folder where another has the same."""
    name = VARIANTS[record.study.variant].label
    alike = sum(other.study.variant == record.study.variant for other in among)
    return name if alike == 1 else f"{name} ({record.folder.name})"


def history_figure(
    histories: Mapping[str, tuple[History, str]], objectives: tuple[Objective, Objective]
) -> go.Figure:
    """Hypervolume after each evaluation, a line per study: name to history and colour."""
    error, cost = objectives
    figure = go.Figure()
    for name, (history, colour) in histories.items():
        figure.add_trace(
            go.Scatter(x=_evaluations(history), y=history.hypervolume, name=name, mode="lines",
                       line={"color": colour, "width": 1.8, "shape": "hv"},
                       hovertemplate="evaluation %{x}: %{y:.5g}<extra></extra>")
        )  # fmt: skip
    figure.update_xaxes(title="evaluations")
    figure.update_yaxes(title=f"hypervolume, {error.unit} × {cost.unit}", rangemode="tozero")
    figure.update_layout(showlegend=len(histories) > 1)
    return styled(figure)


def progress_figure(
    history: History, trials: Sequence[TrialRecord], objective: Objective
) -> go.Figure:
    """Smallest error of a feasible trial so far, and each trial's own; the others on the axis."""
    evaluations = _evaluations(history)
    judged = np.array([trial.judged for trial in trials], dtype=bool)
    errors = np.array([trial.objectives[0] if trial.objectives else np.nan for trial in trials])
    figure = go.Figure(
        [
            go.Scatter(x=evaluations[judged], y=errors[judged], name="each trial", mode="markers",
                       marker={"size": 4.5, "color": MUTED, "opacity": 0.5},
                       hovertemplate="evaluation %{x}: %{y:.4g}<extra></extra>"),
            go.Scatter(x=evaluations, y=history.best_accuracy, name="best within the limits",
                       mode="lines",
                       line={"color": ACCENT, "width": 1.8, "shape": "hv"},
                       hovertemplate="best after %{x}: %{y:.4g}<extra></extra>"),
        ]
    )  # fmt: skip
    if not judged.all():
        figure.add_trace(
            go.Scatter(x=evaluations[~judged], y=np.full((~judged).sum(), _floor(errors)),
                       name="failed or not trained", mode="markers",
                       marker={"symbol": "x-thin", "size": 8, "line": {"width": 1.5, "color": INK}},
                       hovertemplate="evaluation %{x}: no error<extra></extra>")
        )  # fmt: skip
    figure.update_xaxes(title="evaluations")
    figure.update_yaxes(title=axis_title(objective), **_scale(errors))
    return styled(figure)


def importance_figure(found: Mapping[str, Sequence[Importance]], colour: str) -> go.Figure:
    """Bars of the parameters' importance, objectives side by side; pale where chance gives as much.

    Parameters
    ----------
    found
        By objective; the first decides the order of the parameters.
    """
    order = [importance.parameter for importance in next(iter(found.values()))]
    labels = [parameter_name(name) for name in order]
    figure = make_subplots(
        rows=1, cols=len(found), shared_yaxes=True, horizontal_spacing=0.06,
        subplot_titles=list(found),
    )  # fmt: skip
    for column, importances in enumerate(found.values(), start=1):
        by_name = {importance.parameter: importance for importance in importances}
        rows = [by_name[name] for name in order]
        figure.add_trace(
            go.Bar(y=labels, x=[row.share for row in rows], orientation="h", showlegend=False,
                   marker={"color": colour,
                           "opacity": [1.0 if row.significant else _PALE for row in rows]},
                   hovertemplate="%{y}: %{x:.3f}<extra></extra>"),
            row=1, col=column,
        )  # fmt: skip
        figure.add_trace(
            go.Scatter(y=labels, x=[row.by_chance for row in rows], mode="markers",
                       name="chance (95 %)", showlegend=column == 1,
                       marker={"symbol": "line-ns", "size": 14, "line": {"width": 2, "color": INK}},
                       hovertemplate="chance stays below %{x:.3f}<extra>%{y}</extra>"),
            row=1, col=column,
        )  # fmt: skip
    figure.update_layout(bargap=0.35)
    figure.update_xaxes(title="share of importance", rangemode="tozero")
    figure.update_yaxes(autorange="reversed", showgrid=False, ticksuffix="  ")
    styled(figure).update_annotations(font={"size": 13, "color": MUTED})
    return figure.update_layout(legend_y=1.09, margin_t=58)  # above the titles


def _points(
    trials: Sequence[TrialRecord],
    objectives: tuple[Objective, Objective],
    name: str,
    marker: dict[str, Any],
) -> go.Scatter:
    values = objective_array(trials)
    return go.Scatter(
        x=values[:, 1], y=values[:, 0], mode="markers", name=name, marker=marker,
        customdata=[trial_hover(trial, objectives) for trial in trials], hovertemplate=_HOVER,
    )  # fmt: skip


def _by_generation(trials: Sequence[TrialRecord]) -> dict[str, Any]:
    generations = [trial.generation for trial in trials]
    marker: dict[str, Any] = {"size": 8, "color": generations, "colorscale": "Viridis"}
    if len(set(generations)) > 1:
        title = {"text": "generation", "side": "right"}
        marker["colorbar"] = {"title": title, "thickness": 12, "outlinewidth": 0}
    return marker


def _front_line(found: Sequence[TrialRecord], name: str, colour: str) -> go.Scatter:
    """Draw the border of what the front dominates: steps, for nothing is known in between."""
    values = objective_array(sorted(found, key=lambda trial: (trial.objectives or ())[1:]))
    return go.Scatter(
        x=values[:, 1], y=values[:, 0], mode="lines", name=name, hoverinfo="skip",
        line={"color": colour, "width": 1.5, "shape": "hv"},
    )  # fmt: skip


def _add_paper_levels(
    figure: go.Figure, papers: Sequence[PublishedPoint], values: FloatArray
) -> None:
    if not len(values):
        return
    ends = [float(values[:, 1].min()), float(values[:, 1].max())]
    for paper in papers:
        if paper.accuracy is None:
            continue
        name = f"{VARIANTS[paper.variant].label} in {SOURCE}, Table IV (no time given)"
        figure.add_trace(
            go.Scatter(x=ends, y=[paper.accuracy] * 2, mode="lines", name=name,
                       line={"color": VARIANTS[paper.variant].colour, "width": 1.4, "dash": "dot"},
                       hovertemplate=f"{name}: {paper.accuracy:g} eV/Å<extra></extra>")
        )  # fmt: skip


def _error_against_cost(
    figure: go.Figure,
    objectives: tuple[Objective, Objective],
    values: FloatArray,
    papers: Sequence[PublishedPoint],
) -> go.Figure:
    levels = [paper.accuracy for paper in papers if paper.accuracy is not None]
    figure.update_xaxes(title=axis_title(objectives[1]), **_scale(values[:, 1]))
    figure.update_yaxes(
        title=axis_title(objectives[0]), **_scale(np.array([*values[:, 0], *levels]))
    )
    return styled(figure)


def _scale(values: FloatArray) -> dict[str, Any]:
    known = values[np.isfinite(values)]
    return {"type": "log", **round_ticks(known)} if wide(known) else {"rangemode": "normal"}


def _floor(errors: FloatArray) -> float:
    """Return where on the error axis failures are marked: a little below all errors."""
    known = errors[np.isfinite(errors)]
    if not len(known):
        return 0.0
    return float(known.min() / 1.3 if wide(known) else known.min() - 0.08 * np.ptp(known))


def _evaluations(history: History) -> NDArray[np.int64]:
    return np.arange(1, len(history.number) + 1)


def _dashes(records: Sequence[StudyRecord]) -> list[str]:
    """Tell studies of one variant apart."""
    seen: dict[str, int] = {}
    dashes = []
    for record in records:
        rank = seen.get(record.study.variant, 0)
        seen[record.study.variant] = rank + 1
        dashes.append(("solid", "dash", "dashdot", "longdash")[rank % 4])
    return dashes
