"""Energy over volume of each crystal."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.interpolate import CubicSpline

from analysis.validation.crystal_cases import crystal_cases
from analysis.validation.equation_of_state import SCAN, equation_of_state
from analysis.validation.material import Material
from analysis.validation.property import (
    Case,
    Compared,
    Curve,
    Measurement,
    Property,
    Tolerance,
)
from analysis.validation.source import Source


def _cases(material: Material) -> Iterator[Case]:
    def measure(source: Source, crystal: str) -> Measurement:
        found = equation_of_state(source, material, crystal)
        above = 1000 * (found.energies - found.energy)
        return Measurement({"volume": found.volume}, {"": Curve.of(found.volumes, above)})

    return crystal_cases(material, measure, evaluations=2 * len(SCAN))


def _compare(potential: Measurement, reference: Measurement) -> list[Compared]:
    """Compare the curves over relative volume, so that the lattice constant does not count."""
    (mine_x, mine), (their_x, theirs) = (
        (each.curves[""].x / each.values["volume"], each.curves[""].y)
        for each in (potential, reference)
    )
    inside = (their_x >= mine_x.min()) & (their_x <= mine_x.max())
    differences = CubicSpline(mine_x, mine)(their_x[inside]) - theirs[inside]
    return [Compared("", float(np.abs(differences).max()), 0.0)]


PROPERTY = Property(
    name="equation_of_state",
    title="Equation of state",
    unit="meV/atom",
    cases=_cases,
    tolerance=Tolerance(absolute=10.0),
    group="crystals",
    about="Energy of the crystal over its volume, scaled by ±4 % around the minimum. The error is "
    "the largest distance of the two curves, each above its own minimum and over its own volume.",
    compare=_compare,
    figure="curves",
    axes=("volume per atom, Å³", "energy above the minimum, meV/atom"),
)
