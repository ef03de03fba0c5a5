"""Read crystals from files; ambiguous content is refused with the file and a remedy."""

from __future__ import annotations

import contextlib
import re
import warnings
from fnmatch import fnmatch
from itertools import islice
from pathlib import Path

import ase.io
from monty.io import zopen
from pymatgen.core import Structure
from pymatgen.io.vasp.inputs import Poscar

from cuprolith.errors import CuprolithError
from generators.crystal_checks import check_crystal
from workflows.inputs.cif_files import read_cif

_COUNT = re.compile(r"[0-9]{1,20}")
_MOST_ATOMS = 100_000  # far above what `check_crystal` takes, far below what fills the memory
_READABLE = "CIF, POSCAR, CONTCAR, vasprun.xml, extended XYZ, XSF or pymatgen's JSON"


def read_crystal(path: Path, name: str) -> Structure:
    """Read a bulk crystal.

    Parameters
    ----------
    path
        The file; its name gives its format, as for pymatgen. Extended XYZ is read as well.
    name
        The crystal's name in the campaign.

    Returns
    -------
    Structure
        Ordered and finite, in the cell as written.

    Raises
    ------
    CuprolithError
        If it cannot be read, or is not one complete crystal; names file, key and remedy.
    """
    key = f"crystals.{name}.file"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # whatever matters is an error here
            structure = _read(path)
        check_crystal(name, structure)
    except CuprolithError as error:
        raise CuprolithError(error.message, str(path), error.remedy, key) from error
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise CuprolithError(
            f"no crystal can be read: {reason}",
            where=str(path),
            key=key,
            remedy=f"check the file; it may be {_READABLE}, and its name must say which",
        ) from error
    return structure


def _read(path: Path) -> Structure:
    if not path.is_file():
        raise CuprolithError(
            "there is no such file", remedy="correct the path, relative to the campaign file"
        )
    name = path.name.lower()
    if fnmatch(name, "*.cif*") or fnmatch(name, "*.mcif*"):
        return read_cif(path)
    if any(fnmatch(name, pattern) for pattern in ("*poscar*", "*contcar*", "*.vasp")):
        return _read_poscar(path)
    if fnmatch(name, "*.xyz") or fnmatch(name, "*.extxyz"):
        return _read_xyz(path)
    return Structure.from_file(path)


def _read_poscar(path: Path) -> Structure:
    """Read a POSCAR; elements that it does not name are read from a POTCAR beside it."""
    _refuse_huge_counts(path, slice(5, 7))
    poscar = Poscar.from_file(path, check_for_potcar=False)
    if not poscar.true_names:
        poscar = Poscar.from_file(path, check_for_potcar=True)
    if not poscar.true_names:
        raise CuprolithError(
            "the file names no elements",
            remedy="write their symbols in a line above the numbers of atoms, such as `Li O`",
        )
    _require_all_read(path, len(poscar.structure))
    return poscar.structure


def _require_all_read(path: Path, atoms: int) -> None:
    """Refuse a POSCAR that lists more positions than its numbers of atoms add up to.

    VASP and pymatgen ignore the rest. Velocities follow after an empty line.
    """
    with zopen(path, mode="rt", encoding="utf-8") as file:
        lines = str(file.read()).splitlines()
    # `Direct` or `Cartesian` is in line 6 or later.
    start = next(i for i, line in enumerate(lines) if i > 5 and line.strip()[:1].lower() in "dck")
    following = lines[start + 1 + atoms].split() if len(lines) > start + 1 + atoms else []
    with contextlib.suppress(ValueError):
        if len([float(word) for word in following[:3]]) == 3:
            raise CuprolithError(
                f"the file lists more positions than the {atoms} atoms it counts",
                remedy="correct the line with the numbers of atoms, or the list",
            )


def _refuse_huge_counts(path: Path, lines: slice) -> None:
    """Refuse a number of atoms that would exhaust time and memory."""
    with zopen(path, mode="rt", encoding="utf-8") as file:
        words = " ".join(str(line) for line in list(islice(file, lines.stop))[lines]).split()
    largest = max((int(word) for word in words if _COUNT.fullmatch(word)), default=0)
    if largest > _MOST_ATOMS:
        raise CuprolithError(
            f"the file says that it holds {largest:,} atoms",
            remedy="correct the number of atoms: a crystal has some hundreds at most",
        )


def _read_xyz(path: Path) -> Structure:
    _refuse_huge_counts(path, slice(0, 1))
    frames = ase.io.read(path, index=":", format="extxyz")
    if len(frames) != 1:
        raise CuprolithError(
            f"the file holds {len(frames)} frames", remedy="give a file with one crystal"
        )
    atoms = frames[0]
    if not (atoms.pbc.all() and atoms.cell.rank == 3):
        raise CuprolithError(
            "the file has no cell that is periodic in three directions",
            remedy='write it as extended XYZ with `Lattice="..."` and `pbc="T T T"`',
        )
    return Structure(
        atoms.cell.array, atoms.get_chemical_symbols(), atoms.positions,
        coords_are_cartesian=True,
    )  # fmt: skip
