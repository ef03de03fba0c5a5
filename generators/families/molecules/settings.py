"""The section ``structures.molecules``: which molecule, and which geometries of it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from cuprolith.settings import Listed, Seed, Settings
from generators.settings import Copies

_Atom = Annotated[int, Field(ge=0, le=1000)]
_Value = Annotated[float, Field(ge=-360, le=360)]


class CoordinateSettings(Settings):
    """An internal coordinate and the values that it takes."""

    atoms: Annotated[tuple[_Atom, ...], Listed] = Field(
        min_length=2,
        max_length=4,
        description="atoms, counted from 0: two are a distance (Å), three an angle and four a "
        "dihedral angle (degrees); the last one moves, with all that is bonded to it",
    )
    range: Annotated[tuple[_Value, _Value], Listed] = Field(
        description="first and last value, Å or degrees"
    )
    points: Annotated[int, Field(ge=1, le=10_000)] = Field(
        description="values, evenly spaced, both ends included"
    )

    @model_validator(mode="after")
    def _makes_sense(self) -> CoordinateSettings:
        first, last = self.range
        if len(set(self.atoms)) != len(self.atoms):
            raise ValueError("an atom is named twice in `atoms`")
        if first >= last and self.points > 1:
            raise ValueError(f"`range` must ascend, and {first:g} is not below {last:g}")
        lowest, highest = {2: (0.2, 100.0), 3: (1.0, 180.0), 4: (-360.0, 360.0)}[len(self.atoms)]
        if first < lowest or last > highest:
            raise ValueError(f"`range` must lie between {lowest:g} and {highest:g}")
        return self


class VibrationSettings(Settings):
    """Random displacements, soft modes more than stiff ones, at a temperature.

    The Hessian is the model of Lindh et al. (Chem. Phys. Lett. 241, 423, 1995), a function of the
    geometry alone: no engine is asked.
    """

    temperature: Annotated[float, Field(gt=0, le=20_000)] = Field(
        default=300.0, description="K; high ones spread geometries widely"
    )
    copies: Copies = Field(description="geometries of each start")
    largest: Annotated[float, Field(gt=0, le=1)] = Field(
        default=0.3,
        description="standard deviation of a mode at most, Å: soft modes would be stretched "
        "beyond what a straight line describes",
    )
    seed: Seed = Field(default=0, description="decides the displacements")


class MoleculeSettings(Settings):
    """A molecule, and the geometries of it that are labelled; no cell, so no stress."""

    molecule: Annotated[str, Field(min_length=1, max_length=100)] | None = Field(
        default=None,
        description="name in ASE's G2 set (LiH, H2O, CH3OH, ...) or S22 set (Water_dimer, ...)",
    )
    file: Annotated[Path, Listed] | None = Field(
        default=None,
        description="file with its geometry or geometries, XYZ or what else ASE reads, relative "
        "to the campaign file",
    )
    every: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        default=1, description="take every n-th geometry of the file"
    )
    scan: Annotated[tuple[CoordinateSettings, ...], Listed] = Field(
        default=(),
        max_length=6,
        description="all combinations of the values of these internal coordinates",
    )
    vibrations: VibrationSettings | None = Field(
        default=None, description="random displacements at a temperature, of each geometry"
    )

    @model_validator(mode="after")
    def _one_origin(self) -> MoleculeSettings:
        if (self.molecule is None) == (self.file is None):
            raise ValueError("give either `molecule` (a name) or `file`")
        if self.file is None and self.every != 1:
            raise ValueError("`every` belongs to `file`")
        return self

    @property
    def geometries_each(self) -> int:
        """Geometries that each start leads to."""
        scanned = math.prod(coordinate.points for coordinate in self.scan)
        return scanned * (1 if self.vibrations is None else self.vibrations.copies)
