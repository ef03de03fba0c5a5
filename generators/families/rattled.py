"""Rattled copies: cells strained and atoms displaced at random.

They have the forces and stresses that symmetry makes vanish in perfect crystals.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, model_validator
from pymatgen.core import Lattice

from cuprolith.arrays import FloatArray
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
    strain_deviation: Annotated[float, Field(ge=0, lt=0.1)] = Field(
        default=0.0,
        description="standard deviation of the cell's normal strains in each direction, those of "
        "a slab in its plane; 0: the cell stays as it is",
    )
    seed: Seed = Field(default=0, description="decides displacements and strains")

    @model_validator(mode="after")
    def _slabs_stay_slabs(self) -> RattledSettings:
        if self.family == "slab" and self.supercell[2] != 1:
            raise ValueError("a slab is repeated in the plane only: the third repeat must be 1")
        return self


def rattled_candidates(candidate: Candidate, settings: RattledSettings) -> list[Candidate]:
    """Strain a supercell and displace all its atoms by normal deviates.

    The candidate is the parent of the copies, which keep its family, plane and free mask. In a cell
    of one atom per plane whole planes move, so such a cell needs a supercell. The seed decides
    displacements and strains, together with the candidate's id and the number of the copy: they do
    not depend on what else is generated.
    """
    free = tuple(np.repeat(candidate.free_mask, math.prod(settings.supercell)).tolist())
    rattled = []
    for copy in range(settings.copies):
        structure = candidate.structure * settings.supercell
        random = random_generator(f"{settings.seed}:{candidate.structure_id}:{copy}")
        displacements = settings.standard_deviation * random.normal(size=(len(structure), 3))
        rattle = {
            "standard_deviation": settings.standard_deviation,
            "supercell": list(settings.supercell),
            "copy": copy,
            "seed": settings.seed,
        }
        if settings.strain_deviation:  # without it, ids stay those of unstrained copies
            strain = _random_strain(
                random, settings.strain_deviation, plane=candidate.family == "slab"
            )
            matrix = structure.lattice.matrix
            structure.lattice = Lattice(matrix + matrix @ strain)
            rattle["strain_deviation"] = settings.strain_deviation
        for site, displacement in zip(structure, displacements, strict=True):
            site.coords = site.coords + displacement
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


def _random_strain(random: np.random.Generator, deviation: float, *, plane: bool) -> FloatArray:
    """Draw a symmetric strain tensor, shape (3, 3), from a distribution without a direction.

    So its shears have the deviation of its normal strains over √2. In a plane, which is normal to
    z, all components along z are 0.
    """
    deviates = deviation * random.normal(size=(3, 3))
    strain = (deviates + deviates.T) / 2
    if plane:
        strain[2, :] = strain[:, 2] = 0
    return strain


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
    overlap=("standard_deviation", "Lower `standard_deviation` or `strain_deviation`"),
)
