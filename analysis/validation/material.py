"""What a potential is judged on: the crystals and structures of its campaign."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from ase import Atoms

from generators.family import kind_of


@dataclass(frozen=True, eq=False)
class JudgedStructure:
    """A structure of the campaign as it was generated, before any relaxation.

    Attributes
    ----------
    atoms
        Start of the relaxation. Atoms that may not move are in a ``FixAtoms`` constraint.
    miller_index
        Plane, None where there is none.
    parameters
        What the generator says about it (crystal, site, gap, ...); see each family.
    """

    structure_id: str
    family: str
    atoms: Atoms
    miller_index: tuple[int, int, int] | None = None
    parent_id: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def crystal(self) -> str:
        """Name of the crystal it is made of; "" where it is made of several or none."""
        return str(self.parameters.get("crystal", ""))

    @property
    def is_rattled(self) -> bool:
        """Whether it is a rattled copy of another structure."""
        return "rattle" in self.parameters

    @property
    def plane(self) -> str:
        """Crystal and plane: ``Cu(111)``."""
        index = "" if self.miller_index is None else "".join(map(_digit, self.miller_index))
        return f"{self.crystal}({index})" if index else self.crystal


@dataclass(frozen=True, eq=False)
class Material:
    """Crystals and structures that properties are measured on.

    Attributes
    ----------
    crystals
        Conventional cells at the lattice constants of the campaign's engine, by name. They are
        where searches start; no property takes their lattice constants as given.
    structures
        All structures of the campaign, in its order; none for a potential without a campaign.
    held_out
        Labelled frames that the potential has not seen, by group; their labels are on their
        calculators. Only where a dataset is all there is.
    elements
        Symbols, sorted.
    r_max
        Cutoff radius of the potential, Å; None if it is not known.
    fmax, max_steps
        The campaign's limits of relaxations: eV/Å, and ionic steps.
    highest_temperature
        Of the data the potential was trained on, K.
    melts
        Whether the campaign has a melt-quench.
    seed
        Of velocities and displacements.
    """

    crystals: Mapping[str, Atoms]
    structures: tuple[JudgedStructure, ...] = ()
    held_out: Mapping[str, tuple[Atoms, ...]] = field(default_factory=dict)
    elements: tuple[str, ...] = ()
    r_max: float | None = None
    fmax: float = 0.03
    max_steps: int = 200
    highest_temperature: float = 300.0
    melts: bool = False
    seed: int = 0

    def of_kind(self, family: str) -> Iterator[JudgedStructure]:
        """Yield the structures of one family that are not rattled copies."""
        for structure in self.structures:
            if structure.family == family and not structure.is_rattled:
                yield structure

    def slab_like(self) -> Iterator[JudgedStructure]:
        """Yield slabs with or without a defect, rattled copies left out."""
        for structure in self.structures:
            if kind_of(structure.family).slab_like and not structure.is_rattled:
                yield structure

    def parent_of(self, structure: JudgedStructure) -> JudgedStructure | None:
        """Return the structure that one was made from; None if it is not among `structures`."""
        return self._by_id.get(structure.parent_id)

    @property
    def _by_id(self) -> dict[str, JudgedStructure]:
        known = self.__dict__.get("_index")
        if known is None:
            known = {structure.structure_id: structure for structure in self.structures}
            object.__setattr__(self, "_index", known)
        return known


def surface_area(atoms: Atoms) -> float:
    """Return the area of the cell's plane of the first two lattice vectors, Å²."""
    return float(np.linalg.norm(np.cross(atoms.cell[0], atoms.cell[1])))


def _digit(index: int) -> str:
    return str(index) if index >= 0 else f"-{-index}"
