"""Figures of properties stay small and readable, and mark what failed."""

from __future__ import annotations

import numpy as np
import pytest
from made_up_validation import curves, validation, value

from analysis.report.property_figures import BARS_SHOWN, PANELS_SHOWN, property_figures
from analysis.validation.judged import judged_properties

pytestmark = pytest.mark.usefixtures("made_up_properties")

X = [10.0, 11.0, 12.0]


def judged(*found, curves=()):
    (one,) = judged_properties(validation(*found, curves=curves))
    return one


def test_many_cases_are_thinned_and_those_that_fail_are_drawn():
    x = np.linspace(0, 1, 5000)
    drawn = [curves("energy_volume", f"c{i}", x, x, x) for i in range(30)]
    found = judged(value("energy_volume", "c29", 9.0, 0.0), curves=drawn)
    (figure,) = property_figures(found)
    assert f"{PANELS_SHOWN} of 30 curves" in figure.caption
    assert "✗ c29" in [title.text for title in figure.figure.layout.annotations]
    assert sum(len(trace.x) for trace in figure.figure.data) <= 2 * 200 * PANELS_SHOWN
    assert (figure.figure.data[0].x[0], figure.figure.data[0].x[-1]) == (0, 1)
    bars = judged(*(value("surface_energy", f"s{i}", 2.0 if i > 295 else 1.0, 1.0)
                    for i in range(300)))  # fmt: skip
    (figure,) = property_figures(bars)
    labels = [label for trace in figure.figure.data for label in trace.x]
    assert len(set(labels)) == BARS_SHOWN
    assert "s299 ✗" in labels


def test_only_the_curve_whose_value_failed_is_marked():
    drawn = [curves("energy_volume", "melt", X, X, X, curve=name) for name in ("Cu–Cu", "Li–Li")]
    found = judged(
        value("energy_volume", "melt", 1.0, 0.0, quantity="Cu–Cu"),
        value("energy_volume", "melt", 9.0, 0.0, quantity="Li–Li"),
        curves=drawn,
    )
    (figure,) = property_figures(found)
    titles = [title.text for title in figure.figure.layout.annotations]
    assert titles == ["melt, Cu–Cu", "✗ melt, Li–Li"]


def test_a_potential_that_explodes_leaves_the_reference_readable():
    x = np.linspace(1, 5, 50)
    well = (2 / x) ** 8 - 2 * (2 / x) ** 4
    found = judged(curves=[curves("energy_volume", "Cu", x, 1e6 * well - 3e5, well)])
    (figure,) = property_figures(found)
    low, high = figure.figure.layout.yaxis.range
    assert -20 < low < -1
    assert 1 < high < 20
    assert "Steep parts are cut" in figure.caption


def test_texts_of_other_packages_stay_texts():
    hostile = "<b>x</b>"
    bars = judged(value("surface_energy", hostile, 1.0, 1.0))
    drawn = judged(curves=[curves("energy_volume", hostile, X, X)])
    for found in (bars, drawn):
        (figure,) = property_figures(found)
        assert hostile not in str(figure.figure)
