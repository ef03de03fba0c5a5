"""Read and write candidates: ``structures.extxyz``, and ``structures.json`` for provenance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
from ase import Atoms
from ase.constraints import FixAtoms
from pymatgen.core import Structure

from cuprolith.errors import CuprolithError
from cuprolith.hashes import file_sha256
from cuprolith.json_files import read_json_if_whole, write_atomically, write_json
from generators.candidate import Candidate
from generators.family import kind_of
from generators.parent_mapping import ParentMapping, as_matrix
from training.dataset.extxyz_comment import encode_json, encode_text
from training.dataset.extxyz_format import format_atoms, lattice_pair
from workflows.inputs.names import structure_folder
from workflows.structures.ase_atoms import atoms_of, structure_of
from workflows.structures.free_atoms import set_free_mask

_SHA256 = "extxyz_sha256"
_TEXT_KEYS = ("structure_id", "family", "miller_index", "parent_id")


@dataclass(frozen=True)
class StructureRecord:
    """A candidate as read back from ``structures.extxyz``."""

    structure_id: str
    family: str
    miller_index: str
    parent_id: str
    atoms: Atoms
    parent_mapping: tuple[ParentMapping, ...] = ()

    @property
    def free_mask(self) -> list[bool]:
        """True where the atom may move."""
        free = np.ones(len(self.atoms), dtype=bool)
        for constraint in self.atoms.constraints:
            free[constraint.index] = False
        mask: list[bool] = free.tolist()
        return mask

    def to_structure(self) -> Structure:
        """Return a pymatgen structure with the free mask as ``selective_dynamics``."""
        structure = structure_of(self.atoms)
        set_free_mask(structure, self.free_mask)
        return structure


def write_structures(
    xyz: Path, table: Path, candidates: Sequence[Candidate], header: Mapping[str, Any]
) -> None:
    """Write candidates to extended XYZ and their provenance to JSON (`header` on top).

    The JSON has the SHA-256 of the other, see `require_structures`.
    """
    write_atomically(xyz, (_format_record(record_of(candidate)) for candidate in candidates))
    rows = [
        {
            "structure_id": candidate.structure_id,
            "family": candidate.family,
            "miller_index": candidate.miller_text,
            "parent_id": candidate.parent_id,
            "formula": candidate.structure.composition.reduced_formula
            if kind_of(candidate.family).formula_unit
            else candidate.structure.formula.replace(" ", ""),
            "n_atoms": len(candidate.structure),
            "n_free": sum(candidate.free_mask),
            "parameters": candidate.parameters,
            "origins": [_mapping_row(mapping) for mapping in candidate.parent_mapping],
        }
        for candidate in candidates
    ]
    write_json(table, {**header, _SHA256: file_sha256(xyz), "structures": rows})


def require_structures(xyz: Path, table: Path) -> None:
    """Check that ``structures.extxyz`` is as it was written.

    Raises
    ------
    CuprolithError
        If ``structures.json`` has another SHA-256. If it has none, nothing is checked.
    """
    content = read_json_if_whole(table)
    expected = content.get(_SHA256) if isinstance(content, dict) else None
    if expected is not None and file_sha256(xyz) != expected:
        raise CuprolithError(
            f"cut or changed since it was written, as {table.name} says",
            where=str(xyz),
            remedy=f"run `cuprolith generate --workdir {xyz.parent.parent}`: it makes the same "
            "structures, and their labels are kept",
        )


def record_of(candidate: Candidate) -> StructureRecord:
    """Return the record of a candidate, as it is written and read."""
    atoms = atoms_of(candidate.structure)
    atoms.set_constraint(FixAtoms(mask=[not free for free in candidate.free_mask]))
    return StructureRecord(
        structure_id=candidate.structure_id,
        family=candidate.family,
        miller_index=candidate.miller_text,
        parent_id=candidate.parent_id,
        atoms=atoms,
        parent_mapping=candidate.parent_mapping,
    )


def iter_structures(xyz: Path) -> Iterator[StructureRecord]:
    """Yield the candidates of ``structures.extxyz``."""
    for atoms in ase.io.iread(xyz, format="extxyz"):
        texts = {key: str(atoms.info[key]) for key in _TEXT_KEYS}
        structure_folder(texts["structure_id"], str(xyz))
        yield StructureRecord(**texts, atoms=atoms, parent_mapping=_read_mapping(atoms))


def _mapping_row(mapping: ParentMapping) -> dict[str, Any]:
    """Describe a mapping without its atoms, which are a column of ``structures.extxyz``."""
    return {
        "parent_id": mapping.parent_id,
        "n_atoms": len(mapping.atoms),
        "transform": mapping.transform,
        "carriers": mapping.carriers,
    }


def _read_mapping(atoms: Atoms) -> tuple[ParentMapping, ...]:
    """Read how atoms map to their parents; none in a file written without them."""
    parent_mapping, first = [], 0
    for row in atoms.info.get("origins", ()):
        last = first + row["n_atoms"]
        parent_mapping.append(
            ParentMapping(
                row["parent_id"],
                tuple(atoms.arrays["parent_atom"][first:last].tolist()),
                as_matrix(row["transform"]),
                tuple(row["carriers"]),
            )
        )
        first = last
    return tuple(parent_mapping)


def _format_record(record: StructureRecord) -> bytes:
    """Return a structure in extended XYZ; ASE turns ``move_mask`` into a FixAtoms constraint."""
    atoms = record.atoms
    rows = [
        f"{' '.join(map(repr, position))} {'T' if free else 'F'}"
        for position, free in zip(atoms.positions.tolist(), record.free_mask, strict=True)
    ]
    columns = "species:S:1:pos:R:3:move_mask:L:1"
    pairs = [f"{key}={encode_text(getattr(record, key))}" for key in _TEXT_KEYS]
    if record.parent_mapping:
        columns += ":parent_atom:I:1"
        parents = [atom for mapping in record.parent_mapping for atom in mapping.atoms]
        rows = [f"{row} {parent}" for row, parent in zip(rows, parents, strict=True)]
        # ASE reads it as a list.
        mappings = [_mapping_row(mapping) for mapping in record.parent_mapping]
        pairs.append(f"origins={encode_json(mappings)}")
    pairs = [
        f"Properties={columns}",
        *pairs,
        f'pbc="{" ".join("FT"[int(flag)] for flag in atoms.pbc)}"',
    ]
    if atoms.pbc.all():
        pairs.insert(0, lattice_pair(atoms.cell.array))
    return format_atoms(atoms.numbers, (f"{row}\n".encode() for row in rows), pairs)
