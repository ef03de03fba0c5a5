"""Figures of studies: Optuna's own with published results, and comparisons of studies."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from analysis.report.figures import ACCENT, INK, round_ticks, styled
from analysis.report.study_words import axis_title, trial_hover
from analysis.tuning.front import front, objective_array, spans_decades
from analysis.tuning.optuna_study import optuna_study, quiet_optuna
from analysis.tuning.published import SOURCE, PublishedPoint
from analysis.tuning.trials import StudyRecord, TrialRecord
from cuprolith.arrays import FloatArray
from training.tuning.objectives import Objective
from training.variant import VARIANTS

FEWEST_TRIALS = 20
"""With fewer trials that have objectives, importances would be random."""

# PED-ANOVA compares the best tenth of the trials, at least five, with all of them.
_GOOD_SHARE, _FEWEST_GOOD = 0.1, 5
_PALE = 0.35
_LONG_LABEL = 14


def pareto_figure(
    record: StudyRecord, knee: int | None, papers: Sequence[PublishedPoint]
) -> go.Figure:
    """Error against inference cost of every trial with both, and the border of the front.

    Parameters
    ----------
    papers
        Their errors are drawn as level lines: the paper prints no inference times.
    """
    from optuna.visualization import plot_pareto_front

    error, cost = record.study.objectives
    with quiet_optuna():
        figure = plot_pareto_front(
            optuna_study(record),
            targets=lambda trial: (trial.values[1], trial.values[0]),
            target_names=[axis_title(cost), axis_title(error)],
        )
    found = front(record.trials)
    if found:
        figure.add_trace(_front_line(found, "front", INK))
    if marked := [trial for trial in found if trial.number == knee]:
        star = {"symbol": "star", "size": 15, "color": ACCENT, "line": {"color": "white"}}
        figure.add_trace(_points(marked, record.study.objectives, f"knee, trial {knee}", star))
    values = objective_array([trial for trial in record.trials if trial.evaluated])
    _error_against_cost(figure, record.study.objectives, values, papers)
    return figure.update_layout(margin_r=150)  # two colour bars


def comparison_figure(
    records: Sequence[StudyRecord], papers: Sequence[PublishedPoint]
) -> go.Figure:
    """Fronts of several studies of the same data, a colour per variant."""
    figure = go.Figure()
    objectives = records[0].study.objectives
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
            figure.add_trace(trace.update(legendgroup=name, showlegend=False))
        figure.add_trace(_front_line(found, name, colour).update(legendgroup=name, line_dash=dash))
        shown += record.feasible
    return _error_against_cost(figure, objectives, objective_array(shown), papers)


def study_label(record: StudyRecord, among: Sequence[StudyRecord]) -> str:
    """Name a study by its variant, and by its folder where another has the same."""
    name = VARIANTS[record.study.variant].label
    alike = sum(other.study.variant == record.study.variant for other in among)
    return name if alike == 1 else f"{name} ({record.folder.name})"


def hypervolume_figure(
    records: Mapping[str, StudyRecord], reference: tuple[float, float]
) -> go.Figure:
    """Hypervolume of the feasible trials so far, a line per study by its label."""
    from optuna.visualization import plot_hypervolume_history

    figure = go.Figure()
    units = ""
    for name, record in records.items():
        colour = VARIANTS[record.study.variant].colour
        with quiet_optuna():
            (line,) = plot_hypervolume_history(optuna_study(record), list(reference)).data
        line.update(name=name, mode="lines", line={"color": colour, "width": 1.8, "shape": "hv"})
        figure.add_trace(line)
        units = " × ".join(objective.unit for objective in record.study.objectives)
    figure.update_xaxes(title="trial")
    figure.update_yaxes(title=f"hypervolume, {units}", rangemode="tozero")
    figure.update_layout(showlegend=len(records) > 1)
    return styled(figure)


def progress_figure(record: StudyRecord) -> go.Figure:
    """Error of each trial, and the smallest of a feasible trial so far."""
    from optuna.visualization import plot_optimization_history

    error = record.study.objectives[0]
    with quiet_optuna():
        figure = plot_optimization_history(optuna_study(record, [0]), target_name=axis_title(error))
    values = objective_array([trial for trial in record.trials if trial.evaluated])
    figure.update_xaxes(title="trial")
    figure.update_yaxes(title=axis_title(error), **_scale(values[:, 0]))
    return styled(figure.update_layout(title=None))


def importance_figure(record: StudyRecord) -> go.Figure | None:
    """Draw the importance of the parameters; None where there are too few trials.

    References
    ----------
    Watanabe, Bansal and Hutter, IJCAI 2023 (arXiv:2304.10255).
    """
    from optuna.importance import PedAnovaImportanceEvaluator
    from optuna.visualization import plot_param_importances

    n_trials = sum(trial.evaluated for trial in record.trials)
    if n_trials < FEWEST_TRIALS:
        return None
    share = max(_GOOD_SHARE, _FEWEST_GOOD / n_trials)
    with quiet_optuna():
        evaluator = PedAnovaImportanceEvaluator(target_quantile=share)
        figure = plot_param_importances(optuna_study(record), evaluator=evaluator)
    figure.update_layout(title=None, bargap=0.3)
    figure.update_yaxes(title=None, ticksuffix="  ")
    return styled(figure)


def parallel_figure(record: StudyRecord) -> go.Figure:
    """Hyper-parameters and objectives of the trials as lines, coloured by Pareto rank."""
    from optuna.visualization import plot_parallel_coordinate

    with quiet_optuna():
        figure = plot_parallel_coordinate(optuna_study(record))
    styled(figure.update_layout(title=None))
    figure.update_xaxes(
        ticktext=[_on_lines(label) for label in figure.layout.xaxis.ticktext], tickangle=0,
        tickfont_size=11,
    )  # fmt: skip
    return figure.update_layout(margin_b=70)


def _on_lines(label: str) -> str:
    """Break a long label of an axis between its words."""
    return re.sub(r"(?<=[_ ])", "<br>", label) if len(label) > _LONG_LABEL else label


def _points(
    trials: Sequence[TrialRecord],
    objectives: tuple[Objective, Objective],
    name: str,
    marker: dict[str, Any],
) -> go.Scatter:
    values = objective_array(trials)
    return go.Scatter(
        x=values[:, 1], y=values[:, 0], mode="markers", name=name, marker=marker,
        customdata=[trial_hover(trial, objectives) for trial in trials],
        hovertemplate="%{customdata}<extra></extra>",
    )  # fmt: skip


def _front_line(found: Sequence[TrialRecord], name: str, colour: str) -> go.Scatter:
    """Draw the border of what the front dominates: steps, since nothing is known in between."""
    values = objective_array(sorted(found, key=lambda trial: (trial.objectives or ())[1:]))
    return go.Scatter(
        x=values[:, 1], y=values[:, 0], mode="lines", name=name, hoverinfo="skip",
        line={"color": colour, "width": 1.5, "shape": "hv"},
    )  # fmt: skip


def _error_against_cost(
    figure: go.Figure,
    objectives: tuple[Objective, Objective],
    values: FloatArray,
    papers: Sequence[PublishedPoint],
) -> go.Figure:
    ends = [float(values[:, 1].min()), float(values[:, 1].max())] if len(values) else []
    levels = []
    for paper in papers:
        if paper.accuracy is None or not ends:
            continue
        levels.append(paper.accuracy)
        name = f"{VARIANTS[paper.variant].label} in {SOURCE}, Table IV (no time given)"
        figure.add_trace(
            go.Scatter(x=ends, y=[paper.accuracy] * 2, mode="lines", name=name,
                       line={"color": VARIANTS[paper.variant].colour, "width": 1.4, "dash": "dot"},
                       hovertemplate=f"{name}: {paper.accuracy:g} eV/Å<extra></extra>")
        )  # fmt: skip
    figure.update_xaxes(title=axis_title(objectives[1]), **_scale(values[:, 1]))
    figure.update_yaxes(
        title=axis_title(objectives[0]), **_scale(np.array([*values[:, 0], *levels]))
    )
    return styled(figure.update_layout(title=None))


def _scale(values: FloatArray) -> dict[str, Any]:
    return (
        {"type": "log", **round_ticks(values)} if spans_decades(values) else {"rangemode": "normal"}
    )


def _dashes(records: Sequence[StudyRecord]) -> list[str]:
    """Give studies of one variant different dashes."""
    seen: dict[str, int] = {}
    dashes = []
    for record in records:
        rank = seen.get(record.study.variant, 0)
        seen[record.study.variant] = rank + 1
        dashes.append(("solid", "dash", "dashdot", "longdash")[rank % 4])
    return dashes
