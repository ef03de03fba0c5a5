"""Settings and checks of atoms and molecules in a box, far from their images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field
from pymatgen.core import Element, Lattice, Structure

from cuprolith.arrays import FloatArray
from cuprolith.settings import Settings
from generators.errors import GenerationError
from generators.family import BuildContext
from generators.molecule import is_molecule, molecule_structure
from generators.settings import Names

# Å. Atoms of neighbouring boxes are farther apart than any interaction of a potential reaches.
_LEAST_GAP = 8.0


class BoxSettings(Settings):
    """What is in the boxes, and how large they are."""

    species: Names | None = Field(
        default=None,
        description="element symbols; default: all elements of the crystals and molecules",
    )
    box: Annotated[float, Field(gt=0, le=100)] | None = Field(
        default=20.0,
        description="edge of the cubic box, Å; null for no cell, with engines of molecules",
    )


def species_of(section: BoxSettings, context: BuildContext) -> Sequence[str]:
    """Return the elements that a section names, or those of all crystals and molecules.

    Raises
    ------
    GenerationError
        If a name is not that of an element.
    """
    if section.species is None:
        crystals = [crystal.primitive for crystal in context.crystals.values()]
        molecules = [
            candidate.structure
            for candidate in context.candidates
            if is_molecule(candidate.structure)
        ]
        return sorted({str(each) for made in (*crystals, *molecules) for each in made.elements})
    for name in section.species:
        if not Element.is_valid_symbol(name):
            raise GenerationError(f"{name!r} is not an element", remedy="Correct `species`")
    return section.species


def in_box(symbols: Sequence[str], positions: FloatArray, box: float | None) -> Structure:
    """Put atoms, at positions (n, 3) around the origin, Å, into the middle of a box, or none."""
    if box is None:
        return molecule_structure(symbols, positions)
    return Structure(
        Lattice.cubic(box), list(symbols), positions + box / 2, coords_are_cartesian=True
    )


def box_edge(box: float | None) -> float | None:
    """Return the edge as candidates record it, which decides their ids."""
    return None if box is None else float(box)


def check_gap(what: str, length: float, box: float | None) -> None:
    """Refuse a box (edge in Å) that leaves too little room around what is `length` Å long.

    Raises
    ------
    GenerationError
        With the least edge that is enough.
    """
    if box is not None and box - length < _LEAST_GAP:
        raise GenerationError(
            f"{what}: a box of {box:g} Å leaves {box - length:.1f} Å to the next image, less than "
            f"{_LEAST_GAP:g} Å",
            remedy=f"Give a `box` of at least {length + _LEAST_GAP:.1f} Å",
        )
