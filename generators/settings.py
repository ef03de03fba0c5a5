"""The section ``crystals`` of a campaign, and types that the sections of families share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from cuprolith.settings import Listed, Settings

MillerIndex = tuple[int, int, int]
# Lengths, Å: slabs and vacuums of DFT have tens; nobody labels cells beyond 200 Å.
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
# As written in a campaign: three indices, or four for hexagonal crystals.
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
