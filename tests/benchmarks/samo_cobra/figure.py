"""Convergence of every method on every problem, as small multiples."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .methods import METHODS
from .problems import ATTAINABLE, PROBLEMS
from .records import OURS, Group, Records

COLOURS = {
    "samo-cobra": "#c1272d",
    "samo-cobra-default": "#c1272d",
    "nsga2": "#8c8c8c",
    "optuna-nsga2": "#b8a15a",
    "tpe": "#5a9367",
    "tpe-default": "#5a9367",
    "random": "#8c8c8c",
    "gpsampler": "#3b6fb6",
    "qlognehvi": "#222222",
}
N_COLUMNS = 5


def convergence(records: Records, path: Path, evaluations: int | None = None) -> None:
    """Draw 1 − hypervolume / attainable over evaluations: median and range over seeds.

    Parameters
    ----------
    evaluations
        Of every run, where they are not those of the published means, which are left out then.
    """
    mpl.rcParams["font.size"] = 8
    shown = [name for name in METHODS if name in records.methods()]
    n_rows = -(-(len(PROBLEMS) + 1) // N_COLUMNS)
    figure = Figure(figsize=(13, 2.5 * n_rows), layout="constrained")
    axes = figure.subplots(n_rows, N_COLUMNS).ravel()
    for panel, problem in zip(axes, PROBLEMS.values(), strict=False):
        for method in shown:
            if group := records.get(method, problem.name):
                _draw(panel, group, method, ATTAINABLE[problem.name])
        if evaluations is None:
            best = 1 - max(problem.published.values()) / ATTAINABLE[problem.name]
            panel.axhline(best, color="k", linestyle=":", linewidth=1)
        panel.set_yscale("log")
        panel.set_title(f"{problem.name} (d = {problem.n_variables})", fontsize=9)
        panel.set_xlim(0, evaluations or problem.budget)
    for panel in axes[len(PROBLEMS) :]:
        panel.set_axis_off()
    handles = [
        mpl.lines.Line2D([], [], color=COLOURS[name], label=METHODS[name].label) for name in shown
    ]
    if evaluations is None:
        published = mpl.lines.Line2D([], [], color="k", linestyle=":", label="best published mean")
        handles.append(published)
    axes[len(PROBLEMS)].legend(handles=handles, loc="center left", frameon=False, fontsize=9)
    figure.supxlabel("evaluations")
    figure.supylabel("1 − hypervolume / attainable hypervolume (median, range over seeds)")
    figure.savefig(path, dpi=110)


def _draw(panel: Axes, group: Group, method: str, attainable: float) -> None:
    gap = np.maximum(1 - group.hypervolumes() / attainable, 1e-6)
    evaluations = np.arange(1, gap.shape[1] + 1)
    ours = method.startswith(OURS)
    panel.plot(
        evaluations,
        np.median(gap, axis=0),
        color=COLOURS[method],
        linewidth=1.8 if ours else 1.0,
        zorder=3 if ours else 2,
    )
    panel.fill_between(
        evaluations, gap.min(axis=0), gap.max(axis=0), color=COLOURS[method], alpha=0.15, lw=0
    )
    if group.capped:
        panel.plot(evaluations[-1], np.median(gap[:, -1]), "x", color=COLOURS[method], zorder=4)
