"""Energy to take atoms out of a surface into the crystal."""

from __future__ import annotations

from collections.abc import Iterator

from analysis.validation.energies import (
    chemical_potential,
    clean_slab_energy,
    elemental_crystal,
    not_converged,
    numbered,
)
from analysis.validation.material import JudgedStructure, Material
from analysis.validation.property import Case, Measurement, Property, Tolerance
from analysis.validation.source import Source


def _cases(material: Material) -> Iterator[Case]:
    for name, (structure, slab) in numbered(_vacancies(material)):

        def measure(
            source: Source, structure: JudgedStructure = structure, slab: JudgedStructure = slab
        ) -> Measurement:
            relaxed = source.relaxed(structure)
            removed = structure.parameters["removed"]
            element = str(structure.parameters["element"])
            energy = (
                relaxed.energy
                - clean_slab_energy(source, structure, slab)
                + removed * chemical_potential(source, material, element)
            )
            notes = not_converged(("slab with the vacancy", relaxed.converged))
            return Measurement({"": energy / removed}, notes=notes)

        yield Case(name, measure, atom_steps=20.0 * (len(structure.atoms) + len(slab.atoms)))


def _vacancies(
    material: Material,
) -> Iterator[tuple[str, tuple[JudgedStructure, JudgedStructure]]]:
    for structure in material.slab_like():
        slab = material.parent_of(structure)
        if slab is None or "removed" not in structure.parameters:
            continue
        if elemental_crystal(material, str(structure.parameters["element"])) is not None:
            repeats = "×".join(map(str, structure.parameters["supercell"]))
            yield f"{structure.plane} {repeats}", (structure, slab)


PROPERTY = Property(
    name="vacancy_formation_energy",
    title="Vacancy formation energies",
    unit="eV",
    cases=_cases,
    tolerance=Tolerance(relative=0.15, absolute=0.05),
    group="surfaces",
    about="Relaxed slab that lacks atoms of its surface, plus these atoms in the crystal, minus "
    "the relaxed slab; per atom taken out.",
)
