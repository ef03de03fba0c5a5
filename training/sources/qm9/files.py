"""Read the files of QM9 into `MoleculeArrays`.

Ramakrishnan et al., Sci. Data 1, 140022 (2014), https://doi.org/10.6084/m9.figshare.c.978904.v5
(CC0): B3LYP/6-31G(2df,p), 133,885 molecules of H, C, N, O and F.
"""

from __future__ import annotations

import bz2
import errno
import io
import lzma
import re
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase.data import atomic_numbers
from filelock import FileLock
from numpy.typing import NDArray
from scipy import constants

from cuprolith.hashes import file_sha256
from cuprolith.staged_file import StagedFile
from training.errors import TrainingError
from training.frame_sources.arrays import MoleculeArrays
from training.frame_sources.download import FIGSHARE, RemoteFile

ARCHIVE = "dsgdb9nsd.xyz.tar.bz2"
UNCHARACTERIZED = "uncharacterized.txt"
PACKED = "qm9_130831.npz.xz"
CACHE = "qm9_u0.npz"

REMOTE_FILES = (
    RemoteFile(UNCHARACTERIZED, FIGSHARE + "3195404", 486_752, "a361887bacb427b8a0ce7903d92a53b4"),
    RemoteFile(ARCHIVE, FIGSHARE + "3195389", 86_144_227, "ad1ebd51ee7f5b3a6e32e974e5d54012"),
)

N_MOLECULES = 133_885
N_CONSISTENT = 130_831
HARTREE = constants.physical_constants["Hartree energy in eV"][0]

# Column of U0 in the second line of a molecule's file ("gdb", index, A, B, C, mu, ...).
_U0 = 12
# Rows of uncharacterized.txt: index, then SMILES strings. Title and rules look otherwise.
_FAILED = re.compile(rb"^\s*(\d+)\s+\S+\s+\S+", re.MULTILINE)
_READ_ONLY = {errno.EACCES, errno.EPERM, errno.EROFS}


def read_qm9(directory: Path) -> MoleculeArrays:
    """Read the molecules that passed the consistency check, with U0 in eV.

    The official archive is read as a stream, once; what was read is kept beside it as
    ``qm9_u0.npz`` (60 MB), where the folder can be written to.

    Parameters
    ----------
    directory
        Holds ``dsgdb9nsd.xyz.tar.bz2`` and ``uncharacterized.txt``, or ``qm9_130831.npz.xz``,
        repacked without the molecules that failed and with positions rounded to 1e-5 Å.

    Raises
    ------
    TrainingError
        If the files are missing or damaged; with what to do.
    """
    archive, failed = directory / ARCHIVE, directory / UNCHARACTERIZED
    if archive.is_file() and failed.is_file():
        return _cached(archive, failed)
    if (packed := directory / PACKED).is_file():
        return _read_packed(packed)
    raise TrainingError(
        f"{directory} does not hold {ARCHIVE} and {UNCHARACTERIZED}: run `cuprolith download qm9 "
        f"--to {directory}`, or put both files of "
        "https://doi.org/10.6084/m9.figshare.c.978904.v5 there"
    )


def _cached(archive: Path, failed: Path) -> MoleculeArrays:
    cache = archive.with_name(CACHE)
    origin = file_sha256(archive) + file_sha256(failed)
    if (found := _read_cache(cache, origin)) is not None:
        return found
    try:
        with FileLock(cache.with_name(f".{CACHE}.lock")):
            # Another process may have written it in the meantime.
            if (found := _read_cache(cache, origin)) is not None:
                return found
            arrays = read_archive(archive, failed)
            _write_cache(cache, origin, arrays)
            return arrays
    except OSError as error:
        if error.errno not in _READ_ONLY:
            raise
        return read_archive(archive, failed)


def read_archive(archive: Path, failed: Path) -> MoleculeArrays:
    """Read the official files; raises as :func:`read_qm9`."""
    excluded = {int(index) for index in _FAILED.findall(failed.read_bytes())}
    try:
        molecules = list(_iter_archive(archive))
    except (tarfile.TarError, EOFError, OSError, ValueError, IndexError, KeyError) as error:
        raise TrainingError(
            f"{archive} is incomplete or damaged ({error}): download it again"
        ) from error
    n_read = len(molecules)
    molecules = [molecule for molecule in molecules if molecule.index not in excluded]
    if n_read == N_MOLECULES and len(molecules) != N_CONSISTENT:
        raise TrainingError(
            f"{failed} leaves {len(molecules)} molecules instead of {N_CONSISTENT}: download it "
            "again"
        )
    if not molecules:
        raise TrainingError(f"{archive} has no molecules: download it again")
    molecules.sort(key=lambda molecule: molecule.index)
    return MoleculeArrays(
        index=np.array([molecule.index for molecule in molecules], dtype=np.int64),
        n_atoms=np.array([len(molecule.numbers) for molecule in molecules], dtype=np.int64),
        numbers=np.concatenate([molecule.numbers for molecule in molecules]),
        positions=np.concatenate([molecule.positions for molecule in molecules]),
        energies=np.array([molecule.u0 for molecule in molecules]) * HARTREE,
    )


@dataclass(frozen=True, slots=True)
class _Molecule:
    index: int
    u0: float  # Hartree
    numbers: NDArray[np.uint8]
    positions: NDArray[np.float64]


def _iter_archive(archive: Path) -> Iterator[_Molecule]:
    # tarfile's own "r|bz2" stops at the end of the first of several compressed streams, as
    # parallel compressors write them.
    with bz2.open(archive) as content, tarfile.open(fileobj=content, mode="r|") as stream:
        for member in stream:
            # A stream remembers every member it has passed, 100 MB in the end.
            stream.members = []  # type: ignore[attr-defined]
            if (file := stream.extractfile(member)) is not None:
                yield _parse(file.read())


def _parse(text: bytes) -> _Molecule:
    """Parse one molecule: number of atoms, properties, symbol with x, y, z and charge, ..."""
    lines = text.replace(b"*^", b"e").split(b"\n")  # exponents as Mathematica writes them
    n_atoms = int(lines[0])
    properties = lines[1].split()
    atoms = [line.split() for line in lines[2 : 2 + n_atoms]]
    return _Molecule(
        index=int(properties[1]),
        u0=float(properties[_U0]),
        numbers=np.array([atomic_numbers[atom[0].decode()] for atom in atoms], dtype=np.uint8),
        positions=np.array([[float(x) for x in atom[1:4]] for atom in atoms]),
    )


def _read_packed(path: Path) -> MoleculeArrays:
    try:
        with np.load(io.BytesIO(lzma.decompress(path.read_bytes())), allow_pickle=False) as file:
            planes = np.ascontiguousarray(file["R_1e5_planes"].T)
            return MoleculeArrays(
                index=file["index"].astype(np.int64),
                n_atoms=file["n_atoms"].astype(np.int64),
                numbers=file["Z"].astype(np.uint8),
                positions=planes.view("<i4").reshape(-1, 3) * 1e-5,
                energies=file["props"][:, 0] * HARTREE,
            )
    except (KeyError, ValueError, lzma.LZMAError, zipfile.BadZipFile) as error:
        raise TrainingError(f"{path} is incomplete or damaged ({error}): get it again") from error


def _read_cache(path: Path, origin: str) -> MoleculeArrays | None:
    try:
        with np.load(path, allow_pickle=False) as file:
            if str(file["origin"]) != origin:
                return None
            names = ("index", "n_atoms", "numbers", "positions", "energies")
            return MoleculeArrays(**{name: file[name] for name in names})
    except (FileNotFoundError, KeyError, ValueError, EOFError, zipfile.BadZipFile):
        return None


def _write_cache(path: Path, origin: str, arrays: MoleculeArrays) -> None:
    buffer = io.BytesIO()
    np.savez(
        buffer,
        origin=np.array(origin),
        index=arrays.index,
        n_atoms=arrays.n_atoms,
        numbers=arrays.numbers,
        positions=arrays.positions,
        energies=arrays.energies,
    )
    with StagedFile(path) as file:
        file.write(buffer.getvalue())
        file.commit()
