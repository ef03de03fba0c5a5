"""How long dynamics at the highest temperature of the data stays sane."""

from __future__ import annotations

from collections.abc import Iterator

from ase import Atoms

from analysis.validation.dynamics import sane_share, supercells
from analysis.validation.interfaces import named_interfaces
from analysis.validation.material import Material
from analysis.validation.property import Case, Measurement, Property, Tolerance
from analysis.validation.source import Source

_STEPS = 200


def _cases(material: Material) -> Iterator[Case]:
    for name, start in [*supercells(material), *_first_interface(material)]:

        def measure(source: Source, start: Atoms = start) -> Measurement:
            atoms = start.copy()
            atoms.set_constraint()
            share, problem = sane_share(
                source, atoms, material.highest_temperature, _STEPS, material.seed
            )
            return Measurement({"": share}, notes=(problem,) if problem else ())

        case = f"{name}, {material.highest_temperature:.0f} K"
        yield Case(case, measure, atom_steps=float(_STEPS * len(start)))


def _first_interface(material: Material) -> Iterator[tuple[str, Atoms]]:
    for name, structure in named_interfaces(material):
        yield name, structure.atoms
        return


PROPERTY = Property(
    name="hot_stability",
    title="Stability at the highest temperature",
    unit="",
    cases=_cases,
    tolerance=Tolerance(absolute=0.0),
    group="dynamics",
    about="Share of a short run at the highest temperature of the data in which all numbers are "
    "finite, no two atoms are closer than half a bond, and the temperature stays below three times "
    "the one asked for.",
    exact=1.0,
)
