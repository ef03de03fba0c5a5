"""The candidate: a structure to be labelled, and where it comes from."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pymatgen.core import Structure

from cuprolith.hashes import short_hash
from generators.parent_mapping import ParentMapping
from generators.stable_numbers import on_grid

_GRID = 1e-3  # Å, of coordinates in the id


@dataclass(frozen=True)
class Candidate:
    """A structure to be labelled, with its provenance.

    Attributes
    ----------
    structure
        Periodic structure; the surface normal, if any, is along the third lattice vector.
    family
        Name of its kind (see `generators.family`).
    miller_index
        Plane (h, k, l) of the conventional cell; None where there is none.
    parent_id
        ``structure_id`` of the candidate this one was made from; "" for a root (bulk crystals,
        slabs, and interfaces, which are cut or matched, not made from another candidate).
    free_mask
        One entry per atom: True where the atom may move in a relaxation.
    parameters
        JSON-able settings that made the structure (crystal, lattice constant, termination,
        site, strain, ...).
    parent_mapping
        Slab atoms that its atoms are copies of: all its atoms in their order, or none. They say
        how a relaxed slab moves the atoms, and are not part of the id.
    """

    structure: Structure
    family: str
    free_mask: tuple[bool, ...]
    miller_index: tuple[int, int, int] | None = None
    parent_id: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    parent_mapping: tuple[ParentMapping, ...] = ()

    def __post_init__(self) -> None:
        if len(self.free_mask) != len(self.structure):
            raise ValueError(
                f"free_mask has {len(self.free_mask)} entries for {len(self.structure)} atoms"
            )
        traced = sum(len(mapping.atoms) for mapping in self.parent_mapping)
        if self.parent_mapping and traced != len(self.structure):
            raise ValueError(f"parents of {traced} atoms for {len(self.structure)} atoms")

    @cached_property
    def structure_id(self) -> str:
        """Content hash ``<family>-<12 hex digits>``: same content, same id, on every machine."""
        content = {
            "family": self.family,
            "miller_index": self.miller_index,
            "parent_id": self.parent_id,
            "parameters": self.parameters,
            "lattice": on_grid(self.structure.lattice.matrix, _GRID).tolist(),
            "sites": sorted(
                (site.species_string, xyz.tolist(), free)
                for site, xyz, free in zip(
                    self.structure,
                    on_grid(self.structure.cart_coords, _GRID),
                    self.free_mask,
                    strict=True,
                )
            ),
        }
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return f"{self.family}-{short_hash(text)}"

    @property
    def miller_text(self) -> str:
        """Miller index as written in extended XYZ: ``"3 2 2"``, empty where there is none."""
        return "" if self.miller_index is None else " ".join(map(str, self.miller_index))
