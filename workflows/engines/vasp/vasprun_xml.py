"""Read a vasprun.xml step by step, with memory for one step.

An XML parser spends its time on electronic steps, eigenvalues and densities of states. Here the
bytes are walked from one ``<calculation>`` to the next, and only the number blocks that make a
label are parsed.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path

import numpy as np

from cuprolith.arrays import FloatArray
from workflows.engines.vasp.input_files import tags_not_listed
from workflows.engines.vasp.ionic_steps import (
    STRESS_FROM_KBAR,
    IonicStep,
    RunHead,
    VaspOutputError,
    VaspRun,
    parse_number,
)
from workflows.engines.vasp.output_streams import chunks
from workflows.engines.vasp.vasprun_head import parse_head

_START, _END, _FILE_END = b"<calculation>", b"</calculation>", b"</modeling>"
_FILE_START = b"<modeling>"
# What follows the labels within a calculation, and may be a thousand times as long.
_BULK = (b"<eigenvalues>", b"<dos>", b"<dos ", b"<projected>", b"<dielectricfunction")
_BULK_LIMIT = 1 << 20
_IMAGE_DIGITS = 2
_OVERLAP = 64  # bytes kept of skipped text: more than any tag
_E0_TOLERANCE = 1e-7  # eV, as pymatgen's
_ENERGY_DIGITS = 8  # as VASP writes


def read_vasprun_xml(path: Path) -> VaspRun:
    """Open a vasprun.xml, plain or gzipped; its steps are read as they are asked for.

    Tags that VASP does not list come from the INCAR beside it.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    VaspOutputError
        If the head is damaged, or cut before the initial structure.
    OSError
        If it cannot be read.
    """
    stream = chunks(path)
    text, rest = _split_head(stream)
    head = parse_head(text, path)
    _refuse_images(head, path)
    head.incar = {**head.incar, **tags_not_listed(path, head.incar)}
    return VaspRun.of(head, "vasprun.xml", _steps(_Calculations(rest, stream), head, path))


def _refuse_images(head: RunHead, path: Path) -> None:
    """Refuse the file that all images of an elastic band write to; one image's own is fine."""
    n_images = head.incar.get("IMAGES") or 0
    if n_images and not (path.parent.name.isdigit() and len(path.parent.name) == _IMAGE_DIGITS):
        raise VaspOutputError(
            f"{n_images} images (IMAGES) write to this file at once; read instead: the OUTCAR of "
            "each image, in the folders 00, 01, ...",
            str(path),
        )


def _split_head(stream: Iterator[bytes]) -> tuple[bytes, bytes]:
    head = bytearray()
    for chunk in stream:
        searched = max(0, len(head) - len(_START))
        head += chunk
        start = head.find(_START, searched)
        if start >= 0:
            return bytes(head[:start]), bytes(head[start:])
    return bytes(head).partition(_FILE_END)[0], b""


class _Calculations:
    """The texts between ``<calculation>`` and ``</calculation>``, without their bulky ends.

    Attributes
    ----------
    complete
        Whether the file's last tag was met.
    """

    def __init__(self, rest: bytes, stream: Iterator[bytes]) -> None:
        self.complete = False
        self._buffer = rest
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        while self._reach_next():
            self._buffer = self._buffer[self._buffer.find(_START) :]
            body = self._body()
            if body is None:
                return
            yield body

    def is_followed(self) -> bool:
        """Return whether another file follows the end of this one."""
        while _FILE_START not in self._buffer:
            chunk = next(self._stream, None)
            if chunk is None:
                return False
            self._buffer = self._buffer[-_OVERLAP:] + chunk
        return True

    def _reach_next(self) -> bool:
        """Read until the buffer holds a calculation; False if the file ends before."""
        while True:
            start = self._buffer.find(_START)
            end = self._buffer.find(_FILE_END, 0, None if start < 0 else start)
            if start >= 0 and end < 0:
                return True
            if end >= 0:
                self.complete = True
                self._buffer = self._buffer[end + len(_FILE_END) :]
                return False
            chunk = next(self._stream, None)
            if chunk is None:
                return False
            # Nothing is needed from between calculations.
            self._buffer = self._buffer[-_OVERLAP:] + chunk

    def _body(self) -> bytes | None:
        """Return one calculation up to its bulk, leaving the buffer behind it; None if cut."""
        searched = 0
        kept: bytes | None = None
        while (end := self._buffer.find(_END, searched)) < 0:
            if kept is None and len(self._buffer) > _BULK_LIMIT:
                kept = _before_bulk(self._buffer)
            if kept is not None:
                self._buffer = self._buffer[-_OVERLAP:]
            searched = max(0, len(self._buffer) - len(_END))
            chunk = next(self._stream, None)
            if chunk is None:
                return None
            self._buffer += chunk
        body = self._buffer[:end] if kept is None else kept
        self._buffer = self._buffer[end + len(_END) :]
        return body


def _before_bulk(text: bytes) -> bytes | None:
    found = [place for tag in _BULK if (place := text.find(tag)) >= 0]
    return text[: min(found)] if found else None


def _steps(
    calculations: _Calculations, head: RunHead, path: Path
) -> Generator[IonicStep, None, bool]:
    for index, text in enumerate(calculations):
        try:
            step = _ionic_step(text, head)
        except ValueError as error:
            raise VaspOutputError(f"ionic step {index}: {error}", str(path)) from error
        yield step
    if calculations.complete and calculations.is_followed():
        raise VaspOutputError(
            "another run follows in the same file and is not read: make a file of each", str(path)
        )
    return calculations.complete


def _ionic_step(text: bytes, head: RunHead) -> IonicStep:
    """Read the labels of a step: they follow the electronic loop that belongs to them.

    Electronic steps of a linear response (LEPSILON, IBRION = 7, 8) come after the labels.
    """
    n_atoms = len(head.numbers)
    if text.count(_START) > 1:
        raise ValueError("another one begins within it: several runs or images share this file")
    structure = _place(text, b"<structure", 0)
    n_scf = text.count(b"<scstep>", 0, structure)
    last_scf = text.rfind(b"<scstep>", 0, structure) if n_scf else None
    cell = _varray(text, b'name="basis"', structure, (3, 3))
    scaled = _varray(text, b'name="positions"', structure, (n_atoms, 3))
    kbar = None
    if head.has_stress_tensor and text.find(b'name="stress"', structure) >= 0:
        kbar = _varray(text, b'name="stress"', structure, (3, 3))
    energy = _place(text, b"<energy>", structure)
    pressure_volume = _pressure_volume(head, cell)
    free = round(_entry(text, b"e_fr_energy", energy) - pressure_volume, _ENERGY_DIGITS)
    return IonicStep(
        positions=scaled @ cell,
        cell=cell,
        forces=_varray(text, b'name="forces"', structure, (n_atoms, 3)),
        stress=None if kbar is None else kbar * STRESS_FROM_KBAR,
        energy=free,
        energy_sigma0=_sigma0(text, energy, last_scf, free, pressure_volume),
        n_scf=n_scf,
        scf_converged=0 < n_scf < head.nelm,
    )


def _pressure_volume(head: RunHead, cell: FloatArray) -> float:
    """Return what PSTRESS adds to the energies of a step, eV."""
    pressure = head.pullay_stress
    return pressure * abs(float(np.linalg.det(cell))) if pressure else 0.0


def _sigma0(
    text: bytes, energy: int, last_scf: int | None, free: float, pressure_volume: float
) -> float:
    """Return the σ→0 energy of a step, eV.

    Several versions write another quantity into ``e_0_energy`` of the step, and the right one into
    that of its last electronic step. The difference to the free energy is taken from there, as
    pymatgen's ``Vasprun.final_energy`` does
    (https://www.vasp.at/forum/viewtopic.php?f=3&t=16942).
    """
    written = round(_entry(text, b"e_0_energy", energy) - pressure_volume, _ENERGY_DIGITS)
    scf_energy = -1 if last_scf is None else text.find(b"<energy>", last_scf)
    names = (b"e_0_energy", b"e_fr_energy")
    if scf_energy < 0 or any(_name(text, name, scf_energy) < 0 for name in names):
        return written
    sigma0, scf_free = (_entry(text, name, scf_energy) for name in names)
    right = round(sigma0 - scf_free + free, _ENERGY_DIGITS)
    return right if abs(written - right) > _E0_TOLERANCE else written


def _place(text: bytes, tag: bytes, start: int) -> int:
    found = text.find(tag, start)
    if found < 0:
        raise ValueError(f"no {tag.decode().strip('<>')}")
    return found


def _name(text: bytes, name: bytes, energy: int) -> int:
    """Place of an entry within the ``<energy>`` block that starts at `energy`; -1 if missing."""
    return text.find(b'"' + name + b'"', energy, text.find(b"</energy>", energy))


def _entry(text: bytes, name: bytes, energy: int) -> float:
    place = _name(text, name, energy)
    if place < 0:
        raise ValueError(f"no {name.decode()}")
    start = text.find(b">", place) + 1
    return parse_number(text[start : text.find(b"<", start)])


def _varray(text: bytes, name: bytes, start: int, shape: tuple[int, int]) -> FloatArray:
    place = _place(text, name, start)
    begin = text.find(b">", place) + 1
    block = text[begin : text.find(b"</varray>", begin)]
    words = block.replace(b"<v>", b" ").replace(b"</v>", b" ").split()
    size = shape[0] * shape[1]
    if len(words) != size and b"*" in block:  # columns that overflow may touch
        return np.full(shape, np.nan)
    if len(words) != size:
        raise ValueError(f"{len(words)} numbers where {name.decode()} needs {size}")
    try:
        return np.fromiter(map(float, words), np.float64, size).reshape(shape)
    except ValueError:
        return np.array([parse_number(word) for word in words]).reshape(shape)
