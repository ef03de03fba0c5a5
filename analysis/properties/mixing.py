"""How far two elements have mixed at the end of the melt-quench."""

from __future__ import annotations

from collections.abc import Iterator

from analysis.validation.material import Material
from analysis.validation.melting import melt_cases, unlike_neighbours
from analysis.validation.property import Case, Measurement, Property, Tolerance


def _cases(material: Material) -> Iterator[Case]:
    return melt_cases(
        material, lambda trajectory: Measurement({"": 100 * unlike_neighbours(trajectory)})
    )


PROPERTY = Property(
    name="mixing",
    title="Mixing across the interface",
    unit="%",
    cases=_cases,
    tolerance=Tolerance(relative=0.2, absolute=3.0),
    group="dynamics",
    about="Touching pairs of unlike elements among all touching pairs, in the quenched state.",
)
