"""Bulk crystals, perfect and isotropically strained."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from cuprolith.settings import Listed, Settings
from generators.candidate import Candidate
from generators.crystals import Crystal, named_crystal
from generators.family import BuildContext, Family, Kind
from generators.settings import Names, Repeats


class BulkSettings(Settings):
    """Bulk crystals, perfect and strained."""

    crystals: Names | None = Field(default=None, description="default: all crystals")
    strains: Annotated[tuple[Annotated[float, Field(gt=-0.3, lt=0.3)], ...], Listed] = Field(
        default=(0.0,),
        min_length=1,
        max_length=1000,
        description="isotropic linear strains; 0 is the perfect crystal",
    )
    supercell: Annotated[tuple[Repeats, Repeats, Repeats], Listed] = Field(
        default=(1, 1, 1), description="repeats of the primitive cell"
    )


def bulk_candidates(crystal: Crystal, settings: BulkSettings) -> list[Candidate]:
    """Return bulk crystals for an equation of state, one per strain; all atoms are free.

    A strained crystal's parent is the perfect one of the same supercell, whether or not that one is
    among the strains.
    """
    perfect = _bulk_candidate(crystal, 0.0, settings.supercell, parent_id="")
    return [
        perfect
        if strain == 0
        else _bulk_candidate(crystal, strain, settings.supercell, perfect.structure_id)
        for strain in settings.strains
    ]


def _bulk_candidate(
    crystal: Crystal, strain: float, supercell: tuple[int, int, int], parent_id: str
) -> Candidate:
    structure = crystal.primitive * supercell
    structure.apply_strain(strain)
    return Candidate(
        structure=structure,
        family="bulk",
        free_mask=(True,) * len(structure),
        parent_id=parent_id,
        parameters={
            **crystal.parameters,
            "strain": float(strain),
            "supercell": list(supercell),
        },
    )


def _build(section: BulkSettings, context: BuildContext) -> Iterator[Candidate]:
    for name in context.crystals if section.crystals is None else section.crystals:
        crystal = named_crystal(context.crystals, name, f"{context.where}.crystals")
        atoms = len(crystal.primitive) * math.prod(section.supercell)
        context.budget.reserve(len(section.strains), atoms, f"{context.where}.supercell")
        yield from bulk_candidates(crystal, section)


FAMILY = Family(
    name="bulk",
    settings=BulkSettings,
    build=_build,
    kinds=(Kind("bulk", "perfect, strained and rattled crystals", "#0072b2", formula_unit=True),),
    order=10,
    overlap=("strains", "Compress less"),
)
