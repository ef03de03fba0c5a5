"""The section ``interfaces`` of a campaign."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from cuprolith.settings import Listed, Settings
from generators.families.interfaces.common_cell import Strained
from generators.families.interfaces.lattice_match import MatchLimits
from generators.settings import Positive, Repeats, WrittenMillerIndex, WrittenMillerIndices


class InterfaceSettings(Settings):
    """Coherent interfaces of slabs by Zur and McGill's lattice match."""

    substrate: str = Field(description="crystal of the lower slab")
    film: str = Field(description="crystal of the upper slab")
    substrate_miller: WrittenMillerIndex | None = Field(
        default=None, description="plane of the substrate, together with `film_miller`"
    )
    film_miller: WrittenMillerIndex | None = Field(default=None, description="plane of the film")
    miller_indices: WrittenMillerIndices = Field(
        default=(), description="instead: planes of both sides"
    )
    max_index: Annotated[int, Field(ge=1, le=5)] | None = Field(
        default=None, description="instead: all distinct planes up to this, of both sides"
    )
    pairs: Literal["same", "all"] = Field(
        default="same",
        description="of the planes: pairs that share their indices, or every one with every one",
    )
    area_tolerance: Annotated[float, Field(gt=0, lt=1)] = Field(
        default=0.09, description="largest relative mismatch of the two areas"
    )
    max_strain: Annotated[float, Field(gt=0, lt=0.5)] = Field(
        default=0.09, description="largest principal strain, were one side to carry it all"
    )
    strained: Strained = Field(
        default="film", description="which side carries the strain; both: half each"
    )
    gaps: Annotated[tuple[Positive, ...], Listed, Field(min_length=1)] | None = Field(
        default=None,
        max_length=1000,
        description="distances between the facing planes, Å; default: the one at which the first "
        "two atoms touch, by covalent radii",
    )
    registries: Annotated[tuple[Repeats, Repeats], Listed] = Field(
        default=(1, 1),
        description="in-plane shifts of the film: a grid over the cell in which shifts differ",
    )
    substrate_thickness: Positive = Field(description="least thickness, Å")
    film_thickness: Positive = Field(description="least thickness, Å")
    terminations: Literal["all", "preferred"] = Field(
        default="preferred", description="facing planes: all pairs of distinct ones, or one"
    )
    film_on: Literal["top", "both"] = Field(
        default="top", description="film on one face of the substrate, or on both (needs vacuum)"
    )
    vacuum: Annotated[float, Field(ge=0, le=200)] = Field(
        default=0.0,
        description="vacuum between periodic images, Å; 0: none, so that the film's other face "
        "meets the substrate's across the same gap",
    )
    max_atoms: Annotated[int, Field(ge=2, le=10_000)] = Field(
        default=200, description="refuse above this"
    )
    unmatched: Literal["refuse", "skip"] = Field(
        default="refuse", description="what to do with a pair that has no match"
    )
    free_layers: Annotated[int, Field(ge=0, le=1000)] = Field(
        default=2, description="layers free on each face of each slab in relaxations"
    )

    @model_validator(mode="after")
    def _one_way_to_name_planes(self) -> InterfaceSettings:
        pair = (self.substrate_miller, self.film_miller)
        if (pair[0] is None) != (pair[1] is None):
            raise ValueError("give both `substrate_miller` and `film_miller`")
        ways = [pair[0] is not None, bool(self.miller_indices), self.max_index is not None]
        if sum(ways) != 1:
            raise ValueError(
                "give the planes in one way: `substrate_miller` and `film_miller`, "
                "`miller_indices`, or `max_index`"
            )
        if self.film_on == "both" and self.vacuum == 0:
            raise ValueError("`film_on: both` needs `vacuum`: otherwise film meets film")
        return self

    @property
    def limits(self) -> MatchLimits:
        """Limits of the lattice match."""
        return MatchLimits(self.area_tolerance, self.max_strain, self.max_atoms)
