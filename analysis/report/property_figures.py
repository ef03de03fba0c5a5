"""Figures of properties: curves in small multiples, and values as bars side by side."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import ceil
from textwrap import wrap
from typing import TypeVar

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from analysis.report.content import Figure, count, plural
from analysis.report.figures import ACCENT, INK, styled
from analysis.validation.judged import JudgedProperty
from analysis.validation.results import CurvePair, Value
from cuprolith.arrays import FloatArray

Drawn = TypeVar("Drawn", CurvePair, Value)

PANELS_SHOWN = 12
BARS_SHOWN = 120

_POINTS_SHOWN = 200  # of a curve
_BARS_IN_ROW = 40
_LETTERS_UPRIGHT = 26  # in a title along a panel
_LETTERS_IN_HALF = 80  # of labels below bars
_WIDE_PANELS, _MOST_COLUMNS = 3, 4
_PANEL_HEIGHT, _BETWEEN_PANELS, _BARS_HEIGHT = 190, 75, 260  # pixels
_TOP, _BOTTOM = 66, 50
_WALL_DEPTHS = 6  # a wall is shown up to this many times the depth of the well
_LEGEND_PIXELS = 24  # above the titles of panels
_MARKED_CURVE = 15  # points; longer curves are lines alone
_REFERENCE_COLOUR = "#8c857b"
_WRONG = "✗"


def property_figures(judged: JudgedProperty) -> list[Figure]:
    """Draw a property as its definition says; curves of an unknown one are drawn, too."""
    if judged.curves:
        return [_curves(judged)]
    if judged.definition is not None and judged.definition.figure == "bars":
        values = [value for value in judged.values if _is_number(value.value)]
        return [_bars(judged, values)] if values else []
    return []


def _curves(judged: JudgedProperty) -> Figure:
    wrong = [pair for pair in judged.curves if _is_wrong(pair, judged)]
    pairs = _first(judged.curves, wrong, PANELS_SHOWN)
    n_columns = len(pairs) if len(pairs) <= _WIDE_PANELS else _MOST_COLUMNS
    n_rows = ceil(len(pairs) / n_columns)
    inside = _PANEL_HEIGHT * n_rows + _BETWEEN_PANELS * (n_rows - 1)
    figure = make_subplots(
        rows=n_rows,
        cols=n_columns,
        subplot_titles=[_panel_title(pair, wrong=pair in wrong) for pair in pairs],
        horizontal_spacing=0.22 / n_columns,
        vertical_spacing=_BETWEEN_PANELS / inside,
    )
    cut = False
    for index, pair in enumerate(pairs):
        place = {"row": index // n_columns + 1, "col": index % n_columns + 1}
        for trace in _curve_traces(pair, first=index == 0):
            figure.add_trace(trace, **place)
        if limits := _limits(pair, whole=pair in wrong):
            cut = True
            figure.update_yaxes(range=limits, **place)
    x_title, y_title = ("", "") if judged.definition is None else judged.definition.axes
    for column in range(1, n_columns + 1):
        last = ceil((len(pairs) - column + 1) / n_columns)
        figure.update_xaxes(title=escape(x_title), row=last, col=column)
    figure.update_yaxes(title=_wrapped(y_title), col=1)
    if not any(pair.reference_x for pair in pairs):
        figure.update_layout(showlegend=False)
    caption = f"{judged.title}: the potential, and its reference where there is one."
    if cut:
        caption += " Steep parts are cut."
    if judged.failed:
        caption += f" {_WRONG}: outside the tolerance."
    return _figure(judged, figure, caption + _left_out(len(pairs), len(judged.curves), "curve"),
                   height=_TOP + _BOTTOM + inside,
                   small=len(pairs) == 1)  # fmt: skip


def _curve_traces(pair: CurvePair, *, first: bool) -> list[go.Scatter]:
    drawn = [
        ("reference", pair.reference_x, pair.reference_y, _REFERENCE_COLOUR, "dash", 3.0),
        ("potential", pair.x, pair.y, ACCENT, "solid", 1.8),
    ]
    return [
        go.Scatter(
            x=_thinned(x),
            y=_thinned(y),
            name=name,
            legendgroup=name,
            showlegend=first or (name == "reference" and not pair.reference_x),
            mode="lines+markers" if len(x) <= _MARKED_CURVE else "lines",
            marker={"size": 5, "symbol": "circle" if name == "potential" else "circle-open"},
            line={"color": colour, "width": width, "dash": dash},
            hovertemplate=f"{name}: %{{x:.4g}}, %{{y:.4g}}<extra></extra>",
        )
        for name, x, y, colour, dash, width in drawn
        if len(x)
    ]


def _limits(pair: CurvePair, *, whole: bool) -> tuple[float, float] | None:
    """Return limits that keep the main part readable; None where all of both curves is shown.

    The main part is that of the reference (else of the potential) without a steep wall, such as
    the repulsion of two atoms beside the well of their bond; with it if `whole`. A potential that
    leaves it by more than its span is cut.
    """
    reference, mine = _finite(pair.reference_y), _finite(pair.y)
    main = reference if reference.size else mine
    if not main.size:
        return None
    low, high = float(main.min()), float(main.max())
    middle = float(np.median(main))
    if low < middle and not whole:
        high = min(high, middle + _WALL_DEPTHS * (middle - low))
    everything = np.concatenate([reference, mine])
    span = high - low or 1.0
    bottom, top = max(low - span, everything.min()), min(high + span, everything.max())
    if high < main.max():
        top = high
    if bottom <= everything.min() and top >= everything.max():
        return None
    return float(bottom - 0.05 * span), float(top + 0.05 * span)


def _finite(values: Sequence[float]) -> FloatArray:
    array = np.asarray(values, dtype=float)
    finite: FloatArray = array[np.isfinite(array)]
    return finite


def _bars(judged: JudgedProperty, values: Sequence[Value]) -> Figure:
    shown = _first(values, judged.failed, BARS_SHOWN)
    n_rows = ceil(len(shown) / _BARS_IN_ROW)
    per_row = ceil(len(shown) / n_rows)
    figure = make_subplots(rows=n_rows, cols=1, vertical_spacing=0.36 / n_rows)
    for row in range(n_rows):
        part = shown[row * per_row : (row + 1) * per_row]
        for trace in _bar_traces(part):
            trace.showlegend = not any(trace.name == known.name for known in figure.data)
            figure.add_trace(trace, row=row + 1, col=1)
        labels = [_label(value) for value in part]
        figure.update_xaxes(categoryarray=labels, range=[-0.6, len(labels) - 0.4], row=row + 1)
    figure.update_layout(barmode="group", bargap=0.3, bargroupgap=0.05)
    unit = f", {judged.values[0].unit}" if judged.values[0].unit else ""
    figure.update_yaxes(title=_wrapped(judged.title + unit))
    caption = f"{judged.title}: the potential beside its reference."
    if any(value.passed is False for value in shown):
        caption += f" Hollow and marked {_WRONG}: outside the tolerance."
    return _figure(judged, figure, caption + _left_out(len(shown), len(values), "value"),
                   height=_TOP + _BOTTOM + _BARS_HEIGHT * n_rows,
                   small=sum(len(value.label) for value in shown) <= _LETTERS_IN_HALF)  # fmt: skip


def _bar_traces(values: Sequence[Value]) -> list[go.Bar]:
    failed = [value for value in values if value.passed is False]
    others = [value for value in values if value.passed is not False]
    known = [value for value in values if _is_number(value.reference)]
    hollow = {"color": "white", "line": {"color": ACCENT, "width": 2}}
    parts = (
        ("potential", others, "value", {"color": ACCENT}),
        ("potential, outside the tolerance", failed, "value", hollow),
        ("reference", known, "reference", {"color": _REFERENCE_COLOUR}),
    )
    return [
        go.Bar(
            x=[_label(value) for value in part],
            y=[getattr(value, field) for value in part],
            name=name,
            legendgroup=name,
            offsetgroup=name.partition(",")[0],
            marker=marker,
            hovertemplate=f"%{{x}}: %{{y:.4g}}<extra>{name}</extra>",
        )
        for name, part, field, marker in parts
        if part
    ]


def _figure(
    judged: JudgedProperty, figure: go.Figure, caption: str, *, height: int, small: bool
) -> Figure:
    styled(figure)
    legend = 1 + _LEGEND_PIXELS / (height - _TOP - _BOTTOM)
    figure.update_layout(margin={"t": _TOP, "b": _BOTTOM}, legend_y=legend)
    figure.update_xaxes(categoryorder="array")
    for title in figure.layout.annotations:
        title.font = {"size": 13, "color": INK}
    return Figure(f"physics-{judged.name}", caption, figure, height=height,
                  width="half" if small else "full")  # fmt: skip


def _is_wrong(pair: CurvePair, judged: JudgedProperty) -> bool:
    """Whether the value of a curve failed: that of its name, else any of its case."""
    values = [value for value in judged.judged if value.case == pair.case]
    own = [value for value in values if value.quantity == pair.name] or values
    return any(not value.passed for value in own)


def _first(items: Sequence[Drawn], wrong: Sequence[Drawn], most: int) -> list[Drawn]:
    """Return as many as can be shown; if not all, those that failed first."""
    if len(items) <= most:
        return list(items)
    return sorted(items, key=lambda item: item not in wrong)[:most]


def _left_out(shown: int, total: int, noun: str) -> str:
    if shown == total:
        return ""
    return f" {count(shown)} of {plural(total, noun)}, those outside the tolerance first."


def _panel_title(pair: CurvePair, *, wrong: bool) -> str:
    title = escape(f"{pair.case}, {pair.name}" if pair.name else pair.case)
    return f"{_WRONG} {title}" if wrong else title


def _wrapped(title: str) -> str:
    """Break the title of an upright axis into lines that are no longer than a panel is high."""
    if len(title) <= _LETTERS_UPRIGHT:
        return escape(title)
    return "<br>".join(map(escape, wrap(title, _LETTERS_UPRIGHT)))


def _label(value: Value) -> str:
    mark = f" {_WRONG}" if value.passed is False else ""
    return escape(value.label.replace("_", " ")) + mark


def _thinned(values: Sequence[float]) -> FloatArray:
    """Return at most `_POINTS_SHOWN` of the values, the ends among them."""
    array = np.asarray(values, dtype=float)
    if len(array) <= _POINTS_SHOWN:
        return array
    thinned: FloatArray = array[np.linspace(0, len(array) - 1, _POINTS_SHOWN).round().astype(int)]
    return thinned


def _is_number(value: float | None) -> bool:
    return value is not None and bool(np.isfinite(value))
