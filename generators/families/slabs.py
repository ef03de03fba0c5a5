"""Slabs: crystals cut along a lattice plane, with vacuum."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, model_validator

from cuprolith.settings import Settings
from generators.candidate import Candidate
from generators.crystals import named_crystal
from generators.errors import located
from generators.family import BuildContext, Family, Kind
from generators.miller_indices import distinct_miller_indices
from generators.settings import Positive, WrittenMillerIndices
from generators.size_limits import slab_atoms
from generators.slab import slab_terminations
from generators.terminations import Preference


class SlabSettings(Settings):
    """Slabs of one crystal; the in-plane cell is the smallest there is."""

    crystal: str = Field(description="name of the crystal")
    miller_indices: WrittenMillerIndices = Field(default=(), description="planes to cut")
    max_index: Annotated[int, Field(ge=1, le=5)] | None = Field(
        default=None, description="instead of miller_indices: all distinct ones up to this"
    )
    min_thickness: Positive = Field(description="least thickness of the slab, Å")
    vacuum: Positive = Field(default=15.0, description="vacuum on each side, Å")
    free_layers: Annotated[int, Field(ge=0, le=1000)] = Field(
        default=2, description="atomic layers free to relax on each face"
    )
    terminations: Literal["all", "preferred"] = Field(
        default="all", description="one slab for each distinct face, or the preferred one only"
    )
    prefer: Preference = Field(
        default="symmetric", description="what decides the other face, where both cannot be had"
    )

    @model_validator(mode="after")
    def _indices_or_max(self) -> SlabSettings:
        if bool(self.miller_indices) == (self.max_index is not None):
            raise ValueError("give either `miller_indices` or `max_index`")
        if any(index == (0, 0, 0) for index in self.miller_indices):
            raise ValueError("(0, 0, 0) is no plane")
        return self


def _build(section: SlabSettings, context: BuildContext) -> Iterator[Candidate]:
    """Cut all slabs of a section; the same slab asked for twice comes once."""
    seen = {slab.candidate.structure_id for slab in context.slabs}
    crystal = named_crystal(context.crystals, section.crystal, f"{context.where}.crystal")
    indices = section.miller_indices
    if section.max_index is not None:
        indices = tuple(distinct_miller_indices(crystal, section.max_index))
    for index in indices:
        with located(f"{context.where}.miller_indices"):
            atoms = slab_atoms(crystal, index, section.min_thickness)
            context.budget.reserve(1, atoms, context.where)
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
                context.slabs.append(slab)
                yield slab.candidate


FAMILY = Family(
    name="slabs",
    settings=SlabSettings,
    build=_build,
    kinds=(
        Kind(
            "slab",
            "crystals cut along a lattice plane, with vacuum",
            "#e69f00",
            slab_like=True,
            keeps_shape=True,
        ),
    ),
    order=20,
    several=True,
    overlap=("vacuum", "Raise `vacuum`: the next slab is that far away on each side"),
)
