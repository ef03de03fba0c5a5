"""Cases of properties that are measured on each crystal."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from analysis.validation.material import Material
from analysis.validation.property import Case, Measurement
from analysis.validation.source import Source


def crystal_cases(
    material: Material, measure: Callable[[Source, str], Measurement], evaluations: float
) -> Iterator[Case]:
    """Yield a case for each crystal.

    Parameters
    ----------
    measure
        Makes the measurement of a crystal, by its name.
    evaluations
        Estimated evaluations of energy and forces of the conventional cell.
    """
    for name, cell in material.crystals.items():

        def measured(source: Source, name: str = name) -> Measurement:
            return measure(source, name)

        yield Case(name, measured, atom_steps=evaluations * len(cell))
