"""Candidates and slabs from single options, with defaults for the others."""

from __future__ import annotations

from collections.abc import Sequence

from generators.candidate import Candidate
from generators.crystals import Crystal
from generators.families import adatoms, amorphous, bulk, dimers, rattled, vacancies
from generators.families.interfaces import joining
from generators.families.interfaces.lattice_match import MatchLimits
from generators.families.interfaces.settings import InterfaceSettings
from generators.settings import MillerIndex
from generators.slab import Slab, slab_terminations


def cut_slab(crystal: Crystal, miller_index: MillerIndex, **options) -> Slab:
    """Cut the preferred one of `slab_terminations`."""
    return slab_terminations(crystal, miller_index, **options)[0]


def bulk_candidates(
    crystal: Crystal,
    strains: Sequence[float] = (0.0,),
    supercell: tuple[int, int, int] = (1, 1, 1),
) -> list[Candidate]:
    return bulk.bulk_candidates(crystal, bulk.BulkSettings(strains=strains, supercell=supercell))


def rattled_candidates(
    candidate: Candidate, supercell: tuple[int, int, int] = (1, 1, 1), **options
) -> list[Candidate]:
    settings = rattled.RattledSettings(family="bulk", supercell=supercell, **options)
    return rattled.rattled_candidates(candidate, settings)


def dimer_candidates(
    elements: Sequence[str], distances: Sequence[float], box: float
) -> list[Candidate]:
    return dimers.dimer_candidates(elements, dimers.DimerSettings(distances=distances, box=box))


def amorphous_candidates(formula: str, *, volume_per_atom: float, **options) -> list[Candidate]:
    settings = amorphous.AmorphousSettings(formulas=[formula], **options)
    return amorphous.amorphous_candidates(formula, volume_per_atom, settings)


def vacancy_candidates(
    slab: Slab, supercell: tuple[int, int] = (2, 2), **options
) -> list[Candidate]:
    settings = vacancies.VacancySettings(supercell=supercell, **options)
    return vacancies.vacancy_candidates(slab, settings)


def adatom_candidates(slab: Slab, species: Sequence[str], **options) -> list[Candidate]:
    return adatoms.adatom_candidates(slab, adatoms.AdatomSettings(species=species, **options))


def interface_candidates(
    substrate: Slab, film: Slab, limits: MatchLimits, **options
) -> list[Candidate]:
    settings = InterfaceSettings(
        substrate=substrate.crystal.name,
        film=film.crystal.name,
        max_index=1,
        substrate_thickness=1.0,
        film_thickness=1.0,
        area_tolerance=limits.area_tolerance,
        max_strain=limits.max_strain,
        max_atoms=limits.max_atoms,
        **options,
    )
    return joining.interface_candidates(substrate, film, settings)
