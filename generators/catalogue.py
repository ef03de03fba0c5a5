"""The catalogue: all candidates of a campaign, each once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from pymatgen.core import Structure

from generators.candidate import Candidate
from generators.crystal_checks import overlap
from generators.crystals import standard_crystal
from generators.duplicates import unique_candidates
from generators.errors import GenerationError, located
from generators.family import BuildContext, Family, kinds
from generators.size_limits import Budget, size_notes
from generators.structures_settings import StructuresSettings


class Catalogue(NamedTuple):
    """Everything a campaign computes, and what it leaves out.

    Attributes
    ----------
    candidates
        By family in the families' order, each in the order of the settings.
    notes
        A line for each thing that was asked for and left out, with the reason.
    duplicates
        Candidates that equal another one by symmetry, with the ``structure_id`` of the one kept.
    """

    candidates: list[Candidate]
    notes: list[str]
    duplicates: list[tuple[Candidate, str]]


def build_catalogue(crystals: Mapping[str, Structure], settings: StructuresSettings) -> Catalogue:
    """Make every candidate that a campaign asks for, each once.

    Parameters
    ----------
    crystals
        Each crystal by name, in any cell and orientation. Miller indices refer to its conventional
        cell (`generators.conventional_cell`).

    Raises
    ------
    GenerationError
        If something cannot be made; with the path of its setting in ``key``.
    """
    standard = {name: standard_crystal(name, crystal) for name, crystal in crystals.items()}
    context = BuildContext(standard, Budget())
    candidates = {c.structure_id: c for c in _all_candidates(settings, context)}
    notes = [*context.notes, *size_notes(list(candidates.values()))]
    kept, duplicates = unique_candidates(candidates.values())
    if not kept:
        raise GenerationError(
            "the campaign makes no structure",
            key="structures",
            remedy="Give `crystals` for structures to be made of, or molecules",
        )
    if not settings.relaxed_parents:
        kept = [replace(candidate, parent_mapping=()) for candidate in kept]
    return Catalogue(kept, notes, duplicates)


def _all_candidates(settings: StructuresSettings, context: BuildContext) -> Iterator[Candidate]:
    for family, where, section in settings.sections():
        with located(where):
            for candidate in family.build(section, replace(context, where=where)):
                _check(candidate, family, where)
                context.candidates.append(candidate)
                yield candidate


def _check(candidate: Candidate, family: Family, where: str) -> None:
    """Refuse an unknown kind, and atoms that overlap; name the key that decides it."""
    if candidate.family not in kinds():
        raise GenerationError(
            f"family {family.name!r} makes candidates of the unknown kind {candidate.family!r}",
            key=where,
            remedy=f"Add it to `kinds` of the family, or use one of {', '.join(kinds())}",
        )
    if family.overlap is not None and (problem := overlap(candidate.structure)):
        key, remedy = family.overlap
        raise GenerationError(
            f"in a structure of family {candidate.family}, {problem}",
            key=f"{where}.{key}",
            remedy=remedy,
        )
