"""All candidates of a campaign."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches

from pymatgen.core import Structure

from generators.adatoms import adatom_candidates
from generators.bulk import bulk_candidates
from generators.candidate import Candidate
from generators.crystals import Crystal, standard_crystal
from generators.errors import GenerationError, located
from generators.interfaces import interface_candidate
from generators.lattice_match import MatchLimits
from generators.rattled import rattled_candidates
from generators.settings import (
    AdatomSettings,
    BulkSettings,
    InterfaceSettings,
    RattledSettings,
    SlabSettings,
    StructuresSettings,
    SurfaceDefectSettings,
    VacancySettings,
)
from generators.slabs import Slab, cut_slab, distinct_miller_indices
from generators.vacancies import vacancy_candidates

Crystals = Mapping[str, Crystal]


def generate_candidates(
    crystals: Mapping[str, Structure], settings: StructuresSettings
) -> list[Candidate]:
    """Make every candidate that a campaign asks for.

    Parameters
    ----------
    crystals
        Each crystal by name, in any cell and orientation. Miller indices refer to its standard
        conventional cell (`generators.crystals.standard_crystal`).
    settings
        What to make.

    Returns
    -------
    list
        Bulk, slabs, vacancies, adatoms, interfaces, rattled copies, each in the order of the
        settings; what two settings ask for alike comes once.

    Raises
    ------
    GenerationError
        If something cannot be made; with the path of its setting in ``where``.
    """
    standard = {name: standard_crystal(name, crystal) for name, crystal in crystals.items()}
    unique: dict[str, Candidate] = {}
    for candidate in _all_candidates(standard, settings):
        unique.setdefault(candidate.structure_id, candidate)
    return list(unique.values())


def _all_candidates(crystals: Crystals, settings: StructuresSettings) -> Iterator[Candidate]:
    bulk = list(_bulk(crystals, settings.bulk)) if settings.bulk is not None else []
    yield from bulk
    slabs = list(_slabs(crystals, settings.slabs))
    yield from (slab.candidate for slab in slabs)
    yield from _vacancies(crystals, slabs, settings.vacancies)
    yield from _adatoms(crystals, slabs, settings.adatoms)
    for i, interface in enumerate(settings.interfaces):
        yield _interface(crystals, interface, f"structures.interfaces[{i}]")
    roots = [*bulk, *(slab.candidate for slab in slabs)]
    for i, rattled in enumerate(settings.rattled):
        yield from _rattled(crystals, roots, rattled, f"structures.rattled[{i}]")


def _bulk(crystals: Crystals, settings: BulkSettings) -> Iterator[Candidate]:
    for name in crystals if settings.crystals is None else settings.crystals:
        crystal = _known(crystals, name, "structures.bulk.crystals")
        yield from bulk_candidates(crystal, settings.strains, settings.supercell)


def _slabs(crystals: Crystals, settings: Sequence[SlabSettings]) -> Iterator[Slab]:
    """All slabs; the same slab asked for twice comes once."""
    seen = set()
    for i, section in enumerate(settings):
        where = f"structures.slabs[{i}]"
        crystal = _known(crystals, section.crystal, f"{where}.crystal")
        indices = section.miller_indices
        if section.max_index is not None:
            indices = tuple(distinct_miller_indices(crystal, section.max_index))
        for index in indices:
            with located(f"{where}.miller_indices"):
                slab = cut_slab(
                    crystal,
                    index,
                    min_thickness=section.min_thickness,
                    vacuum=section.vacuum,
                    free_layers=section.free_layers,
                )
            if slab.candidate.structure_id not in seen:
                seen.add(slab.candidate.structure_id)
                yield slab


def _vacancies(
    crystals: Crystals, slabs: Sequence[Slab], settings: Sequence[VacancySettings]
) -> Iterator[Candidate]:
    for i, section in enumerate(settings):
        where = f"structures.vacancies[{i}]"
        vacancies = [
            vacancy
            for slab in _chosen(crystals, slabs, section, where)
            for vacancy in vacancy_candidates(slab, section.supercell)
        ]
        if not vacancies:
            raise GenerationError(
                f"in the {section.supercell} supercells every plane has one atom, whose removal "
                "leaves another slab and no vacancy",
                where=f"{where}.supercell",
                remedy="Give a larger `supercell`, such as [2, 2]",
            )
        yield from vacancies


def _adatoms(
    crystals: Crystals, slabs: Sequence[Slab], settings: Sequence[AdatomSettings]
) -> Iterator[Candidate]:
    for i, section in enumerate(settings):
        where = f"structures.adatoms[{i}]"
        for slab in _chosen(crystals, slabs, section, where):
            with located(where):
                yield from adatom_candidates(
                    slab,
                    section.species,
                    sites=section.sites,
                    supercell=section.supercell,
                    height=section.height,
                )


def _interface(crystals: Crystals, settings: InterfaceSettings, where: str) -> Candidate:
    sides = {
        side: _known(crystals, getattr(settings, side), f"{where}.{side}")
        for side in ("substrate", "film")
    }
    slabs = {}
    for side, crystal in sides.items():
        with located(f"{where}.{side}_miller"):
            slabs[side] = cut_slab(
                crystal,
                getattr(settings, f"{side}_miller"),
                min_thickness=getattr(settings, f"{side}_thickness"),
                vacuum=settings.gap,
                free_layers=settings.free_layers,
            )
    with located(where):
        return interface_candidate(
            slabs["substrate"],
            slabs["film"],
            MatchLimits(settings.area_tolerance, settings.max_strain, settings.max_atoms),
            gap=settings.gap,
            vacuum=settings.vacuum,
        )


def _rattled(
    crystals: Crystals, candidates: Sequence[Candidate], settings: RattledSettings, where: str
) -> Iterator[Candidate]:
    for name in settings.crystals or ():
        _known(crystals, name, f"{where}.crystals")
    chosen = [
        candidate
        for candidate in candidates
        if candidate.family == settings.family
        and not candidate.parent_id
        and (settings.crystals is None or candidate.parameters["crystal"] in settings.crystals)
    ]
    if not chosen:
        section = "bulk` (with strain 0)" if settings.family == "bulk" else "slabs`"
        raise GenerationError(
            f"there is nothing of family {settings.family} to rattle",
            where=where,
            remedy=f"Ask for some in `structures.{section}",
        )
    for candidate in chosen:
        yield from rattled_candidates(
            candidate,
            settings.supercell,
            copies=settings.copies,
            standard_deviation=settings.standard_deviation,
            seed=settings.seed,
        )


def _chosen(
    crystals: Crystals, slabs: Sequence[Slab], settings: SurfaceDefectSettings, where: str
) -> list[Slab]:
    """Slabs of the crystals and planes that a defect section names; each must have one."""
    for name in settings.crystals or ():
        _known(crystals, name, f"{where}.crystals")
        if all(slab.crystal.name != name for slab in slabs):
            raise GenerationError(
                f"there are no slabs of {name!r}",
                where=f"{where}.crystals",
                remedy="Ask for some in `structures.slabs`",
            )
    chosen = [
        slab
        for slab in slabs
        if settings.crystals is None or slab.crystal.name in settings.crystals
    ]
    if not chosen:
        raise GenerationError(
            "there are no slabs", where=where, remedy="Ask for some in `structures.slabs`"
        )
    if settings.miller_indices is None:
        return chosen
    present = sorted({slab.miller_index for slab in chosen})
    for index in settings.miller_indices:
        if index not in present:
            raise GenerationError(
                f"there is no slab {index}; there are {', '.join(map(str, present))}",
                where=f"{where}.miller_indices",
                remedy="Name one of these, or add the plane to `structures.slabs`",
            )
    return [slab for slab in chosen if slab.miller_index in settings.miller_indices]


def _known(crystals: Crystals, name: str, where: str) -> Crystal:
    if name in crystals:
        return crystals[name]
    nearest = get_close_matches(name, crystals, n=1, cutoff=0.3)
    known = f"The crystals are {', '.join(crystals)}"
    raise GenerationError(
        f"there is no crystal {name!r}",
        where=where,
        remedy=f"Did you mean {nearest[0]!r}? {known}" if nearest else known,
    )
