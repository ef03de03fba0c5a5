"""Radial distribution functions along the melt-quench."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from analysis.validation.material import Material
from analysis.validation.melting import melt_cases, radial_distributions
from analysis.validation.property import Case, Compared, Measurement, Property, Tolerance


def _cases(material: Material) -> Iterator[Case]:
    return melt_cases(
        material, lambda trajectory: Measurement(curves=radial_distributions(trajectory))
    )


def _compare(potential: Measurement, reference: Measurement) -> list[Compared]:
    """Return the area between two curves over that under the reference's, for each pair."""
    return [
        Compared(
            pair,
            float(100 * np.abs(potential.curves[pair].y - curve.y).sum() / curve.y.sum()),
            0.0,
        )
        for pair, curve in reference.curves.items()
        if pair in potential.curves and curve.y.sum() > 0
    ]


PROPERTY = Property(
    name="radial_distribution",
    title="Radial distribution",
    unit="%",
    cases=_cases,
    tolerance=Tolerance(absolute=15.0),
    group="dynamics",
    about="g(r) of every pair of elements over the whole melt-quench, up to 6 Å. The error is the "
    "area between the curves over that under the reference's.",
    compare=_compare,
    figure="curves",
    axes=("distance, Å", "g(r)"),
)
