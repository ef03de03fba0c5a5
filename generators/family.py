"""Families of structures: what a section of a campaign's ``structures`` makes, and how.

A family is one module or package in `generators.families`, or in another package that names it
under the entry point ``cuprolith.families``. Nothing else lists families or compares their names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from cuprolith.registry import Registry, RegistryError
from cuprolith.settings import Settings
from generators.candidate import Candidate
from generators.crystals import Crystals
from generators.size_limits import Budget
from generators.slab import Slab


@dataclass(frozen=True)
class Kind:
    """One kind of candidates; most families make one.

    Attributes
    ----------
    name
        ``family`` of the candidates and of their frames.
    caption
        What they are, in a line of the report.
    colour
        In figures, such as ``#0072b2``; "" is grey. Ours are from a palette for readers who do not
        distinguish red from green.
    formula_unit
        Whether they are listed by their formula unit, not by all atoms of the cell.
    melts
        Whether a campaign's melt-quench runs on them.
    slab_like
        Whether they are slabs, with or without a defect: atoms that fuse or leave in a relaxation
        make it useless.
    keeps_shape
        Whether a slab must also keep its thickness, and each atom its place.
    adatom
        Whether the last atom is an adatom.
    """

    name: str
    caption: str = ""
    colour: str = ""
    formula_unit: bool = False
    melts: bool = False
    slab_like: bool = False
    keeps_shape: bool = False
    adatom: bool = False


@dataclass(frozen=True)
class BuildContext:
    """What a builder uses and adds to.

    Attributes
    ----------
    crystals
        By name.
    budget
        Counts structures before they are built (`Budget.reserve`).
    where
        Path of the section, such as ``structures.slabs[0]``, for errors and notes.
    candidates
        All that earlier sections made, duplicates included.
    slabs
        Slabs that earlier sections made; defects and interfaces are built from them.
    notes
        A line for each thing that was asked for and left out, with the reason.
    """

    crystals: Crystals
    budget: Budget
    where: str = ""
    candidates: list[Candidate] = field(default_factory=list)
    slabs: list[Slab] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Family:
    """A family of structures.

    Attributes
    ----------
    name
        Key in ``structures``.
    settings
        Model of one section.
    build
        Yields the candidates that a section asks for. Raises `GenerationError` for what cannot
        be made.
    kinds
        Kinds of its candidates; none where they have other families' kinds.
    order
        Families are built and listed by this, then by name. Each sees what earlier ones made.
    several
        Whether there may be several sections, as a list.
    overlap
        Key that decides how close atoms come, and the remedy where they overlap. None: atoms may
        be close, and nothing is checked.
    mixtures
        Formulas of solids that a section makes, other than the crystals.
    """

    name: str
    settings: type[Settings]
    build: Callable[[Any, BuildContext], Iterable[Candidate]]
    kinds: tuple[Kind, ...] = ()
    order: int = 1000
    several: bool = False
    overlap: tuple[str, str] | None = None
    mixtures: Callable[[Any], Iterable[str]] = lambda section: ()


FAMILIES = Registry("family", Family, "generators.families")


@cache
def ordered_families() -> tuple[Family, ...]:
    """All families in their order."""
    return tuple(sorted(FAMILIES, key=lambda family: (family.order, family.name)))


@cache
def kinds() -> Mapping[str, Kind]:
    """All kinds of candidates by name, in the order of their families.

    Raises
    ------
    RegistryError
        If two families make candidates of one name.
    """
    found: dict[str, Kind] = {}
    for family in ordered_families():
        for kind in family.kinds:
            if kind.name in found:
                raise RegistryError(
                    f"candidates {kind.name!r} are made by two families, one of them "
                    f"{family.name!r}",
                    remedy="uninstall the package that defines one of the two",
                )
            found[kind.name] = kind
    return found


def kind_of(name: str) -> Kind:
    """Return a kind by name; for frames of unknown families, one without traits."""
    return kinds().get(name) or Kind(name)
