"""Mask of the atoms that may move: pymatgen's ``selective_dynamics``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pymatgen.core import Structure

_PROPERTY = "selective_dynamics"


def free_mask(structure: Structure) -> list[bool]:
    """Return whether each atom may move along all axes; all do if nothing is said."""
    flags = structure.site_properties.get(_PROPERTY) or [[True] * 3] * len(structure)
    return [all(map(bool, flag)) for flag in flags]


def set_free_mask(structure: Structure, mask: Sequence[bool]) -> None:
    """Let exactly these atoms of a structure move, by its ``selective_dynamics``."""
    structure.add_site_property(_PROPERTY, [[bool(free)] * 3 for free in mask])
