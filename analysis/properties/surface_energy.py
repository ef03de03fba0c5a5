"""Surface energy of every slab."""

from __future__ import annotations

from collections.abc import Iterator

from ase import units

from analysis.validation.energies import bulk_energy, formula_units, not_converged, numbered
from analysis.validation.material import JudgedStructure, Material, surface_area
from analysis.validation.property import Case, Measurement, Property, Tolerance
from analysis.validation.source import Source


def _cases(material: Material) -> Iterator[Case]:
    slabs = [
        (slab.plane, slab) for slab in material.of_kind("slab") if formula_units(slab, material)
    ]
    for name, slab in numbered(slabs):

        def measure(source: Source, slab: JudgedStructure = slab) -> Measurement:
            relaxed = source.relaxed(slab)
            bulk = bulk_energy(source, material, slab.crystal) * len(slab.atoms)
            energy = joules_per_square_metre(relaxed.energy - bulk, 2 * surface_area(slab.atoms))
            return Measurement({"": energy}, notes=not_converged(("slab", relaxed.converged)))

        yield Case(name, measure, atom_steps=20.0 * len(slab.atoms))


def joules_per_square_metre(energy: float, area: float) -> float:
    """Return an energy (eV) per area (Å²) in J/m²."""
    return float(energy / area * (units.m**2 / units.J))


PROPERTY = Property(
    name="surface_energy",
    title="Surface energies",
    unit="J/m²",
    cases=_cases,
    tolerance=Tolerance(relative=0.05),
    group="surfaces",
    about="Relaxed slab minus as much of the perfect crystal at the same lattice constant, per "
    "area; the mean of both faces.",
    figure="bars",
)
