"""Settings and checks of atoms and molecules in a box, far from their images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field
from pymatgen.core import Element

from cuprolith.settings import Settings
from generators.crystals import Crystals
from generators.errors import GenerationError
from generators.settings import Names

# Å. Atoms of neighbouring boxes are farther apart than any interaction of a potential reaches.
_LEAST_GAP = 8.0


class BoxSettings(Settings):
    """What is in the boxes, and how large they are."""

    species: Names | None = Field(
        default=None, description="element symbols; default: all elements of the crystals"
    )
    box: Annotated[float, Field(gt=0, le=100)] = Field(
        default=20.0, description="edge of the cubic box, Å"
    )


def species_of(section: BoxSettings, crystals: Crystals) -> Sequence[str]:
    """Return the elements that a section names, or those of all crystals.

    Raises
    ------
    GenerationError
        If a name is not that of an element.
    """
    if section.species is None:
        return sorted(
            {
                str(element)
                for crystal in crystals.values()
                for element in crystal.primitive.elements
            }
        )
    for name in section.species:
        if not Element.is_valid_symbol(name):
            raise GenerationError(f"{name!r} is not an element", remedy="Correct `species`")
    return section.species


def check_gap(what: str, length: float, box: float) -> None:
    """Refuse a box (edge in Å) that leaves too little room around what is `length` Å long.

    Raises
    ------
    GenerationError
        With the least edge that is enough.
    """
    if box - length < _LEAST_GAP:
        raise GenerationError(
            f"{what}: a box of {box:g} Å leaves {box - length:.1f} Å to the next image, less than "
            f"{_LEAST_GAP:g} Å",
            remedy=f"Give a `box` of at least {length + _LEAST_GAP:.1f} Å",
        )
