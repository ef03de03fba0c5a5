"""Figures of the page: parity, curves along a cut, errors over noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from analysis.report.figures import round_ticks, styled
from analysis.reproduction.molecules.results import Row
from cuprolith.arrays import FloatArray

# Okabe and Ito's, which readers who do not see red from green can tell apart.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
_SYMBOLS = ("circle", "cross", "diamond", "square", "triangle-up", "x", "star")


@dataclass(frozen=True, eq=False)
class TestSet:
    """Labels of the test frames of one system, and what each model predicts for them.

    Attributes
    ----------
    coordinate
        Distance that a cut goes along, shape (n_frames,), Å; None where frames are no cut.
    energies
        Shape (n_frames,), eV.
    forces
        Component along the cut on the second of its atoms, shape (n_frames,), eV/Å; None likewise.
    predicted
        Energies and such forces by model, of its best seed.
    """

    __test__ = False  # no class of tests

    coordinate: FloatArray | None
    energies: FloatArray
    forces: FloatArray | None
    predicted: Mapping[str, tuple[FloatArray, FloatArray | None]]


def parity_figure(data: TestSet) -> go.Figure:
    """Return predicted over labelled energies, both from the lowest label."""
    lowest, highest = float(data.energies.min()), float(data.energies.max())
    figure = go.Figure()
    ends = [0.0, highest - lowest]
    figure.add_scatter(x=ends, y=ends, mode="lines", line={"color": "#999999"}, showlegend=False)
    for number, (model, (energies, _)) in enumerate(data.predicted.items()):
        _points(figure, number, model, data.energies - lowest, energies - lowest)
    figure.update_xaxes(title="energy by the engine, eV").update_yaxes(title="predicted, eV")
    return styled(figure)


def cut_figures(data: TestSet) -> list[tuple[str, go.Figure]]:
    """Return energy and force along a cut; nothing where frames are no cut."""
    if data.coordinate is None or data.forces is None:
        return []
    order = np.argsort(data.coordinate)
    made = []
    for which, title, exact in (
        (0, "energy, eV", data.energies),
        (1, "force along the cut, eV/Å", data.forces),
    ):
        shift = float(data.energies.min()) if which == 0 else 0.0
        figure = go.Figure()
        figure.add_scatter(
            x=data.coordinate[order], y=exact[order] - shift, mode="lines", name="labels",
            line={"color": "#999999"},
        )  # fmt: skip
        for number, (model, values) in enumerate(data.predicted.items()):
            found = values[which]
            if found is not None:
                _points(figure, number, model, data.coordinate, found - shift)
        figure.update_xaxes(title="distance, Å").update_yaxes(title=title)
        made.append((("energy", "force")[which], styled(figure)))
    return made


def noise_figure(rows: Sequence[Row], quantity: str) -> go.Figure:
    """Return errors over the noise of the labels, a line per model.

    Parameters
    ----------
    quantity
        ``energy`` or ``forces``.
    """
    figure = go.Figure()
    for number, model in enumerate(dict.fromkeys(row.model for row in rows if row.noise)):
        mine = sorted((row for row in rows if row.model == model and row.noise), key=_noise)
        values = [getattr(row, f"mse_{quantity}_test") for row in mine]
        spread = [getattr(row, f"mse_{quantity}_test_std") or 0.0 for row in mine]
        figure.add_scatter(
            x=[row.noise for row in mine], y=values, error_y={"array": spread}, name=model,
            mode="lines+markers", line={"color": _COLOURS[number % len(_COLOURS)]},
        )  # fmt: skip
    unit = "eV²" if quantity == "energy" else "eV²/Å²"
    noises = [x for each in figure.data for x in each.x]
    errors = [y for each in figure.data for y in each.y]
    figure.update_xaxes(title="noise, eV", type="log", **round_ticks(noises))
    figure.update_yaxes(title=f"squared error, {unit}", type="log", **round_ticks(errors))
    return styled(figure)


def _noise(row: Row) -> float:
    return row.noise


def _points(figure: go.Figure, number: int, name: str, x: FloatArray, y: FloatArray) -> None:
    marker = {
        "color": _COLOURS[number % len(_COLOURS)],
        "symbol": _SYMBOLS[number % len(_SYMBOLS)],
        "size": 5,
    }
    figure.add_scatter(x=x, y=y, mode="markers", name=name, marker=marker)
