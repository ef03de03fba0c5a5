"""Work to pull the two sides of an interface apart."""

from __future__ import annotations

from collections.abc import Iterator

from ase import Atoms

from analysis.properties.surface_energy import joules_per_square_metre
from analysis.validation.energies import not_converged
from analysis.validation.free_energy import free_energy
from analysis.validation.interfaces import n_interfaces, named_interfaces
from analysis.validation.material import JudgedStructure, Material, surface_area
from analysis.validation.property import Case, Measurement, Property, Tolerance
from analysis.validation.source import Source


def _cases(material: Material) -> Iterator[Case]:
    for name, structure in named_interfaces(material):

        def measure(source: Source, structure: JudgedStructure = structure) -> Measurement:
            relaxed = source.relaxed(structure)
            n_substrate = structure.parameters["substrate"]["n_atoms"]
            sides = (relaxed.atoms[:n_substrate], relaxed.atoms[n_substrate:])
            apart = sum(_energy(source, side) for side in sides)
            area = n_interfaces(structure) * surface_area(structure.atoms)
            work = joules_per_square_metre(apart - relaxed.energy, area)
            return Measurement({"": work}, notes=not_converged(("interface", relaxed.converged)))

        yield Case(name, measure, atom_steps=30.0 * len(structure.atoms))


def _energy(source: Source, side: Atoms) -> float:
    side.calc = source.calculator()
    return free_energy(side)


PROPERTY = Property(
    name="work_of_adhesion",
    title="Work of adhesion",
    unit="J/m²",
    cases=_cases,
    tolerance=Tolerance(relative=0.1, absolute=0.02),
    group="interfaces",
    about="Energy of the two sides alone minus that of the relaxed interface, per area of "
    "interface. The sides are taken apart as they are: strained as in the interface, atoms not "
    "relaxed again.",
    figure="bars",
)
