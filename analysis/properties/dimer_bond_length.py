"""Bond length of every pair of elements."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from analysis.validation.dimer import N_DISTANCES, Pair, dimer_curve, pairs
from analysis.validation.material import Material
from analysis.validation.property import Case, Measurement, Property, Tolerance
from analysis.validation.source import Source


def _cases(material: Material) -> Iterator[Case]:
    for name, pair in pairs(material):

        def measure(source: Source, pair: Pair = pair) -> Measurement:
            return Measurement({"": _lowest(source, pair)})

        yield Case(name, measure, atom_steps=2.0 * N_DISTANCES)


def _lowest(source: Source, pair: Pair) -> float:
    """Return the distance of the minimum, Å, of a parabola through the three lowest points."""
    curve = dimer_curve(source, pair)
    lowest = int(np.clip(np.argmin(curve.y), 1, len(curve.y) - 2))
    points = slice(lowest - 1, lowest + 2)
    a, b, _ = np.polyfit(curve.x[points], curve.y[points], 2)
    return float(-b / (2 * a)) if a > 0 else float(curve.x[np.argmin(curve.y)])


PROPERTY = Property(
    name="dimer_bond_length",
    title="Bond lengths of dimers",
    unit="Å",
    cases=_cases,
    tolerance=Tolerance(relative=0.05),
    group="atoms",
    about="Distance of the lowest energy of two atoms in a box.",
)
