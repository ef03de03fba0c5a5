"""Learning curves of the variants, seeds as a band."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter
from numpy.typing import NDArray

from analysis.report.figures import round_ticks, styled
from analysis.reproduction.runs import Run
from analysis.reproduction.tables import DATASET_NAMES, Quantity
from cuprolith.arrays import FloatArray
from training.variant import VARIANTS

_BAND_OPACITY = 0.18
_FEW_EPOCHS = 60  # are shown one by one


@dataclass(frozen=True, eq=False)
class Band:
    """A quantity per epoch over the seeds that have come that far.

    Attributes
    ----------
    epochs, mean, low, high
        Shape (n_epochs,); epochs from 1.
    """

    epochs: NDArray[np.int64]
    mean: FloatArray
    low: FloatArray
    high: FloatArray


def bands(quantity: Quantity, dataset: str, runs: Sequence[Run]) -> dict[str, Band]:
    """Return the band of each variant that has been trained on a dataset, in the table's unit."""
    curves: dict[str, list[FloatArray]] = {}
    for run in runs:
        if run.plan.dataset == dataset and run.epochs:
            errors = getattr(run.curve, quantity.curve)
            curves.setdefault(run.plan.variant, []).append(1000 * errors)
    found = {variant: _band(each) for variant, each in curves.items()}
    return {variant: band for variant, band in found.items() if band}


def _band(curves: Sequence[FloatArray]) -> Band | None:
    length = max(map(len, curves))
    values = np.array([[*curve, *[np.nan] * (length - len(curve))] for curve in curves])
    known = np.isfinite(values).any(axis=0)
    if not known.any():
        return None
    values, epochs = values[:, known], np.flatnonzero(known) + 1
    return Band(epochs, *(f(values, axis=0) for f in (np.nanmean, np.nanmin, np.nanmax)))


def learning_curves(found: Mapping[str, Band], quantity: Quantity, dataset: str) -> go.Figure:
    """Plot the bands on logarithmic axes, with the paper's numbers as level lines."""
    figure = go.Figure()
    for variant, band in found.items():
        name, colour = VARIANTS[variant].label, VARIANTS[variant].colour
        edges = np.concatenate([band.epochs, band.epochs[::-1]])
        outline = np.concatenate([band.high, band.low[::-1]])
        figure.add_trace(
            go.Scatter(x=edges, y=outline, fill="toself", fillcolor=colour, opacity=_BAND_OPACITY,
                       line={"width": 0}, hoverinfo="skip", showlegend=False, legendgroup=name)
        )  # fmt: skip
        figure.add_trace(
            go.Scatter(x=band.epochs, y=band.mean, name=name, legendgroup=name,
                       mode="lines+markers" if _few(band) else "lines", marker={"size": 5},
                       line={"color": colour, "width": 1.8},
                       hovertemplate="epoch %{x}: %{y:.4g}<extra>" + name + "</extra>")
        )  # fmt: skip
        if (level := quantity.published[dataset].get(variant)) is not None:
            ends = [int(band.epochs[0]), int(band.epochs[-1])]
            hover = f"paper: {level:g}<extra>{name}</extra>"
            figure.add_trace(
                go.Scatter(x=ends, y=[level, level], mode="lines", showlegend=False,
                           line={"color": colour, "width": 1.2, "dash": "dot"},
                           legendgroup=name, hovertemplate=hover)
            )  # fmt: skip
    values = [value for band in found.values() for value in (*band.low, *band.high)]
    levels = [quantity.published[dataset].get(variant, np.nan) for variant in found]
    figure.update_xaxes(title="epoch", type="log")
    figure.update_yaxes(
        title=f"{quantity.name} MAE, {quantity.unit}", type="log", **round_ticks([*values, *levels])
    )
    return styled(figure)


def _few(band: Band) -> bool:
    return len(band.epochs) < _FEW_EPOCHS


def learning_curves_png(
    found: Sequence[tuple[Quantity, Mapping[str, Band]]], dataset: str
) -> bytes:
    """Draw the same side by side, forces and energies, as a PNG for a page of text."""
    figure = Figure(figsize=(4.6 * len(found), 3.2), layout="constrained")
    for axes, (quantity, variants) in zip(
        figure.subplots(1, len(found), squeeze=False)[0], found, strict=True
    ):
        for variant, band in variants.items():
            colour = VARIANTS[variant].colour
            marker = "o" if _few(band) else ""
            name = VARIANTS[variant].label
            axes.plot(band.epochs, band.mean, marker, ls="-", c=colour, label=name, lw=1.4, ms=3)
            axes.fill_between(
                band.epochs, band.low, band.high, color=colour, alpha=_BAND_OPACITY, lw=0
            )
            if (level := quantity.published[dataset].get(variant)) is not None:
                axes.axhline(level, color=colour, lw=0.9, ls=":")
        axes.set(
            xscale="log", yscale="log", xlabel="epoch",
            ylabel=f"{quantity.name} MAE, {quantity.unit}", title=DATASET_NAMES[dataset],
        )  # fmt: skip
        label_plainly(axes.xaxis)
        label_plainly(axes.yaxis)
        axes.plot([], [], c="grey", lw=0.9, ls=":", label="the paper's number")
        axes.grid(alpha=0.25, lw=0.6)
        axes.legend(frameon=False, fontsize=8)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=130)
    return buffer.getvalue()


def label_plainly(axis: Axis) -> None:
    """Ticks at 1, 2, 5, 10, ... written as such, on a logarithmic axis."""
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.set_minor_formatter(NullFormatter())
