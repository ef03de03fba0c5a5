"""Limits on the size of a campaign, checked before anything of that size is built."""

from __future__ import annotations

import math
from collections.abc import Sequence

from cuprolith.words import plural
from generators.candidate import Candidate
from generators.crystals import Crystal
from generators.errors import GenerationError
from generators.lattice_planes import plane_cell
from generators.settings import MillerIndex

MOST_ATOMS = 20_000
"""Atoms of one structure: DFT ends at some 1,000, the embedded potentials at some 10,000."""

MOST_STRUCTURES = 100_000
"""Structures of a campaign; the paper's has 715."""

MOST_ATOMS_IN_ALL = 2_000_000
"""Atoms of a campaign, some kB of memory each while it is built."""

_LARGE = 1_000
_MANY = 10_000


class Budget:
    """Counts what a campaign makes, and refuses what exceeds the limits."""

    def __init__(self) -> None:
        self._structures = 0
        self._atoms = 0

    def reserve(self, structures: int, atoms_each: float, where: str) -> None:
        """Count structures before they are built.

        Parameters
        ----------
        atoms_each
            Atoms of one, or of the smallest; an estimate is enough.
        where
            Path of the setting that asks for them.

        Raises
        ------
        GenerationError
            If one of them, or the total so far, is beyond the limits.
        """
        check_atoms(atoms_each, where)
        self._structures += structures
        self._atoms += math.ceil(structures * atoms_each)
        if self._structures > MOST_STRUCTURES or self._atoms > MOST_ATOMS_IN_ALL:
            raise GenerationError(
                f"up to here the campaign makes {self._structures:,} structures of about "
                f"{self._atoms:,} atoms in all; at most {MOST_STRUCTURES:,} structures and "
                f"{MOST_ATOMS_IN_ALL:,} atoms can be made",
                key=where,
                remedy="Ask for fewer or smaller ones, or split the campaign",
            )


def check_atoms(atoms: float, where: str = "") -> None:
    """Refuse a structure of more atoms than any engine here labels.

    Raises
    ------
    GenerationError
        With the number.
    """
    if not atoms <= MOST_ATOMS:
        raise GenerationError(
            f"one structure would have about {atoms:,.0f} atoms; at most {MOST_ATOMS:,} can be "
            "labelled",
            key=where,
            remedy="Give a smaller supercell, a thinner slab, or lower Miller indices",
        )


def slab_atoms(crystal: Crystal, miller_index: MillerIndex, min_thickness: float) -> float:
    """Estimate the atoms in the smallest cell of a slab, to within one period.

    Raises
    ------
    GenerationError
        If `miller_index` is no plane.
    """
    primitive = crystal.primitive
    cell = plane_cell(crystal.conventional.lattice.matrix, primitive.lattice.matrix, miller_index)
    return cell.area * (min_thickness + cell.spacing) * len(primitive) / primitive.volume


def size_notes(candidates: Sequence[Candidate]) -> list[str]:
    """Return a line about structures that are large, and one if they are many."""
    notes = []
    large = [candidate for candidate in candidates if len(candidate.structure) > _LARGE]
    if large:
        largest = max(large, key=lambda candidate: len(candidate.structure))
        notes.append(
            f"large: {plural(len(large), 'structure')} of more than {_LARGE:,} atoms, which DFT "
            f"hardly labels; {largest.structure_id} has {len(largest.structure):,}"
        )
    if len(candidates) > _MANY:
        notes.append(f"many: {len(candidates):,} structures are to be labelled")
    return notes
