"""What a campaign says about structures (validated YAML sections ``crystals``, ``structures``)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from cuprolith.settings import Listed, Seed, Settings

MillerIndex = tuple[int, int, int]
Sites = Literal["on_top", "bridge", "hollow"]
# Lengths, Å: DFT's slabs and vacuums have tens; cells beyond 200 Å are none that anyone labels.
Positive = Annotated[float, Field(gt=0, le=200)]
# 20 repeats of the smallest cell along all three directions are 8,000 atoms.
Repeats = Annotated[int, Field(ge=1, le=20)]
Copies = Annotated[int, Field(ge=1, le=10_000)]


def _three_indices(index: Any) -> Any:
    """Turn the Miller-Bravais index (h, k, i, l) of a hexagonal crystal into (h, k, l)."""
    if isinstance(index, (list, tuple)) and len(index) == 4:
        h, k, i, l = index  # noqa: E741  (the field's letters)
        if not all(type(value) is int for value in index):
            return index
        if i != -(h + k):
            raise ValueError(f"in a Miller-Bravais index i = -(h + k), here {-(h + k)}, not {i}")
        return (h, k, l)
    return index


# Planes of higher indices than any vicinal surface that is cut.
_Index = Annotated[int, Field(ge=-20, le=20)]
# What a person writes: three indices, or four for hexagonal crystals.
WrittenMillerIndex = Annotated[
    tuple[_Index, _Index, _Index], Listed, BeforeValidator(_three_indices)
]
WrittenMillerIndices = Annotated[tuple[WrittenMillerIndex, ...], Listed, Field(max_length=1000)]
Names = Annotated[tuple[str, ...], Listed, Field(min_length=1, max_length=1000)]


class CrystalSettings(Settings):
    """One crystal: a prototype with its lattice constants, or a structure file."""

    prototype: (
        Literal[
            "fcc", "bcc", "hcp", "diamond", "rocksalt", "cscl", "zincblende", "fluorite", "cuprite"
        ]
        | None
    ) = Field(default=None, description="structure type; its element(s) are in `species`")
    species: Annotated[tuple[str, ...], Listed] = Field(
        default=(), max_length=10, description="element symbols; default: the crystal's name"
    )
    a: Annotated[float, Field(gt=1.5, lt=30)] | None = Field(
        default=None, description="lattice constant a of the conventional cell, Å"
    )
    c: Annotated[float, Field(gt=1.5, lt=60)] | None = Field(
        default=None, description="lattice constant c (hcp), Å"
    )
    file: Annotated[Path, Listed] | None = Field(
        default=None, description="structure file (CIF, POSCAR, ...) relative to the campaign file"
    )
    source: str = Field(default="", description="where the lattice constants come from")
    relax: bool = Field(
        default=False,
        description="relax the lattice constants with the campaign's engine before anything is cut",
    )

    @model_validator(mode="after")
    def _prototype_or_file(self) -> CrystalSettings:
        if (self.prototype is None) == (self.file is None):
            raise ValueError("give either `prototype` (with `a`) or `file`")
        if self.prototype is not None and self.a is None:
            raise ValueError("`prototype` needs the lattice constant `a` in Å")
        return self


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


class SlabSettings(Settings):
    """Slabs of one crystal; the in-plane cell is the smallest there is."""

    crystal: str
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
    prefer: Literal["symmetric", "stoichiometric"] = Field(
        default="symmetric", description="what decides the other face, where both cannot be had"
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

    crystals: Names | None = Field(default=None, description="default: all slabs'")
    miller_indices: WrittenMillerIndices | None = Field(
        default=None, description="default: all slabs'"
    )
    supercell: Annotated[tuple[Repeats, Repeats], Listed] = Field(
        default=(1, 1), description="in-plane repeats of the cell"
    )
    cell: Literal["smallest", "pymatgen"] = Field(
        default="smallest",
        description="what is repeated: the smallest in-plane cell, or the larger one that "
        "pymatgen's SlabGenerator makes of the same plane",
    )


class VacancySettings(SurfaceDefectSettings):
    """Surface vacancies, one per distinct coordination number of surface atoms."""

    removed: Annotated[int, Field(ge=1, le=100)] = Field(
        default=1,
        description="atoms of one coordination number removed together, as far apart as can be",
    )


class AdatomSettings(SurfaceDefectSettings):
    """Adatoms at symmetry-distinct sites."""

    supercell: Annotated[tuple[Repeats, Repeats], Listed] = (2, 2)
    species: Names = Field(description="elements of the adatom")
    sites: Annotated[tuple[Sites, ...], Listed] = Field(
        default=("on_top", "bridge", "hollow"), min_length=1, description="kinds of sites"
    )
    height: Positive | None = Field(
        default=None,
        description="height above the local surface, Å; default: where the adatom touches the "
        "surface, by covalent radii",
    )


class RattledSettings(Settings):
    """Rattled copies of perfect crystals or of slabs."""

    family: Literal["bulk", "slab"]
    crystals: Names | None = Field(default=None, description="default: all crystals")
    supercell: Annotated[tuple[Repeats, Repeats, Repeats], Listed] = Field(
        default=(2, 2, 1), description="repeats of the cell"
    )
    copies: Copies = 1
    standard_deviation: Annotated[float, Field(gt=0, lt=1)] = Field(
        default=0.1, description="of each Cartesian displacement, Å"
    )
    seed: Seed = 0

    @model_validator(mode="after")
    def _slabs_stay_slabs(self) -> RattledSettings:
        if self.family == "slab" and self.supercell[2] != 1:
            raise ValueError("a slab is repeated in the plane only: the third repeat must be 1")
        return self


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
    strained: Literal["film", "substrate", "both"] = Field(
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


class AmorphousSettings(Settings):
    """Disordered mixtures at a stated density: starting points for melts."""

    formulas: Names = Field(description="atoms of each cell, such as Li16Cu48")
    density: Annotated[float, Field(ge=0.01, le=30)] | None = Field(
        default=None,
        description="g/cm³; default: the crystals' volumes per atom, averaged over the mixture",
    )
    min_distance: Positive = Field(default=2.0, description="least distance of two atoms, Å")
    copies: Copies = 1
    seed: Seed = 0


class IsolatedAtomSettings(Settings):
    """Isolated atoms: their energies are the zero of energy of a model."""

    species: Names | None = Field(
        default=None, description="element symbols; default: all elements of the crystals"
    )
    box: Annotated[float, Field(gt=0, le=100)] = Field(
        default=20.0, description="edge of the cubic box, Å"
    )


class DimerSettings(Settings):
    """Two atoms of every pair of elements, at several distances."""

    species: Names | None = Field(
        default=None, description="element symbols; default: all elements of the crystals"
    )
    distances: Annotated[tuple[Annotated[float, Field(gt=0.3, lt=10)], ...], Listed] = Field(
        default=(0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 1.75, 2.0, 2.5),
        min_length=1,
        max_length=1000,
        description="distances, as multiples of the sum of the two covalent radii",
    )
    box: Annotated[float, Field(gt=0, le=100)] = Field(
        default=20.0, description="edge of the cubic box, Å"
    )


class StructuresSettings(Settings):
    """All structures of a campaign."""

    bulk: BulkSettings | None = None
    slabs: Annotated[tuple[SlabSettings, ...], Listed] = ()
    vacancies: Annotated[tuple[VacancySettings, ...], Listed] = ()
    adatoms: Annotated[tuple[AdatomSettings, ...], Listed] = ()
    interfaces: Annotated[tuple[InterfaceSettings, ...], Listed] = ()
    amorphous: Annotated[tuple[AmorphousSettings, ...], Listed] = ()
    rattled: Annotated[tuple[RattledSettings, ...], Listed] = ()
    isolated_atoms: IsolatedAtomSettings | None = None
    dimers: DimerSettings | None = None
    relaxed_parents: bool = Field(
        default=True,
        description="start vacancies, adatoms and interfaces from their slabs as relaxed by the "
        "engine; false: from ideal slabs",
    )

    @model_validator(mode="after")
    def _something(self) -> StructuresSettings:
        sections = [name for name in type(self).model_fields if name != "relaxed_parents"]
        if not any(getattr(self, name) for name in sections):
            raise ValueError(
                f"no structures are asked for: give one of {', '.join(sections)}; "
                "`bulk: {}` is the crystals as they are"
            )
        return self
