"""Stage *generate*: the campaign's candidates into ``structures/``."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from pymatgen.core import Structure

from generators.candidate import FAMILIES, Candidate
from generators.catalogue import generate_candidates
from generators.crystals import prototype_structure
from generators.errors import GenerationError
from workflows.campaign import Campaign
from workflows.errors import CuprolithError
from workflows.structures_io import write_structures
from workflows.workdir import Workdir


@dataclass(frozen=True)
class GenerateSummary:
    """What the stage made."""

    counts: dict[str, int]
    atoms: int
    seconds: float

    def __str__(self) -> str:
        """One line for the terminal."""
        families = ", ".join(f"{count} {family}" for family, count in self.counts.items())
        return f"{sum(self.counts.values())} structures ({families}), {self.atoms} atoms"


def campaign_crystals(campaign: Campaign) -> dict[str, Structure]:
    """Load or build the crystals a campaign names.

    Raises
    ------
    CuprolithError
        If a file is no structure, or a prototype lacks a lattice constant.
    """
    crystals = {}
    for name, settings in campaign.crystals.items():
        try:
            if settings.file is not None:
                crystals[name] = Structure.from_file(settings.file)
            else:
                crystals[name] = prototype_structure(name, settings)
        except (ValueError, OSError, KeyError) as error:
            raise CuprolithError(
                f"{error}",
                key=f"crystals.{name}",
                remedy="give a structure file that pymatgen reads (CIF, POSCAR, ...)"
                if settings.file is not None
                else "check prototype, species and lattice constants",
            ) from error
    return crystals


def campaign_candidates(campaign: Campaign) -> list[Candidate]:
    """Build all candidates of a campaign.

    Raises
    ------
    CuprolithError
        If a structure cannot be made, with the key that asks for it.
    """
    try:
        return generate_candidates(campaign_crystals(campaign), campaign.structures)
    except GenerationError as error:
        raise CuprolithError(error.message, key=error.where, remedy=error.remedy) from error


def family_counts(candidates: Sequence[Candidate]) -> dict[str, int]:
    """Count candidates by family, in the families' own order."""
    counts = Counter(candidate.family for candidate in candidates)
    return {family: counts[family] for family in FAMILIES if counts[family]}


def generate(workdir: Workdir) -> GenerateSummary:
    """Write ``structures/structures.{extxyz,json}``."""
    started = time.perf_counter()
    campaign = workdir.campaign()
    candidates = campaign_candidates(campaign)
    header = {
        "campaign": campaign.name,
        "campaign_hash": campaign.campaign_hash,
        "seed": campaign.seed,
        "crystals": {
            name: crystal.model_dump(mode="json", exclude_none=True)
            for name, crystal in campaign.crystals.items()
        },
    }
    write_structures(workdir.structures_xyz, workdir.structures_json, candidates, header)
    seconds = time.perf_counter() - started
    workdir.record_seconds("generate", seconds)
    return GenerateSummary(
        counts=family_counts(candidates),
        atoms=sum(len(candidate.structure) for candidate in candidates),
        seconds=seconds,
    )
