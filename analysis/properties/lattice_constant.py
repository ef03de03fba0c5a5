"""Lattice constant of each crystal."""

from __future__ import annotations

from collections.abc import Iterator

from analysis.validation.crystal_cases import crystal_cases
from analysis.validation.equation_of_state import SCAN, equilibrium_cell
from analysis.validation.material import Material
from analysis.validation.property import Case, Measurement, Property, Tolerance
from analysis.validation.source import Source


def _cases(material: Material) -> Iterator[Case]:
    def measure(source: Source, crystal: str) -> Measurement:
        cell = equilibrium_cell(source, material, crystal)
        return Measurement({"": float(cell.cell.lengths()[0])})

    return crystal_cases(material, measure, evaluations=2 * len(SCAN))


PROPERTY = Property(
    name="lattice_constant",
    title="Lattice constant",
    unit="Å",
    cases=_cases,
    tolerance=Tolerance(relative=0.01),
    group="crystals",
    about="Edge a of the conventional cell at the minimum of the energy; a cell that is not cubic "
    "keeps its shape.",
)
