"""Interfaces of a section of a campaign: planes, terminations, gaps and registries."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache
from itertools import product

import numpy as np

from generators.candidate import Candidate
from generators.crystals import Crystal, named_crystal
from generators.errors import GenerationError, located
from generators.families.interfaces.joining import interface_candidates
from generators.families.interfaces.settings import InterfaceSettings
from generators.family import BuildContext
from generators.miller_indices import distinct_miller_indices, shared_miller_indices
from generators.settings import MillerIndex
from generators.size_limits import check_atoms, slab_atoms
from generators.slab import Slab, slab_terminations

_VACUUM = 3.0  # Å; of slabs that only become sides of an interface, where no gap is given


def section_interfaces(settings: InterfaceSettings, context: BuildContext) -> Iterator[Candidate]:
    """Yield the interfaces of a section: planes, then terminations, gaps and registries.

    Where a slab of the campaign is the same cut as a side of an interface, whatever its vacuum, it
    is that side: the atoms are then mapped to a slab that the campaign relaxes. Each pair that has
    no match and is skipped (``unmatched: skip``) leaves a note.

    Raises
    ------
    GenerationError
        If a plane cannot be cut, or a pair has no match (``unmatched: refuse``).
    """
    crystals, where, known = context.crystals, context.where, context.slabs
    substrate = named_crystal(crystals, settings.substrate, f"{where}.substrate")
    film = named_crystal(crystals, settings.film, f"{where}.film")

    @cache
    def slabs(side: str, miller_index: MillerIndex) -> list[Slab]:
        crystal = substrate if side == "substrate" else film
        thickness = getattr(settings, f"{side}_thickness")
        with located(f"{where}.{_key(settings, side)}"):
            check_atoms(slab_atoms(crystal, miller_index, thickness))
            cuts = slab_terminations(
                crystal,
                miller_index,
                min_thickness=thickness,
                vacuum=max(settings.gaps or (_VACUUM,)),
                free_layers=settings.free_layers,
            )
        chosen = cuts if settings.terminations == "all" else cuts[:1]
        return [next((slab for slab in known if _same_cut(slab, cut)), cut) for cut in chosen]

    each = len(settings.gaps or (None,)) * math.prod(settings.registries)
    for ours, theirs in _pairs(substrate, film, settings):
        for below, above in product(slabs("substrate", ours), slabs("film", theirs)):
            atoms = len(below.structure) + len(above.structure)
            context.budget.reserve(each, atoms, where)
            try:
                yield from interface_candidates(below, above, settings)
            except GenerationError as error:
                pair = " | ".join(f"{s.crystal.name} {s.miller_index}" for s in (below, above))
                message = f"{pair}: {error.message}"
                if settings.unmatched == "refuse":
                    raise GenerationError(message, remedy=error.remedy, key=where) from error
                context.notes.append(f"skipped: {where}: {message}. {error.remedy}.")


def _pairs(
    substrate: Crystal, film: Crystal, settings: InterfaceSettings
) -> list[tuple[MillerIndex, MillerIndex]]:
    """Miller indices of substrate and film, pair by pair."""
    if settings.substrate_miller is not None and settings.film_miller is not None:
        return [(settings.substrate_miller, settings.film_miller)]
    same = settings.pairs == "same"
    if settings.max_index is None:
        planes = settings.miller_indices
        return [(index, index) for index in planes] if same else list(product(planes, planes))
    if same:
        return shared_miller_indices(substrate, film, settings.max_index)
    return list(
        product(
            distinct_miller_indices(substrate, settings.max_index),
            distinct_miller_indices(film, settings.max_index),
        )
    )


def _key(settings: InterfaceSettings, side: str) -> str:
    """Key that names the planes of a side."""
    if settings.miller_indices:
        return "miller_indices"
    return "max_index" if settings.max_index is not None else f"{side}_miller"


def _same_cut(one: Slab, other: Slab) -> bool:
    """Whether two slabs differ in nothing but vacuum; atoms in the same order."""

    def cut(slab: Slab) -> tuple[object, ...]:
        return slab.crystal.name, slab.miller_index, slab.termination, slab.free_layers

    return (
        cut(one) == cut(other)
        and one.structure.species == other.structure.species
        and np.array_equal(one.basis, other.basis)
        and np.allclose(one.heights, other.heights)
        and np.allclose(one.structure.lattice.matrix[:2], other.structure.lattice.matrix[:2])
        and np.allclose(one.structure.frac_coords[:, :2], other.structure.frac_coords[:, :2])
    )
