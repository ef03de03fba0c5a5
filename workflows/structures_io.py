"""Candidates on disk: ``structures.extxyz`` for programs, ``structures.json`` for provenance."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
from ase import Atoms
from ase.constraints import FixAtoms
from pymatgen.core import Lattice, Structure

from cuprolith.errors import CuprolithError
from cuprolith.hashes import file_sha256
from cuprolith.json_files import read_json_if_whole, write_atomically, write_json
from generators.candidate import Candidate
from generators.origins import Origin, as_matrix
from training.dataset.extxyz_comment import encode_text
from workflows.inputs.names import structure_folder
from workflows.labelling.free_atoms import set_free_mask

_SHA256 = "extxyz_sha256"


@dataclass(frozen=True)
class StructureRecord:
    """A candidate as read back from ``structures.extxyz``."""

    structure_id: str
    family: str
    miller_index: str
    parent_id: str
    atoms: Atoms
    origins: tuple[Origin, ...] = ()

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
        structure = Structure(
            Lattice(self.atoms.cell.array),
            self.atoms.get_chemical_symbols(),
            self.atoms.positions,
            coords_are_cartesian=True,
        )
        set_free_mask(structure, self.free_mask)
        return structure


def write_structures(
    xyz: Path, table: Path, candidates: Sequence[Candidate], header: Mapping[str, Any]
) -> None:
    """Write candidates to extended XYZ and their provenance to JSON (`header` on top).

    The JSON has the SHA-256 of the other, see `require_structures`.
    """
    write_atomically(xyz, (_format_candidate(candidate) for candidate in candidates))
    rows = [
        {
            "structure_id": candidate.structure_id,
            "family": candidate.family,
            "miller_index": candidate.miller_text,
            "parent_id": candidate.parent_id,
            "formula": candidate.structure.composition.reduced_formula
            if candidate.family == "bulk"
            else candidate.structure.formula.replace(" ", ""),
            "n_atoms": len(candidate.structure),
            "n_free": sum(candidate.free_mask),
            "parameters": candidate.parameters,
            "origins": [_origin_row(origin) for origin in candidate.origins],
        }
        for candidate in candidates
    ]
    write_json(table, {**header, _SHA256: file_sha256(xyz), "structures": rows})


def require_structures(xyz: Path, table: Path) -> None:
    """Check that ``structures.extxyz`` is as it was written.

    Raises
    ------
    CuprolithError
        If ``structures.json`` has another SHA-256; one that is missing, or of an earlier version,
        says nothing.
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
    """Return the record that reading the written candidate would give."""
    return StructureRecord(
        structure_id=candidate.structure_id,
        family=candidate.family,
        miller_index=candidate.miller_text,
        parent_id=candidate.parent_id,
        atoms=_to_atoms(candidate),
        origins=candidate.origins,
    )


def iter_structures(xyz: Path) -> Iterator[StructureRecord]:
    """Yield the candidates of ``structures.extxyz``."""
    for atoms in ase.io.iread(xyz, format="extxyz"):
        yield StructureRecord(
            structure_id=structure_folder(str(atoms.info["structure_id"]), str(xyz)),
            family=str(atoms.info["family"]),
            miller_index=str(atoms.info["miller_index"]),
            parent_id=str(atoms.info["parent_id"]),
            atoms=atoms,
            origins=_read_origins(atoms),
        )


def _origin_row(origin: Origin) -> dict[str, Any]:
    """Describe an origin without its atoms, which are a column of ``structures.extxyz``."""
    return {
        "parent_id": origin.parent_id,
        "n_atoms": len(origin.atoms),
        "transform": origin.transform,
        "carriers": origin.carriers,
    }


def _read_origins(atoms: Atoms) -> tuple[Origin, ...]:
    """Origins of a frame; none in a file written without them."""
    origins, first = [], 0
    for row in atoms.info.get("origins", ()):
        last = first + row["n_atoms"]
        origins.append(
            Origin(
                row["parent_id"],
                tuple(atoms.arrays["parent_atom"][first:last].tolist()),
                as_matrix(row["transform"]),
                tuple(row["carriers"]),
            )
        )
        first = last
    return tuple(origins)


def _to_atoms(candidate: Candidate) -> Atoms:
    """ASE atoms with the free mask as a FixAtoms constraint."""
    atoms = Atoms(
        symbols=[site.specie.symbol for site in candidate.structure],
        positions=candidate.structure.cart_coords,
        cell=candidate.structure.lattice.matrix,
        pbc=True,
    )
    atoms.set_constraint(FixAtoms(mask=[not free for free in candidate.free_mask]))
    return atoms


def _format_candidate(candidate: Candidate) -> str:
    """One candidate in extended XYZ; ASE turns ``move_mask`` into a FixAtoms constraint."""
    lattice = " ".join(map(repr, candidate.structure.lattice.matrix.ravel().tolist()))
    parent_atom = ":parent_atom:I:1" if candidate.origins else ""
    comment = [f'Lattice="{lattice}"', f"Properties=species:S:1:pos:R:3:move_mask:L:1{parent_atom}"]
    provenance = {
        "structure_id": candidate.structure_id,
        "family": candidate.family,
        "miller_index": candidate.miller_text,
        "parent_id": candidate.parent_id,
    }
    comment += [f"{key}={encode_text(text)}" for key, text in provenance.items()]
    if candidate.origins:
        rows = json.dumps([_origin_row(origin) for origin in candidate.origins])
        escaped = rows.replace("\\", "\\\\").replace('"', '\\"')
        comment.append(f'origins="_JSON {escaped}"')  # ASE reads it as a list
    comment.append('pbc="T T T"')
    lines = [
        f"{site.specie.symbol} {' '.join(map(repr, xyz))} {'T' if free else 'F'}"
        for site, xyz, free in zip(
            candidate.structure,
            candidate.structure.cart_coords.tolist(),
            candidate.free_mask,
            strict=True,
        )
    ]
    if candidate.origins:
        parents = [atom for origin in candidate.origins for atom in origin.atoms]
        lines = [f"{line} {parent}" for line, parent in zip(lines, parents, strict=True)]
    return "\n".join([str(len(lines)), " ".join(comment), *lines]) + "\n"
