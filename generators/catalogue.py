"""The catalogue: all candidates of a campaign, each once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from pymatgen.core import Element, Structure

from generators.adatoms import adatom_candidates
from generators.amorphous import (
    amorphous_candidates,
    atoms_in,
    mixture_volume,
    volume_at_density,
)
from generators.bulk import bulk_candidates
from generators.candidate import Candidate
from generators.crystal_checks import overlap
from generators.crystals import standard_crystal
from generators.duplicates import unique_candidates
from generators.errors import GenerationError, located
from generators.interface_catalogue import section_interfaces
from generators.miller_indices import distinct_miller_indices
from generators.named_crystals import Crystals, named_crystal
from generators.rattled import rattled_candidates
from generators.settings import (
    AdatomSettings,
    AmorphousSettings,
    BulkSettings,
    RattledSettings,
    SlabSettings,
    StructuresSettings,
    SurfaceDefectSettings,
    VacancySettings,
)
from generators.size_limits import Budget, repeated, size_notes, slab_atoms
from generators.slabs import Slab, slab_terminations
from generators.small_molecules import dimer_candidates, isolated_atom_candidates
from generators.vacancies import vacancy_candidates

_REMEDIES = {
    "strains": "Compress less",
    "vacuum": "Raise `vacuum`: the next slab is that far away on each side",
    "height": "Raise `height`, or leave it out: it then follows from the elements",
    "gaps": "Raise `gaps` (and `vacuum`, if there is one), or leave `gaps` out: they then follow "
    "from the elements",
    "min_distance": "Raise `min_distance`",
    "standard_deviation": "Lower `standard_deviation`",
}


class Catalogue(NamedTuple):
    """Everything a campaign computes, and what it leaves out.

    Attributes
    ----------
    candidates
        Bulk, slabs, vacancies, adatoms, interfaces, amorphous cells, rattled copies, isolated
        atoms, dimers, each in the order of the settings.
    notes
        A line for each thing that was asked for and passed over, with the reason.
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
    settings
        What to make.

    Raises
    ------
    GenerationError
        If something cannot be made; with the path of its setting in ``where``.
    """
    standard = {name: standard_crystal(name, crystal) for name, crystal in crystals.items()}
    notes: list[str] = []
    candidates = {c.structure_id: c for c in _all_candidates(standard, settings, notes)}
    notes += size_notes(list(candidates.values()))
    kept, duplicates = unique_candidates(candidates.values())
    if not settings.relaxed_parents:
        kept = [replace(candidate, origins=()) for candidate in kept]
    return Catalogue(kept, notes, duplicates)


def generate_candidates(
    crystals: Mapping[str, Structure], settings: StructuresSettings
) -> list[Candidate]:
    """Return the candidates of `build_catalogue`."""
    return build_catalogue(crystals, settings).candidates


def _all_candidates(
    crystals: Crystals, settings: StructuresSettings, notes: list[str]
) -> Iterator[Candidate]:
    budget = Budget()
    bulk = list(_bulk(crystals, settings.bulk, budget)) if settings.bulk is not None else []
    yield from _apart(bulk, "structures.bulk", "strains")
    slabs = list(_slabs(crystals, settings.slabs, budget))
    yield from _apart((slab.candidate for slab in slabs), "structures.slabs", "vacuum")
    for i, vacancies in enumerate(settings.vacancies):
        yield from _vacancies(
            crystals, slabs, vacancies, f"structures.vacancies[{i}]", notes, budget
        )
    for i, adatoms in enumerate(settings.adatoms):
        where = f"structures.adatoms[{i}]"
        yield from _apart(_adatoms(crystals, slabs, adatoms, where, budget), where, "height")
    for i, interfaces in enumerate(settings.interfaces):
        where = f"structures.interfaces[{i}]"
        made = section_interfaces(crystals, interfaces, where, notes, slabs, budget)
        yield from _apart(made, where, "gaps")
    for i, amorphous in enumerate(settings.amorphous):
        where = f"structures.amorphous[{i}]"
        yield from _apart(_amorphous(crystals, amorphous, where, budget), where, "min_distance")
    roots = [*bulk, *(slab.candidate for slab in slabs)]
    for i, rattled in enumerate(settings.rattled):
        where = f"structures.rattled[{i}]"
        made = _rattled(crystals, roots, rattled, where, budget)
        yield from _apart(made, where, "standard_deviation")
    if (atoms := settings.isolated_atoms) is not None:
        with located("structures.isolated_atoms"):
            yield from isolated_atom_candidates(_species(crystals, atoms.species), atoms.box)
    if (dimers := settings.dimers) is not None:
        with located("structures.dimers"):
            elements = _species(crystals, dimers.species)
            yield from dimer_candidates(elements, dimers.distances, dimers.box)


def _species(crystals: Crystals, named: Sequence[str] | None) -> Sequence[str]:
    """Return the elements that are named, or those of all crystals."""
    if named is None:
        return sorted(
            {
                str(element)
                for crystal in crystals.values()
                for element in crystal.primitive.elements
            }
        )
    for name in named:
        if not Element.is_valid_symbol(name):
            raise GenerationError(f"{name!r} is not an element", remedy="Correct `species`")
    return named


def _apart(candidates: Iterable[Candidate], where: str, key: str) -> Iterator[Candidate]:
    """Pass on candidates; refuse one whose atoms overlap, and name the key that decides it."""
    for candidate in candidates:
        if problem := overlap(candidate.structure):
            raise GenerationError(
                f"in a structure of family {candidate.family}, {problem}",
                where=f"{where}.{key}",
                remedy=_REMEDIES[key],
            )
        yield candidate


def _bulk(crystals: Crystals, settings: BulkSettings, budget: Budget) -> Iterator[Candidate]:
    for name in crystals if settings.crystals is None else settings.crystals:
        crystal = named_crystal(crystals, name, "structures.bulk.crystals")
        atoms = len(crystal.primitive) * repeated(settings.supercell)
        budget.reserve(len(settings.strains), atoms, "structures.bulk.supercell")
        yield from bulk_candidates(crystal, settings.strains, settings.supercell)


def _slabs(crystals: Crystals, settings: Sequence[SlabSettings], budget: Budget) -> Iterator[Slab]:
    """All slabs; the same slab asked for twice comes once."""
    seen = set()
    for i, section in enumerate(settings):
        where = f"structures.slabs[{i}]"
        crystal = named_crystal(crystals, section.crystal, f"{where}.crystal")
        indices = section.miller_indices
        if section.max_index is not None:
            indices = tuple(distinct_miller_indices(crystal, section.max_index))
        for index in indices:
            with located(f"{where}.miller_indices"):
                budget.reserve(1, slab_atoms(crystal, index, section.min_thickness), where)
                terminations = slab_terminations(
                    crystal,
                    index,
                    min_thickness=section.min_thickness,
                    vacuum=section.vacuum,
                    free_layers=section.free_layers,
                    prefer=section.prefer,
                )
            for slab in terminations[: None if section.terminations == "all" else 1]:
                if slab.candidate.structure_id not in seen:
                    seen.add(slab.candidate.structure_id)
                    yield slab


def _vacancies(
    crystals: Crystals,
    slabs: Sequence[Slab],
    settings: VacancySettings,
    where: str,
    notes: list[str],
    budget: Budget,
) -> Iterator[Candidate]:
    chosen = _chosen(crystals, slabs, settings, where)
    _reserve_defects(chosen, settings, 1, where, budget)
    without: list[str] = []
    for slab in chosen:
        vacancies = vacancy_candidates(
            slab, settings.supercell, cell=settings.cell, removed=settings.removed
        )
        if not vacancies:
            without.append(f"{slab.crystal.name} {slab.miller_index}")
        yield from vacancies
    passed_over = (
        f"no vacancies in the {settings.supercell} supercells of {', '.join(without)}: what "
        "would be left is the same slab, thinner"
    )
    if len(without) == len(chosen):
        raise GenerationError(
            passed_over,
            where=f"{where}.supercell",
            remedy="Give a larger `supercell`, such as [2, 2]",
        )
    if without:
        notes.append(f"{where}: {passed_over}")


def _adatoms(
    crystals: Crystals,
    slabs: Sequence[Slab],
    settings: AdatomSettings,
    where: str,
    budget: Budget,
) -> Iterator[Candidate]:
    chosen = _chosen(crystals, slabs, settings, where)
    _reserve_defects(chosen, settings, len(settings.species) * len(settings.sites), where, budget)
    for slab in chosen:
        with located(where):
            yield from adatom_candidates(
                slab,
                settings.species,
                sites=settings.sites,
                supercell=settings.supercell,
                cell=settings.cell,
                height=settings.height,
            )


def _reserve_defects(
    slabs: Sequence[Slab], settings: SurfaceDefectSettings, each: int, where: str, budget: Budget
) -> None:
    """Count at least so many defects of each slab."""
    for slab in slabs:
        atoms = len(slab.structure) * repeated(settings.supercell)
        budget.reserve(each, atoms, f"{where}.supercell")


def _amorphous(
    crystals: Crystals, settings: AmorphousSettings, where: str, budget: Budget
) -> Iterator[Candidate]:
    for formula in settings.formulas:
        with located(f"{where}.formulas"):
            budget.reserve(settings.copies, atoms_in(formula), where)
            volume = (
                mixture_volume(formula, crystals.values())
                if settings.density is None
                else volume_at_density(formula, settings.density)
            )
            yield from amorphous_candidates(
                formula,
                volume_per_atom=volume,
                min_distance=settings.min_distance,
                copies=settings.copies,
                seed=settings.seed,
            )


def _rattled(
    crystals: Crystals,
    candidates: Sequence[Candidate],
    settings: RattledSettings,
    where: str,
    budget: Budget,
) -> Iterator[Candidate]:
    for name in settings.crystals or ():
        named_crystal(crystals, name, f"{where}.crystals")
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
        atoms = len(candidate.structure) * repeated(settings.supercell)
        budget.reserve(settings.copies, atoms, where)
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
        named_crystal(crystals, name, f"{where}.crystals")
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
