"""Rattled copies: every atom displaced at random, for forces that no symmetry makes vanish."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, model_validator

from cuprolith.settings import Listed, Seed, Settings
from generators.candidate import Candidate
from generators.crystals import named_crystal
from generators.errors import GenerationError
from generators.family import BuildContext, Family
from generators.settings import Copies, Names, Repeats
from generators.stable_numbers import random_generator


class RattledSettings(Settings):
    """Rattled copies of perfect crystals or of slabs."""

    family: Literal["bulk", "slab"] = Field(description="structures of which copies are made")
    crystals: Names | None = Field(default=None, description="default: all crystals")
    supercell: Annotated[tuple[Repeats, Repeats, Repeats], Listed] = Field(
        default=(2, 2, 1), description="repeats of the cell"
    )
    copies: Copies = Field(default=1, description="copies of each structure")
    standard_deviation: Annotated[float, Field(gt=0, lt=1)] = Field(
        default=0.1, description="of each Cartesian displacement, Å"
    )
    seed: Seed = Field(default=0, description="decides the displacements")

    @model_validator(mode="after")
    def _slabs_stay_slabs(self) -> RattledSettings:
        if self.family == "slab" and self.supercell[2] != 1:
            raise ValueError("a slab is repeated in the plane only: the third repeat must be 1")
        return self


def rattled_candidates(candidate: Candidate, settings: RattledSettings) -> list[Candidate]:
    """Displace all atoms of a supercell by independent normal deviates.

    The candidate is the parent of the copies, which keep its family, plane and free mask. In a cell
    of one atom per plane whole planes move, so such a cell needs a supercell. The seed decides the
    displacements, together with the candidate's id and the number of the copy: they do not depend
    on what else is generated.
    """
    free = tuple(np.repeat(candidate.free_mask, math.prod(settings.supercell)).tolist())
    rattled = []
    for copy in range(settings.copies):
        structure = candidate.structure * settings.supercell
        random = random_generator(f"{settings.seed}:{candidate.structure_id}:{copy}")
        deviates = random.normal(size=(len(structure), 3))
        for site, displacement in zip(
            structure, settings.standard_deviation * deviates, strict=True
        ):
            site.coords = site.coords + displacement
        rattle = {
            "standard_deviation": settings.standard_deviation,
            "supercell": list(settings.supercell),
            "copy": copy,
            "seed": settings.seed,
        }
        rattled.append(
            Candidate(
                structure=structure,
                family=candidate.family,
                free_mask=free,
                miller_index=candidate.miller_index,
                parent_id=candidate.structure_id,
                parameters={**candidate.parameters, "rattle": rattle},
            )
        )
    return rattled


def _build(section: RattledSettings, context: BuildContext) -> Iterator[Candidate]:
    for name in section.crystals or ():
        named_crystal(context.crystals, name, f"{context.where}.crystals")
    chosen = [
        candidate
        for candidate in context.candidates
        if candidate.family == section.family
        and not candidate.parent_id
        and (section.crystals is None or candidate.parameters["crystal"] in section.crystals)
    ]
    if not chosen:
        source = "bulk` (with strain 0)" if section.family == "bulk" else "slabs`"
        raise GenerationError(
            f"there is nothing of family {section.family} to rattle",
            key=context.where,
            remedy=f"Ask for some in `structures.{source}",
        )
    for candidate in chosen:
        atoms = len(candidate.structure) * math.prod(section.supercell)
        context.budget.reserve(section.copies, atoms, context.where)
    for candidate in chosen:
        yield from rattled_candidates(candidate, section)


FAMILY = Family(
    name="rattled",
    settings=RattledSettings,
    build=_build,
    order=70,
    several=True,
    overlap=("standard_deviation", "Lower `standard_deviation`"),
)
