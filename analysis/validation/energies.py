"""Energies that surface and defect properties are differences of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TypeVar

from analysis.validation.free_energy import free_energy
from analysis.validation.material import JudgedStructure, Material, surface_area
from analysis.validation.source import NotAvailableError, Source

T = TypeVar("T")


def bulk_energy(source: Source, material: Material, crystal: str) -> float:
    """Return the energy per atom of a crystal in the cell of the campaign, eV.

    At the lattice constants of the campaign, as its slabs are: an error of the lattice constant is
    then not counted as one of the surface.

    Raises
    ------
    NotAvailableError
        If the source has neither a label of the perfect crystal nor a calculator.
    """
    return source.once(f"bulk {crystal}", lambda: _bulk_energy(source, material, crystal))


def _bulk_energy(source: Source, material: Material, crystal: str) -> float:
    for structure in material.of_kind("bulk"):
        if structure.crystal == crystal and structure.parameters["strain"] == 0:
            relaxed = source.relaxed(structure)
            return relaxed.energy / len(relaxed.atoms)
    atoms = material.crystals[crystal].copy()
    atoms.calc = source.calculator()
    return free_energy(atoms) / len(atoms)


def elemental_crystal(material: Material, element: str) -> str | None:
    """Return the name of a crystal that consists of one element; None if there is none."""
    for name, cell in material.crystals.items():
        if set(cell.get_chemical_symbols()) == {element}:
            return name
    return None


def chemical_potential(source: Source, material: Material, element: str) -> float:
    """Return the energy of an atom of an element in its crystal, eV.

    Raises
    ------
    NotAvailableError
        If the campaign has no crystal of this element alone.
    """
    crystal = elemental_crystal(material, element)
    if crystal is None:
        raise NotAvailableError(f"the campaign has no crystal of {element} alone")
    return bulk_energy(source, material, crystal)


def clean_slab_energy(source: Source, defective: JudgedStructure, slab: JudgedStructure) -> float:
    """Return the energy of a slab, scaled to the larger cell of a structure made from it, eV."""
    repeats = round(surface_area(defective.atoms) / surface_area(slab.atoms))
    return repeats * source.relaxed(slab).energy


def formula_units(structure: JudgedStructure, material: Material) -> bool:
    """Whether a structure consists of whole formula units of its crystal."""
    cell = Counter(material.crystals[structure.crystal].get_chemical_symbols())
    atoms = Counter(structure.atoms.get_chemical_symbols())
    return cell.keys() == atoms.keys() and (
        len({atoms[element] / cell[element] for element in cell}) == 1
    )


def numbered(named: Iterable[tuple[str, T]]) -> Iterator[tuple[str, T]]:
    """Give a number to names that come more than once: ``Cu(310)``, ``Cu(310) 2``."""
    seen: Counter[str] = Counter()
    for name, thing in named:
        seen[name] += 1
        yield (name if seen[name] == 1 else f"{name} {seen[name]}"), thing


def not_converged(*relaxed: tuple[str, bool]) -> tuple[str, ...]:
    """Note which relaxations are short of the force limit: pairs of a name and whether not."""
    return tuple(
        f"the relaxation of the {name} is short of the force limit"
        for name, converged in relaxed
        if not converged
    )
