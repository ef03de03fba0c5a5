"""The crystals of a campaign by name."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches

from generators.crystals import Crystal
from generators.errors import GenerationError

Crystals = Mapping[str, Crystal]


def named_crystal(crystals: Crystals, name: str, where: str) -> Crystal:
    """Look up a crystal.

    Parameters
    ----------
    crystals
        By name.
    name
        The one that a setting names.
    where
        Path of that setting.

    Raises
    ------
    GenerationError
        If there is none of that name; suggests the nearest.
    """
    if name in crystals:
        return crystals[name]
    nearest = get_close_matches(name, crystals, n=1, cutoff=0.3)
    known = f"The crystals are {', '.join(crystals)}"
    raise GenerationError(
        f"there is no crystal {name!r}",
        where=where,
        remedy=f"Did you mean {nearest[0]!r}? {known}" if nearest else known,
    )
