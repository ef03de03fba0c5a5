"""Fronts and hypervolumes as a PNG, for a page of text."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from analysis.report.study_figures import study_label
from analysis.report.study_words import axis_title
from analysis.reproduction.curves import label_plainly
from analysis.tuning.front import front, objective_array, wide
from analysis.tuning.history import history
from analysis.tuning.pareto import Objective, common_reference_point, objectives, pareto
from analysis.tuning.trials import StudyRecord
from training.variant import VARIANTS


def studies_png(records: Sequence[StudyRecord]) -> bytes:
    """Draw studies of the same data: all feasible trials and fronts, hypervolume over evaluations.

    Parameters
    ----------
    records
        Each with at least one feasible trial, and with the same objectives.

    Raises
    ------
    ValueError
        If a study has no feasible trial.
    """
    for record in records:
        if not record.feasible:
            raise ValueError(f"{record.folder} has no feasible trial: there is nothing to draw")
    named = objectives(records[0])
    figure = Figure(figsize=(9.2, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    _draw_fronts(left, records, named)
    _draw_hypervolumes(right, records, named)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=130)
    return buffer.getvalue()


def _draw_fronts(
    axes: Axes, records: Sequence[StudyRecord], named: tuple[Objective, Objective]
) -> None:
    for record in records:
        colour = VARIANTS[record.study.variant].colour
        found = objective_array(front(record.trials))[::-1]
        every = objective_array(record.feasible)
        axes.plot(every[:, 1], every[:, 0], "o", ms=2.5, c=colour, alpha=0.3, mew=0)
        axes.plot(found[:, 1], found[:, 0], "o-", c=colour, lw=1.4, ms=3.5, drawstyle="steps-post",
                  label=study_label(record, records))  # fmt: skip
        knee = pareto(record).knee
        for trial in record.feasible:
            if trial.number == knee and trial.objectives:
                axes.plot(*trial.objectives[::-1], "*", c=colour, ms=12, mec="white", mew=0.8)
    axes.plot([], [], "*", c="grey", ms=9, label="knee")
    values = objective_array([trial for record in records for trial in record.feasible])
    axes.set(xlabel=axis_title(named[1]), ylabel=axis_title(named[0]))
    if wide(values[:, 1]):
        axes.set_xscale("log")
        label_plainly(axes.xaxis)
    if wide(values[:, 0]):
        axes.set_yscale("log")
        label_plainly(axes.yaxis)
    axes.grid(alpha=0.25, lw=0.6)
    axes.legend(frameon=False, fontsize=8)


def _draw_hypervolumes(
    axes: Axes, records: Sequence[StudyRecord], named: tuple[Objective, Objective]
) -> None:
    reference = common_reference_point(records)
    for record in records:
        course = history(record.trials, reference).hypervolume
        axes.plot(np.arange(1, len(course) + 1), course, drawstyle="steps-post", lw=1.4,
                  c=VARIANTS[record.study.variant].colour)  # fmt: skip
    axes.set(xlabel="evaluations", ylabel=f"hypervolume, {named[0].unit} × {named[1].unit}")
    axes.set_ylim(bottom=0)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.25, lw=0.6)
