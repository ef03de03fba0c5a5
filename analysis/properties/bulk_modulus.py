"""Bulk modulus of each crystal."""

from __future__ import annotations

from collections.abc import Iterator

from analysis.validation.crystal_cases import crystal_cases
from analysis.validation.equation_of_state import SCAN, equation_of_state
from analysis.validation.material import Material
from analysis.validation.property import Case, Measurement, Property, Tolerance
from analysis.validation.source import Source


def _cases(material: Material) -> Iterator[Case]:
    def measure(source: Source, crystal: str) -> Measurement:
        fitted = equation_of_state(source, material, crystal)
        return Measurement(
            {"": fitted.bulk_modulus}, uncertainties={"": fitted.bulk_modulus_uncertainty}
        )

    return crystal_cases(material, measure, evaluations=2 * len(SCAN))


PROPERTY = Property(
    name="bulk_modulus",
    title="Bulk modulus",
    unit="GPa",
    cases=_cases,
    tolerance=Tolerance(relative=0.15),
    group="crystals",
    about="Of a Birch–Murnaghan fit to energies over ±4 % around the minimum. Uncertainty: half of "
    "the range of fits over ±1 to ±4 %.",
    version=2,
)
