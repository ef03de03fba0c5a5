"""Energy at the end of the melt-quench."""

from __future__ import annotations

from collections.abc import Iterator

from analysis.validation.material import Material
from analysis.validation.melting import melt_cases, quenched_energy
from analysis.validation.property import Case, Measurement, Property, Tolerance


def _cases(material: Material) -> Iterator[Case]:
    return melt_cases(
        material, lambda trajectory: Measurement({"": 1000 * quenched_energy(trajectory)})
    )


PROPERTY = Property(
    name="quenched_energy",
    title="Energy after the melt-quench",
    unit="meV/atom",
    cases=_cases,
    tolerance=Tolerance(absolute=20.0),
    group="dynamics",
    about="Mean energy over the last sixth of the melt-quench. Two runs end in different "
    "arrangements, so a part of the difference is chance.",
)
