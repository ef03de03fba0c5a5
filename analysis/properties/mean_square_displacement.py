"""How far atoms move in the melt-quench."""

from __future__ import annotations

from collections.abc import Iterator

from analysis.validation.material import Material
from analysis.validation.melting import mean_square_displacements, melt_cases
from analysis.validation.property import Case, Measurement, Property, Tolerance


def _cases(material: Material) -> Iterator[Case]:
    return melt_cases(
        material, lambda trajectory: Measurement(mean_square_displacements(trajectory))
    )


PROPERTY = Property(
    name="mean_square_displacement",
    title="Mean square displacement",
    unit="Å²",
    cases=_cases,
    tolerance=Tolerance(relative=0.3, absolute=0.5),
    group="dynamics",
    about="From the first to the last frame of the melt-quench, by element. One short run: the "
    "numbers are good to some 20 %.",
)
