"""How long dynamics at the highest temperature of the data stays sane."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice

from ase import Atoms

from analysis.validation.dynamics import cooled, moving_systems, sane_share
from analysis.validation.interfaces import named_interfaces
from analysis.validation.material import JudgedStructure, Material
from analysis.validation.property import Case, Measurement, Property, Tolerance
from analysis.validation.source import Source

_STEPS = 200


def _cases(material: Material) -> Iterator[Case]:
    for name, supercell in moving_systems(material):

        def of_crystal(source: Source, supercell: Atoms = supercell) -> Measurement:
            return _measure(source, cooled(source, supercell), material)

        yield _case(name, of_crystal, len(supercell), material)
    for name, interface in islice(named_interfaces(material), 1):

        def of_interface(source: Source, interface: JudgedStructure = interface) -> Measurement:
            # Not as generated: a gap that is too narrow heats the atoms as they fly apart.
            return _measure(source, source.relaxed(interface).atoms.copy(), material)

        yield _case(name, of_interface, len(interface.atoms), material)


def _case(
    name: str, measure: Callable[[Source], Measurement], n_atoms: int, material: Material
) -> Case:
    return Case(f"{name}, {material.highest_temperature:.0f} K", measure, float(_STEPS * n_atoms))


def _measure(source: Source, atoms: Atoms, material: Material) -> Measurement:
    atoms.set_constraint()
    temperature = material.highest_temperature
    share, problem = sane_share(source, atoms, temperature, _STEPS, material.seed)
    return Measurement({"": share}, notes=(problem,) if problem else ())


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
