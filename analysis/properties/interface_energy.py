"""Energy of an interface over its two crystals."""

from __future__ import annotations

from collections.abc import Iterator

from analysis.properties.surface_energy import joules_per_square_metre
from analysis.validation.energies import bulk_energy, not_converged
from analysis.validation.interfaces import n_interfaces, named_interfaces
from analysis.validation.material import JudgedStructure, Material, surface_area
from analysis.validation.property import Case, Measurement, Property, Tolerance
from analysis.validation.source import Source


def _cases(material: Material) -> Iterator[Case]:
    for name, structure in named_interfaces(material):
        if structure.parameters["vacuum"] == 0:  # else there are free surfaces, too

            def measure(source: Source, structure: JudgedStructure = structure) -> Measurement:
                relaxed = source.relaxed(structure)
                sides = (structure.parameters["substrate"], structure.parameters["film"])
                crystals = sum(
                    side["n_atoms"] * bulk_energy(source, material, side["crystal"])
                    for side in sides
                )
                area = n_interfaces(structure) * surface_area(structure.atoms)
                energy = joules_per_square_metre(relaxed.energy - crystals, area)
                notes = not_converged(("interface", relaxed.converged))
                return Measurement({"": energy}, notes=notes)

            yield Case(name, measure, atom_steps=30.0 * len(structure.atoms))


PROPERTY = Property(
    name="interface_energy",
    title="Interface energy",
    unit="J/m²",
    cases=_cases,
    tolerance=Tolerance(relative=0.1, absolute=0.02),
    group="interfaces",
    about="Energy of a relaxed interface without vacuum minus as much of the two perfect "
    "crystals, per area of interface. The elastic energy of the strained side is part of it.",
    figure="bars",
)
