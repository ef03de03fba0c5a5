"""The report's figures, as plotly figures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from math import ceil, floor, log10
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from analysis.distributions import FORCE_EDGES, Count, Distributions
from analysis.parity import ParityPoints
from cuprolith.arrays import FloatArray, IntArray
from generators.family import kind_of

# Okabe and Ito's, and similar: for readers who do not distinguish red from green.
PALETTE = ("#0072b2", "#e69f00", "#009e73", "#56b4e9", "#cc79a7", "#d55e00", "#6b4c9a", "#000000")
OTHER_COLOUR = "#6f6a64"
ACCENT = "#9a4a1f"
INK = "#22201d"
MUTED = "#6b655d"
GRID = "#e7e2da"
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"

_N_ENERGY_BINS = 60


def family_colour(family: str) -> str:
    """Colour of a family in all figures and labels."""
    return kind_of(family).colour or OTHER_COLOUR


def split_counts(distributions: Distributions, families: Sequence[str]) -> go.Figure:
    """Frames of each split as bars, stacked by family."""
    none = Count()
    counts = distributions.counts
    frames = {
        family: [split.get(family, none).n_frames for split in counts.values()]
        for family in families
    }
    figure = _stacked(
        {name: {"x": x, "y": list(counts), "orientation": "h"} for name, x in frames.items()},
        "%{y}: %{x} frames",
    )
    figure.update_layout(bargap=0.35)
    figure.update_xaxes(title="frames")
    figure.update_yaxes(autorange="reversed", showgrid=False, ticksuffix="  ")
    return styled(figure)


def force_distribution(distributions: Distributions, families: Sequence[str]) -> go.Figure:
    """Histogram of |F| over all atoms on a logarithmic axis, stacked by family."""
    counts = {name: distributions.force_counts[name][1:-1] for name in families}
    figure = _histogram(np.sqrt(FORCE_EDGES[:-1] * FORCE_EDGES[1:]), FORCE_EDGES, counts,
                        "|F| ≈ %{x:.3g} eV/Å: %{y} atoms")  # fmt: skip
    figure.update_xaxes(type="log", title="|F| of an atom, eV/Å", **_ticks(FORCE_EDGES[::10]))
    figure.update_yaxes(title="atoms")
    return styled(figure)


def energy_distribution(energies: Mapping[str, FloatArray], families: Sequence[str]) -> go.Figure:
    """Histogram of the energy per atom beyond the composition-linear fit, stacked by family."""
    values = np.concatenate([energies[family] for family in families])
    edges = np.histogram_bin_edges(values[np.isfinite(values)], bins=_N_ENERGY_BINS)
    counts = {family: np.histogram(energies[family], bins=edges)[0] for family in families}
    figure = _histogram((edges[:-1] + edges[1:]) / 2, edges, counts,
                        "%{x:.3f} eV/atom: %{y} frames")  # fmt: skip
    figure.update_xaxes(title="energy beyond the composition-linear fit, eV/atom")
    figure.update_yaxes(title="frames")
    return styled(figure)


def _histogram(
    centres: FloatArray, edges: FloatArray, counts: Mapping[str, IntArray], hover: str
) -> go.Figure:
    width = np.diff(edges)
    bars = {name: {"x": centres, "y": y, "width": width} for name, y in counts.items()}
    return _stacked(bars, hover)


def _stacked(bars: Mapping[str, Mapping[str, Any]], hover: str) -> go.Figure:
    """Stack the bars of each family."""
    figure = go.Figure()
    for family, bar in bars.items():
        marker = {"color": family_colour(family), "line": {"width": 0}}
        template = f"{hover}<extra>{family}</extra>"
        figure.add_trace(go.Bar(name=family, marker=marker, hovertemplate=template, **bar))
    return figure.update_layout(barmode="stack", bargap=0)


def melt_quench(temperatures: Mapping[str, Sequence[float]], distributions: Distributions
                ) -> go.Figure:  # fmt: skip
    """Temperature and energy along melt-quench trajectories, one line each."""
    figure = make_subplots(rows=1, cols=2, horizontal_spacing=0.13)
    for index, (trajectory, values) in enumerate(temperatures.items()):
        colour = PALETTE[index % len(PALETTE)]
        name = trajectory.split("/")[0]
        every = ceil(len(values) / 1500) or 1
        line = {"color": colour, "width": 1.4}
        figure.add_trace(
            go.Scatter(x=np.arange(len(values))[::every], y=np.asarray(values)[::every],
                       name=name, line=line, legendgroup=trajectory,
                       hovertemplate="step %{x}: %{y:.0f} K<extra></extra>"),
            row=1, col=1,
        )  # fmt: skip
        if trajectory in distributions.traces:
            steps, energies = distributions.traces[trajectory].sorted()
            figure.add_trace(
                go.Scatter(x=steps, y=1000 * (energies - energies[0]), name=name, line=line,
                           mode="lines", legendgroup=trajectory, showlegend=False,
                           hovertemplate="step %{x}: %{y:.1f} meV/atom<extra></extra>"),
                row=1, col=2,
            )  # fmt: skip
    figure.update_xaxes(title="MD step")
    figure.update_yaxes(title="temperature, K", rangemode="tozero", row=1, col=1)
    figure.update_yaxes(title="energy since the first step, meV/atom", row=1, col=2)
    figure.update_layout(showlegend=len(temperatures) > 1)
    return styled(figure)


def learning_curve(
    epochs: IntArray,
    values: FloatArray,
    *,
    quantity: str,
    baselines: Mapping[str, float],
) -> go.Figure:
    """One quantity per epoch on a logarithmic axis, with baselines as level lines.

    Parameters
    ----------
    epochs, values
        One entry per epoch; values that are not positive cannot be shown.
    quantity
        Name and unit, for the axis.
    baselines
        Levels by name, in the unit of `values`.
    """
    mode = "lines+markers" if len(epochs) < 60 else "lines"
    hover = "epoch %{x}: %{y:.4g}<extra></extra>"
    figure = go.Figure(
        go.Scatter(x=epochs, y=values, name="model", mode=mode, hovertemplate=hover,
                   marker={"size": 4}, line={"color": ACCENT, "width": 1.8})
    )  # fmt: skip
    for (name, level), dash in zip(baselines.items(), ("dash", "dot"), strict=False):
        line = {"color": MUTED, "width": 1.4, "dash": dash}
        ends = [int(epochs.min()), int(epochs.max())]
        figure.add_trace(
            go.Scatter(x=ends, y=[level, level], mode="lines", name=name, line=line,
                       hovertemplate=f"{escape(name)}: {level:.4g}<extra></extra>")
        )  # fmt: skip
    figure.update_xaxes(title="epoch")
    figure.update_yaxes(title=quantity, type="log", **round_ticks([*values, *baselines.values()]))
    figure.update_layout(showlegend=bool(baselines))
    return styled(figure)


def parity(points: ParityPoints, *, quantity: str) -> go.Figure:
    """Prediction against label, coloured by family, with the line of equality.

    Parameters
    ----------
    quantity
        Name and unit, for the axes.
    """
    reference, predicted, families = points.reference, points.predicted, points.families
    figure = go.Figure()
    for family in sorted(set(families.tolist()), key=lambda name: -(families == name).sum()):
        chosen = families == family
        figure.add_trace(
            go.Scatter(x=reference[chosen], y=predicted[chosen], mode="markers", name=family,
                       marker={"size": 4.5, "opacity": 0.55, "color": family_colour(family)},
                       hovertemplate="label %{x:.4g}, model %{y:.4g}<extra>" + family + "</extra>")
        )  # fmt: skip
    finite = np.isfinite(predicted) & np.isfinite(reference)
    both = np.concatenate([reference[finite], predicted[finite]]) if finite.any() else np.zeros(1)
    low, high = float(both.min()), float(both.max())
    pad = 0.04 * (high - low) or 1.0
    ends = [low - pad, high + pad]
    figure.add_trace(
        go.Scatter(x=ends, y=ends, mode="lines", showlegend=False, hoverinfo="skip",
                   line={"color": INK, "width": 1, "dash": "dot"})
    )  # fmt: skip
    figure.update_xaxes(title=f"{quantity}, label", range=ends, constrain="domain")
    figure.update_yaxes(title=f"{quantity}, model", range=ends, scaleanchor="x", constrain="domain")
    return styled(figure)


def round_ticks(values: Iterable[float]) -> dict[str, object]:
    """Ticks of a logarithmic axis at round numbers: the fewer per decade, the longer it is."""
    positive = [value for value in values if np.isfinite(value) and value > 0]
    if not positive:
        return {}
    low, high = min(positive), max(positive)
    digits = (1, 2, 3, 4, 5, 6, 8) if high < 8 * low else (1, 2, 5) if high < 1000 * low else (1,)
    powers = range(floor(log10(low)), ceil(log10(high)) + 1)
    return _ticks([digit * 10.0**power for power in powers for digit in digits])


def _ticks(values: Iterable[float]) -> dict[str, object]:
    places = [float(value) for value in values]
    return {"tickvals": places, "ticktext": [f"{float(f'{place:.3g}'):g}" for place in places]}


def styled(figure: go.Figure) -> go.Figure:
    """Give a figure the look of all others, and return it."""
    for rank, trace in enumerate(figure.data):  # stacked bars would be listed upside down
        trace.legendrank = rank + 1
        trace.name = escape(trace.name) if trace.name else None  # plotly reads markup in names
    figure.update_layout(
        template="none",
        font={"family": FONT, "size": 13, "color": INK},
        margin={"l": 62, "r": 16, "t": 34, "b": 44},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        legend={
            "orientation": "h",
            "x": 0,
            "y": 1.02,
            "yanchor": "bottom",
            "itemsizing": "constant",
        },
        hoverlabel={"font": {"family": FONT}},
        modebar={
            "orientation": "v",
            "bgcolor": "rgba(255,255,255,0.7)",
            "color": MUTED,
            "activecolor": ACCENT,
        },
    )
    axis = {
        "gridcolor": GRID,
        "zeroline": False,
        "linecolor": GRID,
        "automargin": True,
        "title_font": {"size": 13, "color": MUTED},
        "title_standoff": 8,
        "tickfont": {"color": MUTED},
    }
    figure.update_xaxes(**axis)
    figure.update_yaxes(**axis)
    return figure
