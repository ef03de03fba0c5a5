"""Find and read files of labelled structures: whatever ASE reads with energies and forces."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import ase.io
from ase import Atoms
from ase.io.formats import UnknownFileTypeError, filetype

from training.dataset.card import QUARANTINE_FILE
from training.errors import TrainingError

# ASE's readers that give energies and forces of several frames. None of them loads a pickle, as
# `bundletrajectory` and `gpw` may.
FORMATS = {
    "extxyz": "extended XYZ",
    "traj": "ASE trajectory",
    "db": "ASE database",
    "json": "ASE database in JSON",
    "vasp-xml": "VASP's vasprun.xml",
    "vasp-out": "VASP's OUTCAR",
    "espresso-out": "Quantum ESPRESSO's pw.x output",
    "castep-castep": "CASTEP's .castep",
    "castep-md": "CASTEP's .md",
    "castep-geom": "CASTEP's .geom",
    "aims-output": "FHI-aims' output",
    "gpaw-out": "GPAW's text output",
    "gaussian-out": "Gaussian's log",
    "nwchem-out": "NWChem's output",
    "orca-output": "ORCA's output",
    "abinit-out": "ABINIT's output",
    "onetep-out": "ONETEP's output",
    "qbox": "Qbox's XML",
    "turbomole-gradient": "Turbomole's gradient",
    "runnerdata": "input.data of RuNNer and n2p2",
}
# In a folder, JSON is of anything, and Cuprolith's quarantine is no data.
_SKIPPED_IN_FOLDERS = ("*.json", QUARANTINE_FILE, ".*")
_COMPRESSIONS = (".gz", ".bz2", ".xz")
_RUNNER = ("input.data", "output.data")


@dataclass(frozen=True)
class LabelFile:
    """A file of labelled structures.

    Attributes
    ----------
    path
        The file.
    name
        Its path below the folder that was named, without ending; names its runs.
    format
        ASE's name of its format.
    """

    path: Path
    name: str
    format: str


def label_files(path: Path) -> list[LabelFile]:
    """Return a file, or all files with labels below a folder, sorted by path.

    Raises
    ------
    TrainingError
        If it does not exist, or there is no file of a known format.
    """
    if path.is_dir():
        found = [
            LabelFile(file, _name(file.relative_to(path)), format_)
            for file in sorted(path.rglob("*"))
            if (format_ := _format_in_folder(file, path)) is not None
        ]
        if not found:
            raise TrainingError(f"{path} has no file of labelled structures: {_readable()}")
        return found
    if not path.exists():
        raise TrainingError(
            f"{path} does not exist: check the path under `data`; it is relative to the folder "
            "that `--data` names (`--data .` is the current folder)"
        )
    format_ = _format(path)
    if format_ is None:
        raise TrainingError(f"{path} is not of a known format: {_readable()}")
    return [LabelFile(path, _name(Path(path.name)), format_)]


def holds_labels(folder: Path) -> bool:
    """Whether there is a file of a known format below a folder."""
    return any(_format_in_folder(file, folder) is not None for file in folder.rglob("*"))


def iter_structures(file: LabelFile) -> Iterator[Atoms]:
    """Yield the structures of a file as ASE reads them, labels included.

    Raises
    ------
    TrainingError
        If it is garbled; with file and frame (from 0).
    """
    index = 0
    try:
        for atoms in ase.io.iread(file.path, ":", format=file.format, parallel=False):
            assert isinstance(atoms, Atoms)
            yield atoms
            index += 1
    except Exception as error:  # whatever a reader meets in a file that is not what it expects
        raise TrainingError(
            f"{file.path}, frame {index} (from 0), is not {FORMATS[file.format]}: {error!r}"
        ) from error


def _format_in_folder(path: Path, folder: Path) -> str | None:
    names = path.relative_to(folder).parts
    if not path.is_file() or any(
        fnmatch(name, pattern) for name in names for pattern in _SKIPPED_IN_FOLDERS
    ):
        return None
    return _format(path)


def _format(path: Path) -> str | None:
    """Return ASE's name of a format; None if unknown, or if it holds no labels."""
    name = path.name.removesuffix(path.suffix) if path.suffix in _COMPRESSIONS else path.name
    if name.lower().endswith((".xyz", ".extxyz")):  # also an empty one, or one that is garbled
        return "extxyz"
    if name in _RUNNER:
        return "runnerdata"
    try:
        found = filetype(str(path))
    except (UnknownFileTypeError, OSError, EOFError):
        return None
    return found if found in FORMATS else None


def _name(path: Path) -> str:
    """Return a name for ids: parts of the path, without endings, joined by hyphens."""
    bare = path.with_suffix("") if path.suffix in _COMPRESSIONS else path
    return "-".join(bare.with_suffix("").parts)


def _readable() -> str:
    return f"{', '.join(FORMATS.values())} are read"
