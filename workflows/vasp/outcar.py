"""Read an OUTCAR step by step: what remains when vasprun.xml is missing or damaged.

Labels have fewer digits than in vasprun.xml: positions 1e-5 Å, forces 1e-6 eV/Å, energies
1e-8 eV, stress 1e-5 kbar.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Generator, Iterator
from itertools import chain, takewhile
from pathlib import Path
from typing import Any

import numpy as np
from ase.data import atomic_numbers
from numpy.typing import NDArray
from pymatgen.io.vasp.inputs import Incar, Kpoints, Poscar

from workflows.vasp.fingerprint import element_of
from workflows.vasp.ionic_steps import (
    STRESS_FROM_KBAR,
    FloatArray,
    IonicStep,
    RunHead,
    VaspOutputError,
    VaspRun,
)
from workflows.vasp.output_streams import complete_lines

_ITERATION = re.compile(rb"Iteration\s*(\d+)\(\s*(\d+)\)")
_MESH = re.compile(rb"generate k-points for:\s*(\d+)\s+(\d+)\s+(\d+)")
_VERSION = re.compile(r"\bvasp\.(\d\S*)")
_SETTING = re.compile(r"^\s+([A-Z][A-Z0-9_]+)\s*=\s*(\S+)")
_SECOND_SETTING = re.compile(r";\s*([A-Z][A-Z0-9_]+)\s*=\s*([^\s;]+)")
_LOGICALS = {"T": True, "F": False}
_MESH_STYLES = (Kpoints.supported_modes.Gamma, Kpoints.supported_modes.Monkhorst)
_FILE_END = b"General timing and accounting"


def read_outcar(path: Path) -> VaspRun:
    """Open an OUTCAR, plain or gzipped; its steps are read as they are asked for.

    Where they lie beside it with the same suffix, INCAR adds settings that OUTCAR leaves out,
    KPOINTS the mesh, and POSCAR or CONTCAR the atoms held fixed.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    VaspOutputError
        If it ends before the first electronic step.
    OSError
        If it cannot be read.
    """
    lines = complete_lines(path)
    texts: list[bytes] = []
    for line in lines:
        if b"Iteration" in line and _ITERATION.search(line):
            head = _parse_head(texts, path)
            return VaspRun.of(head, "OUTCAR", _placed(_steps(chain([line], lines), head), path))
        texts.append(line)
    raise VaspOutputError("the file ends before its first electronic step", str(path))


def _parse_head(lines: list[bytes], path: Path) -> RunHead:
    try:
        return _head(lines, path)
    except (StopIteration, IndexError, KeyError, ValueError) as error:
        raise VaspOutputError(
            f"the head is not VASP's: {type(error).__name__} {error}", str(path)
        ) from error


def _head(lines: list[bytes], path: Path) -> RunHead:
    text = [line.decode("latin-1") for line in lines]
    titles = _titles(text)
    counts = next(line for line in text if "ions per type" in line).split("=")[1].split()
    kinds = [atomic_numbers[element_of(title)] for title in titles]
    numbers = np.repeat(kinds, [int(count) for count in counts])
    cell, positions = _initial_structure(text, len(numbers))
    return RunHead(
        numbers=numbers,
        free_mask=_free_mask(path, len(numbers)),
        positions=positions,
        cell=cell,
        incar=_settings(text) | _incar_beside(path),
        kpoints=_mesh(lines, path),
        potcar_titles=titles,
        vasp_version=next(match[1] for line in text if (match := _VERSION.search(line))),
        generator=" ".join(" ".join(text[:2]).split()),
        digest=hashlib.sha256(b"\n".join(lines)).hexdigest(),
    )


def _placed(
    steps: Generator[IonicStep, None, bool], path: Path
) -> Generator[IonicStep, None, bool]:
    """Say in which file a line is not VASP's."""
    try:
        return (yield from steps)
    except (ValueError, IndexError) as error:
        raise VaspOutputError(f"a line is not VASP's: {error}", str(path)) from error


def _titles(text: list[str]) -> tuple[str, ...]:
    titles = [line.split("=")[1] for line in text if "TITEL " in line]
    if not titles:  # POTCARs without their heads; VASP names each twice
        named = [line.split(":")[1] for line in text if line.startswith(" POTCAR:")]
        titles = named[: len(named) // 2]
    return tuple(" ".join(title.split()) for title in titles)


def _initial_structure(text: list[str], n_atoms: int) -> tuple[FloatArray, FloatArray]:
    lattice = _last(text, "direct lattice vectors") + 1
    cell = np.array([_numbers(line)[:3] for line in text[lattice : lattice + 3]])
    first = _last(text, "position of ions in fractional coordinates") + 1
    scaled = np.array([_numbers(line)[:3] for line in text[first : first + n_atoms]])
    return cell, scaled.reshape(n_atoms, 3) @ cell


def _last(text: list[str], title: str) -> int:
    """Place of the last line with a title: symmetry's analysis has the same tables before."""
    return max(index for index, line in enumerate(text) if title in line)


def _settings(text: list[str]) -> dict[str, Any]:
    """Read settings: the INCAR where it is echoed (VASP 6.3 and later), else as listed."""
    start = next((i for i, line in enumerate(text) if "Startparameter" in line), len(text))
    listed: dict[str, Any] = {}
    for line in text[start:]:
        for match in chain(_SETTING.finditer(line), _SECOND_SETTING.finditer(line)):
            listed.setdefault(match[1], _setting(match[2].rstrip(";")))  # the first one holds
    # METAGGA's line says whether a meta-GGA is applied afterwards, not which is used.
    if listed.get("METAGGA") is False:
        del listed["METAGGA"]
    return listed | dict(Incar.from_str("\n".join(_echoed_incar(text))))


def _echoed_incar(text: list[str]) -> Iterator[str]:
    first = next((i for i, line in enumerate(text) if line.strip() == "INCAR:"), len(text))
    return takewhile(lambda line: "=" in line, text[first + 1 :])


def _setting(word: str) -> str | bool | int | float:
    if word in _LOGICALS:
        return _LOGICALS[word]
    for number in (int, float):
        try:
            return number(word)
        except ValueError:
            continue
    return word


def _beside(outcar: Path, name: str) -> Path | None:
    """Return a file of the same run: ``INCAR.relax1``, else ``INCAR``, for ``OUTCAR.relax1.gz``."""
    suffix = outcar.name.removeprefix("OUTCAR").removesuffix(".gz")
    candidates = (name + mark + zipped for mark in (suffix, "") for zipped in ("", ".gz"))
    return next((path for each in candidates if (path := outcar.with_name(each)).is_file()), None)


def _mesh(lines: list[bytes], outcar: Path) -> tuple[int, int, int] | None:
    """Return the mesh as VASP 6 says, else as KPOINTS beside OUTCAR does."""
    match = next((match for line in lines if (match := _MESH.search(line))), None)
    if match is not None:
        return int(match[1]), int(match[2]), int(match[3])
    path = _beside(outcar, "KPOINTS")
    kpoints = None if path is None else Kpoints.from_file(path)
    if kpoints is None or kpoints.style not in _MESH_STYLES:
        return None
    first, second, third = (int(divisions) for divisions in kpoints.kpts[0])
    return first, second, third


def _incar_beside(outcar: Path) -> dict[str, Any]:
    path = _beside(outcar, "INCAR")
    return {} if path is None else dict(Incar.from_file(path))


def _free_mask(outcar: Path, n_atoms: int) -> NDArray[np.bool_]:
    for name in ("POSCAR", "CONTCAR"):
        path = _beside(outcar, name)
        if path is None or not path.stat().st_size:
            continue
        try:
            flags = Poscar.from_file(path, check_for_potcar=False).selective_dynamics
        except (ValueError, IndexError, KeyError, EOFError):  # cut, as of a killed run
            continue
        if flags is not None and len(flags) == n_atoms:
            return np.array([any(flag) for flag in flags])
        break
    return np.ones(n_atoms, dtype=bool)


def _steps(lines: Iterator[bytes], head: RunHead) -> Generator[IonicStep, None, bool]:
    """Yield steps whose last line, the energies, is there; return whether the run has ended."""
    n_atoms, cell, n_scf = len(head.numbers), head.cell, 0
    stress: FloatArray | None = None
    table: FloatArray | None = None
    free = float("nan")
    for line in lines:
        if b"Iteration" in line and (match := _ITERATION.search(line)):
            n_scf = int(match[2])
        elif line.startswith(b"  in kB"):
            xx, yy, zz, xy, yz, zx = _numbers(line.decode("latin-1")[9:])
            stress = np.array([[xx, xy, zx], [xy, yy, yz], [zx, yz, zz]]) * STRESS_FROM_KBAR
        elif b"direct lattice vectors" in line:
            cell = _table(lines, 3, 6)[:, :3]
        elif b"TOTAL-FORCE (eV/Angst)" in line:
            next(lines, None)
            table = _table(lines, n_atoms, 6)
        elif line.startswith(b"  free  energy   TOTEN"):
            free = _number(line.split(b"=")[1].split()[0])
        elif line.startswith(b"  energy  without entropy=") and table is not None:
            yield IonicStep(
                positions=table[:, :3],
                cell=cell,
                forces=table[:, 3:],
                stress=stress,
                energy=free,
                energy_sigma0=_number(line.rsplit(b"=", 1)[1].split()[0]),
                n_scf=n_scf,
                scf_converged=0 < n_scf < head.nelm,
            )
            table, stress, n_scf = None, None, 0
        elif _FILE_END in line:
            return True
    return False


def _table(lines: Iterator[bytes], n_rows: int, n_columns: int) -> FloatArray:
    """Read rows of numbers; rows that a cut leaves out are NaN (their step has no energy line)."""
    rows = np.full((n_rows, n_columns), np.nan)
    for index in range(n_rows):
        line = next(lines, None)
        if line is None:
            break
        rows[index] = _numbers(line.decode("latin-1"))[:n_columns]
    return rows


def _numbers(line: str) -> list[float]:
    """Numbers of a line, also where columns touch: ``-1.5-10.25`` and ``****`` (NaN)."""
    try:
        return [float(word) for word in line.split()]
    except ValueError:
        words = re.findall(r"\*+|[-+]?[0-9]*\.?[0-9]+(?:E[-+]?[0-9]+)?", line)
        return [_number(word.encode()) for word in words]


def _number(word: bytes) -> float:
    return float("nan") if b"*" in word else float(word)
