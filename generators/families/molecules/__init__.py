"""Molecules without a cell: as they are, scanned along internal coordinates, or vibrating."""

from __future__ import annotations

from collections.abc import Iterator

from generators.candidate import Candidate
from generators.families.molecules.geometries import Geometry, start_geometries
from generators.families.molecules.scan import scan_geometries
from generators.families.molecules.settings import MoleculeSettings
from generators.families.molecules.vibrations import vibrating_geometries
from generators.family import BuildContext, Family, Kind
from generators.molecule import molecule_structure


def molecule_candidates(section: MoleculeSettings, where: str = "") -> Iterator[Candidate]:
    """Yield the geometries of one molecule, none of them a parent of another.

    So each may be in another split: geometries of one molecule are all alike, and a dataset of one
    molecule could not be split if they were kept together.

    Raises
    ------
    GenerationError
        If the molecule is not known, its file cannot be read, or a geometry cannot be made.
    """
    starts = start_geometries(section, where)
    if section.scan:
        (start,) = starts
        starts = list(scan_geometries(start, section.scan, f"{where}.scan"))
    if section.vibrations is not None:
        starts = [
            geometry
            for start in starts
            for geometry in vibrating_geometries(start, section.vibrations, f"{where}.vibrations")
        ]
    yield from map(_candidate, starts)


def _candidate(geometry: Geometry) -> Candidate:
    return Candidate(
        structure=molecule_structure(geometry.symbols, geometry.positions),
        family="molecule",
        free_mask=(True,) * len(geometry.symbols),
        parameters=geometry.parameters,
    )


def _build(section: MoleculeSettings, context: BuildContext) -> Iterator[Candidate]:
    starts = start_geometries(section, context.where)
    atoms = max(len(start.symbols) for start in starts)
    context.budget.reserve(len(starts) * section.geometries_each, atoms, context.where)
    yield from molecule_candidates(section, context.where)


FAMILY = Family(
    name="molecules",
    settings=MoleculeSettings,
    build=_build,
    kinds=(Kind("molecule", "a molecule without a cell", "#117733", melts=True),),
    order=75,
    several=True,
)
