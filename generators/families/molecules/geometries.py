"""The geometries that a section starts from: by name, or from a file."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cuprolith.arrays import FloatArray
from generators.errors import GenerationError
from generators.families.molecules.settings import MoleculeSettings

if TYPE_CHECKING:
    from ase import Atoms

_FARTHEST = 1000.0  # Å, of coordinates


@dataclass(frozen=True)
class Geometry:
    """Atoms of a molecule, and what made them.

    Attributes
    ----------
    symbols, positions
        n symbols; shape (n, 3), Å.
    parameters
        For the candidate: JSON-able.
    """

    symbols: tuple[str, ...]
    positions: FloatArray
    parameters: dict[str, Any]


def start_geometries(section: MoleculeSettings, where: str) -> list[Geometry]:
    """Return the geometries that a section names.

    Raises
    ------
    GenerationError
        If the molecule is not known, or the file cannot be read or does not fit the section.
    """
    if section.file is not None:
        found = _read(section.file, section.every, f"{where}.file")
    else:
        assert section.molecule is not None
        found = [_named(section.molecule, f"{where}.molecule")]
    if section.scan and len(found) != 1:
        raise GenerationError(
            f"a scan starts from one geometry, and {section.file} holds {len(found)}",
            key=f"{where}.scan",
            remedy="Give a file with one geometry",
        )
    return found


def _named(name: str, where: str) -> Geometry:
    # A quarter of a second, which settings need not wait for.
    from ase.build import molecule
    from ase.collections import g2
    from ase.data.s22 import create_s22_system, s22

    if name in s22:
        atoms, source = create_s22_system(name), "S22"
    elif name in g2.names:
        atoms, source = molecule(name), "G2"
    else:
        known = [*g2.names, *s22]
        nearest = get_close_matches(name, known, n=3, cutoff=0.5)
        raise GenerationError(
            f"there is no molecule {name!r} in ASE's G2 and S22 sets",
            key=where,
            remedy=f"Did you mean {' or '.join(nearest)}? Else give `file`"
            if nearest
            else "Give `file`, an XYZ file with its geometry",
        )
    return _geometry(atoms, {"molecule": name, "source": source})


def _read(path: Path, every: int, where: str) -> list[Geometry]:
    import ase.io

    try:
        frames = ase.io.read(path, index=f"::{every}")
    except Exception as error:  # ASE's readers raise all kinds
        reason = " ".join(str(error).split()) or type(error).__name__
        raise GenerationError(
            f"{path.name}: no geometry can be read: {reason}",
            key=where,
            remedy="Check the file; XYZ is the number of atoms, a comment, and a line per atom",
        ) from error
    if not frames:
        raise GenerationError(f"{path.name} holds no geometry", key=where)
    for number, atoms in enumerate(frames):
        if atoms.pbc.any():
            raise GenerationError(
                f"{path.name}: geometry {number * every} (from 0) is periodic, and molecules "
                "have no cell",
                key=where,
                remedy="Give crystals in `crystals`; for a molecule, leave out the cell",
            )
    return [
        _geometry(atoms, {"molecule": path.stem, "frame": number * every})
        for number, atoms in enumerate(frames)
    ]


def _geometry(atoms: Atoms, parameters: dict[str, Any]) -> Geometry:
    if not abs(atoms.positions).max() < _FARTHEST:
        raise GenerationError(
            f"a position of {parameters['molecule']} is not a number below {_FARTHEST:g} Å",
            remedy="Give positions in Å",
        )
    return Geometry(tuple(atoms.get_chemical_symbols()), atoms.positions, parameters)
