"""All interfaces that one section of a campaign asks for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import product

import numpy as np

from generators.candidate import Candidate
from generators.crystals import Crystal
from generators.errors import GenerationError, located
from generators.interfaces import interface_candidates
from generators.lattice_match import MatchLimits
from generators.miller_indices import distinct_miller_indices, shared_miller_indices
from generators.named_crystals import Crystals, named_crystal
from generators.settings import InterfaceSettings, MillerIndex
from generators.size_limits import Budget, check_atoms, repeated, slab_atoms
from generators.slabs import Slab, slab_terminations

_VACUUM = 3.0  # Å; of slabs that are but sides of an interface, where no gap is given


def section_interfaces(
    crystals: Crystals,
    settings: InterfaceSettings,
    where: str,
    notes: list[str],
    known: Sequence[Slab] = (),
    budget: Budget | None = None,
) -> Iterator[Candidate]:
    """Yield the interfaces of a section: planes, then terminations, gaps and registries.

    Parameters
    ----------
    crystals
        By name.
    settings
        The section.
    where
        Its path, such as ``structures.interfaces[0]``.
    notes
        Gets a line for each pair that is skipped for want of a match (``unmatched: skip``).
    known
        Slabs of the campaign. Where one is the same cut, whatever its vacuum, it is the side of
        the interface, whose origins then name a slab that the campaign relaxes.
    budget
        Counts what is about to be built; None counts this section alone.

    Raises
    ------
    GenerationError
        If a plane cannot be cut, or a pair has no match (``unmatched: refuse``).
    """
    substrate = named_crystal(crystals, settings.substrate, f"{where}.substrate")
    film = named_crystal(crystals, settings.film, f"{where}.film")

    @cache
    def slabs(side: str, miller_index: MillerIndex) -> list[Slab]:
        crystal = substrate if side == "substrate" else film
        cuts = _slabs(crystal, side, miller_index, settings)
        return [next((slab for slab in known if _same_cut(slab, cut)), cut) for cut in cuts]

    budget = budget or Budget()
    each = len(settings.gaps or (None,)) * repeated(settings.registries)
    for miller_indices in _pairs(substrate, film, settings):
        sides = []
        for side, miller_index in zip(("substrate", "film"), miller_indices, strict=True):
            with located(f"{where}.{_key(settings, side)}"):
                crystal = substrate if side == "substrate" else film
                check_atoms(
                    slab_atoms(crystal, miller_index, getattr(settings, f"{side}_thickness"))
                )
                sides.append(slabs(side, miller_index))
        for below, above in product(*sides):
            atoms = len(below.structure) + len(above.structure)
            budget.reserve(each, atoms, where)
            try:
                yield from _interfaces(below, above, settings)
            except GenerationError as error:
                if settings.unmatched == "refuse":
                    raise _about(error, below, above, where) from error
                notes.append(f"skipped: {_about(error, below, above, where)}")


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


def _slabs(
    crystal: Crystal, side: str, miller_index: MillerIndex, settings: InterfaceSettings
) -> list[Slab]:
    slabs = slab_terminations(
        crystal,
        miller_index,
        min_thickness=getattr(settings, f"{side}_thickness"),
        vacuum=max(settings.gaps or (_VACUUM,)),
        free_layers=settings.free_layers,
    )
    return slabs if settings.terminations == "all" else slabs[:1]


def _same_cut(one: Slab, other: Slab) -> bool:
    """Whether two slabs differ in nothing but vacuum; atoms in the same order."""

    def cut(slab: Slab) -> tuple[object, ...]:
        return (
            slab.crystal.name,
            slab.miller_index,
            slab.termination,
            slab.free_layers,
            slab.structure.species,
        )

    return (
        cut(one) == cut(other)
        and np.array_equal(one.basis, other.basis)
        and np.allclose(one.heights, other.heights)
        and np.allclose(one.structure.lattice.matrix[:2], other.structure.lattice.matrix[:2])
        and np.allclose(one.structure.frac_coords[:, :2], other.structure.frac_coords[:, :2])
    )


def _interfaces(substrate: Slab, film: Slab, settings: InterfaceSettings) -> list[Candidate]:
    return interface_candidates(
        substrate,
        film,
        MatchLimits(settings.area_tolerance, settings.max_strain, settings.max_atoms),
        gaps=settings.gaps,
        registries=settings.registries,
        strained=settings.strained,
        film_on=settings.film_on,
        vacuum=settings.vacuum,
    )


def _about(error: GenerationError, substrate: Slab, film: Slab, where: str) -> GenerationError:
    """Name the pair that an error is about."""
    pair = " | ".join(f"{slab.crystal.name} {slab.miller_index}" for slab in (substrate, film))
    return GenerationError(f"{pair}: {error.message}", remedy=error.remedy, where=where)
