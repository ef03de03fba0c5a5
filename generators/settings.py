"""What a campaign says about structures (validated YAML sections ``crystals``, ``structures``)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

MillerIndex = tuple[int, int, int]
Sites = Literal["on_top", "bridge", "hollow"]
Positive = Annotated[float, Field(gt=0)]
Repeats = Annotated[int, Field(ge=1)]


class Settings(BaseModel):
    """Base of all sections: unknown keys are refused, values are immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class CrystalSettings(Settings):
    """One crystal: a prototype with its lattice constants, or a structure file."""

    prototype: Literal["fcc", "bcc", "hcp", "diamond", "rocksalt", "cscl", "zincblende"] | None = (
        Field(default=None, description="structure type; its element(s) are in `species`")
    )
    species: tuple[str, ...] = Field(
        default=(), description="element symbols; default: the crystal's name"
    )
    a: Annotated[float, Field(gt=1.5, lt=30)] | None = Field(
        default=None, description="lattice constant a of the conventional cell, Å"
    )
    c: Annotated[float, Field(gt=1.5, lt=60)] | None = Field(
        default=None, description="lattice constant c (hcp), Å"
    )
    file: Path | None = Field(
        default=None, description="structure file (CIF, POSCAR, ...) relative to the campaign file"
    )
    source: str = Field(default="", description="where the lattice constants come from")

    @model_validator(mode="after")
    def _prototype_or_file(self) -> CrystalSettings:
        if (self.prototype is None) == (self.file is None):
            raise ValueError("give either `prototype` (with `a`) or `file`")
        if self.prototype is not None and self.a is None:
            raise ValueError("`prototype` needs the lattice constant `a` in Å")
        return self


class BulkSettings(Settings):
    """Bulk crystals, perfect and strained."""

    crystals: tuple[str, ...] | None = Field(default=None, description="default: all crystals")
    strains: tuple[Annotated[float, Field(gt=-0.3, lt=0.3)], ...] = Field(
        default=(0.0,), description="isotropic linear strains; 0 is the perfect crystal"
    )
    supercell: tuple[int, int, int] = Field(
        default=(1, 1, 1), description="repeats of the primitive cell"
    )


class SlabSettings(Settings):
    """Slabs of one crystal; the in-plane cell is the smallest there is."""

    crystal: str
    miller_indices: tuple[MillerIndex, ...] = Field(default=(), description="planes to cut")
    max_index: Annotated[int, Field(ge=1, le=5)] | None = Field(
        default=None, description="instead of miller_indices: all distinct ones up to this"
    )
    min_thickness: Positive = Field(description="least thickness of the slab, Å")
    vacuum: Positive = Field(default=15.0, description="vacuum on each side, Å")
    free_layers: Annotated[int, Field(ge=0)] = Field(
        default=2, description="atomic layers free to relax on each face"
    )

    @model_validator(mode="after")
    def _indices_or_max(self) -> SlabSettings:
        if bool(self.miller_indices) == (self.max_index is not None):
            raise ValueError("give either `miller_indices` or `max_index`")
        if any(index == (0, 0, 0) for index in self.miller_indices):
            raise ValueError("(0, 0, 0) is no plane")
        return self


class SurfaceDefectSettings(Settings):
    """Which slabs carry a defect, and on which in-plane supercell."""

    crystals: tuple[str, ...] | None = Field(default=None, description="default: all slabs'")
    miller_indices: tuple[MillerIndex, ...] | None = Field(
        default=None, description="default: all slabs'"
    )
    supercell: tuple[Repeats, Repeats] = Field(
        default=(1, 1), description="in-plane repeats of the slab's cell"
    )


class VacancySettings(SurfaceDefectSettings):
    """Surface vacancies, one per distinct coordination number of surface atoms."""


class AdatomSettings(SurfaceDefectSettings):
    """Adatoms at symmetry-distinct sites."""

    supercell: tuple[Repeats, Repeats] = (2, 2)
    species: tuple[str, ...] = Field(description="elements of the adatom")
    sites: tuple[Sites, ...] = ("on_top", "bridge", "hollow")
    height: Positive = Field(default=2.0, description="height above the local surface, Å")


class RattledSettings(Settings):
    """Rattled copies of perfect crystals or of slabs."""

    family: Literal["bulk", "slab"]
    crystals: tuple[str, ...] | None = Field(default=None, description="default: all crystals")
    supercell: tuple[Repeats, Repeats, Repeats] = Field(
        default=(2, 2, 1), description="repeats of the cell"
    )
    copies: Annotated[int, Field(ge=1)] = 1
    standard_deviation: Annotated[float, Field(gt=0, lt=1)] = Field(
        default=0.1, description="of each Cartesian displacement, Å"
    )
    seed: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _slabs_stay_slabs(self) -> RattledSettings:
        if self.family == "slab" and self.supercell[2] != 1:
            raise ValueError("a slab is repeated in the plane only: the third repeat must be 1")
        return self


class InterfaceSettings(Settings):
    """A coherent interface of two slabs by Zur and McGill's lattice match."""

    substrate: str = Field(description="crystal that keeps its lattice")
    film: str = Field(description="crystal that is strained to match")
    substrate_miller: MillerIndex
    film_miller: MillerIndex
    area_tolerance: Annotated[float, Field(gt=0, lt=1)] = Field(
        default=0.09, description="largest relative mismatch of the two areas"
    )
    max_strain: Annotated[float, Field(gt=0, lt=0.5)] = Field(
        default=0.09, description="largest principal strain of the film"
    )
    gap: Positive = Field(default=3.0, description="distance between the facing planes, Å")
    substrate_thickness: Positive = Field(description="least thickness, Å")
    film_thickness: Positive = Field(description="least thickness, Å")
    vacuum: Annotated[float, Field(ge=0)] = Field(
        default=0.0, description="vacuum above the film, Å; 0: the gap is repeated (no vacuum)"
    )
    max_atoms: Annotated[int, Field(ge=2)] = Field(default=200, description="refuse above this")
    free_layers: Annotated[int, Field(ge=0)] = Field(
        default=2, description="layers free on each face of each slab in relaxations"
    )


class StructuresSettings(Settings):
    """All structures of a campaign."""

    bulk: BulkSettings | None = None
    slabs: tuple[SlabSettings, ...] = ()
    vacancies: tuple[VacancySettings, ...] = ()
    adatoms: tuple[AdatomSettings, ...] = ()
    interfaces: tuple[InterfaceSettings, ...] = ()
    rattled: tuple[RattledSettings, ...] = ()
