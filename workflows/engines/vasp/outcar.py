"""Read an OUTCAR step by step: what remains when vasprun.xml is missing or damaged.

Labels have fewer digits than in vasprun.xml: positions 1e-5 Å, forces 1e-6 eV/Å, energies
1e-8 eV, stress 1e-5 kbar.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from itertools import chain, islice, takewhile
from math import isnan
from pathlib import Path
from typing import Any

import numpy as np
from ase.data import atomic_numbers
from numpy.typing import NDArray
from pymatgen.io.vasp.inputs import Incar, Kpoints, Poscar

from cuprolith.arrays import FloatArray
from cuprolith.hashes import sha256
from workflows.engines.vasp.fingerprint import element_of, is_setting
from workflows.engines.vasp.input_files import file_beside, incar_beside
from workflows.engines.vasp.ionic_steps import (
    STRESS_FROM_KBAR,
    IonicStep,
    RunHead,
    VaspOutputError,
    VaspRun,
    cell_charge,
    parse_number,
)
from workflows.engines.vasp.output_streams import chunks, complete_lines, read_text

_ITERATION = re.compile(rb"Iteration\s*(\d+)\(\s*(\d+)\)")
_MESH = re.compile(rb"generate k-points for:\s*(\d+)\s+(\d+)\s+(\d+)")
_VERSION = re.compile(r"\bvasp\.(\d\S*)")
_SETTING = re.compile(r"^\s+([A-Z][A-Z0-9_]+)\s*=\s*(\S+)")
_SECOND_SETTING = re.compile(r";\s*([A-Z][A-Z0-9_]+)\s*=\s*([^\s;]+)")
_HUBBARD = re.compile(r"\b(LDAU(?:TYPE|L|U|J))\s*=((?:\s+-?[0-9.]+)+)\s*$")
_VALENCE = re.compile(r"ZVAL\s*=\s*([0-9.]+)\s+mass and valenz")
_RUN_START = re.compile(rb"(?:^|\n) vasp\.\d|\bvasp\.\d\S* \S+ \(build")
_LOGICALS = {"T": True, "F": False}
_MESH_STYLES = (Kpoints.supported_modes.Gamma, Kpoints.supported_modes.Monkhorst)
_FILE_END = b"General timing and accounting"
_MIXED = "several runs, such as the images of an elastic band, wrote to this file at once"


def read_outcar(path: Path, part: int = 0) -> VaspRun:
    """Open an OUTCAR, plain or compressed; its steps are read as they are asked for.

    Where they lie beside it with the same suffix, INCAR adds settings that OUTCAR leaves out,
    KPOINTS the mesh, and POSCAR or CONTCAR the atoms held fixed.

    Parameters
    ----------
    path
        The file.
    part
        Index of the run, in a file that was joined from those of several.

    Raises
    ------
    VaspOutputError
        If it ends before the first electronic step.
    OSError
        If it cannot be read.
    """
    lines = _from_run(complete_lines(path), part)
    texts: list[bytes] = []
    n_begun = 0
    for line in lines:
        n_begun += b"vasp." in line and _begins_run(line)
        if n_begun > 1:
            break
        if b"Iteration" in line and _ITERATION.search(line):
            head = _parse_head(texts, path)
            return VaspRun.of(head, "OUTCAR", _placed(_steps(chain([line], lines), head), path))
        texts.append(line)
    raise VaspOutputError("the file ends before its first electronic step", str(path))


def count_runs(path: Path) -> int:
    """Return how many runs an OUTCAR holds: restarts are often joined to one file."""
    n_runs, rest = 0, b"\n"
    for chunk in chunks(path):
        text = rest + chunk
        last = text.rfind(b"\n")  # the last line may continue in the next chunk
        n_runs += sum(1 for _ in _RUN_START.finditer(text, 0, max(last, 0)))
        rest = text[max(last, 0) :]
    return n_runs + sum(1 for _ in _RUN_START.finditer(rest))


def _from_run(lines: Iterator[bytes], part: int) -> Iterator[bytes]:
    """Return the lines from the first of a run on; those of the first run are from the top."""
    if part == 0:
        return lines
    starts = (line for line in lines if b"vasp." in line and _begins_run(line))
    return chain(islice(starts, part, part + 1), lines)


def _begins_run(line: bytes) -> bool:
    """Whether a line is VASP's first; `in` is asked before, since it costs less."""
    return _RUN_START.search(line) is not None


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
    counted = next(line for line in text if "ions per type" in line).split("=")[1].split()
    counts = [int(count) for count in counted]
    kinds = [atomic_numbers[element_of(title)] for title in titles]
    numbers = np.repeat(kinds, counts)
    cell, positions = _initial_structure(text, len(numbers))
    written = _echoed_incar(text) | incar_beside(path)
    listed = _listed_settings(text)
    settings = listed | written
    valences = [float(match[1]) for line in text if (match := _VALENCE.search(line))]
    return RunHead(
        numbers=numbers,
        free_mask=_free_mask(path, len(numbers)),
        positions=positions,
        cell=cell,
        incar=settings,
        listed=frozenset(listed.keys() - written.keys()),
        kpoints=_mesh(lines, path),
        potcar_titles=titles,
        charge=cell_charge(settings.get("NELECT"), counts, valences, written.get("VCA")),
        vasp_version=next(match[1] for line in text if (match := _VERSION.search(line))),
        generator=" ".join(" ".join(text[:2]).split()),
        digest=sha256(b"\n".join(lines)),
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


def _listed_settings(text: list[str]) -> dict[str, Any]:
    """Read the settings that VASP lists; what else looks like one is left out."""
    start = next((i for i, line in enumerate(text) if "Startparameter" in line), len(text))
    listed: dict[str, Any] = {}
    for line in text[start:]:
        if (match := _HUBBARD.search(line)) is not None:
            listed[match[1]] = [float(word) for word in match[2].split()]
            listed["LDAU"] = True
            continue
        for match in chain(_SETTING.finditer(line), _SECOND_SETTING.finditer(line)):
            listed.setdefault(match[1], _setting(match[2].rstrip(";")))  # the first one holds
    # This line of METAGGA says whether a meta-GGA is applied afterwards, not which is used.
    if listed.get("METAGGA") is False:
        del listed["METAGGA"]
    return {tag: value for tag, value in listed.items() if is_setting(tag)}


def _echoed_incar(text: list[str]) -> dict[str, Any]:
    """Read the INCAR, which VASP 6.3 and later repeat."""
    first = next((i for i, line in enumerate(text) if line.strip() == "INCAR:"), len(text))
    lines = takewhile(lambda line: "=" in line, text[first + 1 :])
    return dict(Incar.from_str("\n".join(lines)))


def _setting(word: str) -> str | bool | int | float:
    if word in _LOGICALS:
        return _LOGICALS[word]
    for number in (int, float):
        try:
            return number(word)
        except ValueError:
            continue
    return word


def _mesh(lines: list[bytes], outcar: Path) -> tuple[int, int, int] | None:
    """Return the mesh as VASP 6 says, else as KPOINTS beside OUTCAR does."""
    match = next((match for line in lines if (match := _MESH.search(line))), None)
    if match is not None:
        return int(match[1]), int(match[2]), int(match[3])
    path = file_beside(outcar, "KPOINTS")
    kpoints = None if path is None else Kpoints.from_str(read_text(path))
    if kpoints is None or kpoints.style not in _MESH_STYLES:
        return None
    first, second, third = (int(divisions) for divisions in kpoints.kpts[0])
    return first, second, third


def _free_mask(outcar: Path, n_atoms: int) -> NDArray[np.bool_]:
    for name in ("POSCAR", "CONTCAR"):
        path = file_beside(outcar, name)
        if path is None or not path.stat().st_size:
            continue
        try:
            flags = Poscar.from_str(read_text(path)).selective_dynamics
        except (ValueError, IndexError, KeyError, EOFError):  # cut, as of a killed run
            continue
        if flags is not None and len(flags) == n_atoms:
            return np.array([any(flag) for flag in flags])
        break
    return np.ones(n_atoms, dtype=bool)


def _steps(lines: Iterator[bytes], head: RunHead) -> Generator[IonicStep, None, bool]:
    """Yield steps whose last line, the energies, is there; return whether the run has ended."""
    n_atoms, cell, loop = len(head.numbers), head.cell, _ElectronicLoop()
    stress: FloatArray | None = None
    table: FloatArray | None = None
    free = float("nan")
    for line in lines:
        if b"Iteration" in line and (match := _ITERATION.search(line)):
            loop.count(int(match[1]), int(match[2]))
        elif line.startswith(b"  in kB") and head.has_stress_tensor:
            xx, yy, zz, xy, yz, zx = _row(line.decode("latin-1")[9:], 6)
            stress = np.array([[xx, xy, zx], [xy, yy, yz], [zx, yz, zz]]) * STRESS_FROM_KBAR
        elif b"direct lattice vectors" in line:
            cell = _table(lines, 3, 6)[:, :3]
        elif b"TOTAL-FORCE (eV/Angst)" in line:
            next(lines, None)
            table = _table(lines, n_atoms, 6)
        elif line.startswith(b"  free  energy   TOTEN"):
            free = parse_number(line.split(b"=")[1].split()[0])
        elif line.startswith(b"  energy  without entropy=") and table is not None:
            n_scf = loop.end()
            yield IonicStep(
                positions=table[:, :3],
                cell=cell,
                forces=table[:, 3:],
                stress=stress,
                energy=free,
                energy_sigma0=parse_number(line.rsplit(b"=", 1)[1].split()[0]),
                n_scf=n_scf,
                scf_converged=0 < n_scf < head.nelm,
            )
            table, stress = None, None
        elif _FILE_END in line:
            return True
        elif b"vasp." in line and _begins_run(line):
            return False
    return False


class _ElectronicLoop:
    """Counts the electronic steps of each ionic step, and notices when several runs are mixed."""

    def __init__(self) -> None:
        self._ionic_step = self._last = self._n_scf = 0
        self._labelled = False
        self._responds = False

    def count(self, ionic_step: int, electronic_step: int) -> None:
        """Count one; those of a linear response, after the label, start at 1 again."""
        if ionic_step == self._ionic_step and self._labelled:
            self._responds = True
            return
        if (ionic_step, electronic_step) <= (self._ionic_step, self._last):
            raise ValueError(
                f"iteration {ionic_step}({electronic_step}) follows {self._ionic_step}"
                f"({self._last}): {_MIXED}"
            )
        self._labelled = self._responds = False
        self._ionic_step, self._last, self._n_scf = ionic_step, electronic_step, electronic_step

    def end(self) -> int:
        """Return the number of electronic steps of the ionic step that has its label now."""
        if self._responds:
            raise ValueError(f"ionic step {self._ionic_step} has two labels: {_MIXED}")
        self._labelled = True
        n_scf, self._n_scf = self._n_scf, 0
        return n_scf


def _table(lines: Iterator[bytes], n_rows: int, n_columns: int) -> FloatArray:
    """Read rows of numbers; rows that a cut leaves out are NaN (their step has no energy line)."""
    rows = np.full((n_rows, n_columns), np.nan)
    for index in range(n_rows):
        line = next(lines, None)
        if line is None:
            break
        rows[index] = _row(line.decode("latin-1"), n_columns)
    return rows


def _row(line: str, n_columns: int) -> list[float]:
    """Return the numbers of a row. Columns of asterisks that touch make it NaN from there on."""
    numbers = _numbers(line)
    if len(numbers) < n_columns and "*" in line:
        before = next(index for index, each in enumerate(numbers) if isnan(each))
        return numbers[:before] + [float("nan")] * (n_columns - before)
    return numbers[:n_columns]


def _numbers(line: str) -> list[float]:
    """Numbers of a line, also where columns touch: ``-1.5-10.25`` and ``****`` (NaN)."""
    try:
        return [float(word) for word in line.split()]
    except ValueError:
        words = re.findall(r"\*+|[-+]?[0-9]*\.?[0-9]+(?:E[-+]?[0-9]+)?", line)
        return [parse_number(word.encode()) for word in words]
