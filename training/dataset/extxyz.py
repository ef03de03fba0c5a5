"""Read and write frames as extended XYZ: bit-exact for float64, streaming, and fast.

ASE, libAtoms' ``extxyz``, OVITO and NequIP's ASE data module read these files without help.
Values are written with the fewest digits that restore the same float64. NaN and infinities
(quarantined frames) are written ``nan``, ``inf``, ``-inf``, which libAtoms' reader refuses.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from itertools import count, islice
from pathlib import Path

import numpy as np
import orjson
from ase.data import chemical_symbols
from numpy.typing import NDArray

from cuprolith.staged_file import StagedFile
from training.dataset.extxyz_comment import decode_text, parse_comment
from training.dataset.extxyz_format import PROPERTIES, PROPERTIES_MASKED, TEXT_KEYS, format_frame
from training.dataset.frames import Frame

_NUMBERS = {symbol.encode(): number for number, symbol in enumerate(chemical_symbols)}
_FLOAT = re.compile(rb"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|nan|inf)")
_DECIMAL_CHARACTERS = b"0123456789+-.eE,"
_LOGICAL = {"T": True, "F": False}


class FrameFileError(ValueError):
    """A file of frames is cut off or garbled."""


def write_frames(path: Path, frames: Iterable[Frame]) -> int:
    """Write frames; the file appears complete, or the earlier one stays.

    Parameters
    ----------
    path
        File to write; its folder exists.
    frames
        May be a generator: one frame is in memory at a time.

    Returns
    -------
    Number of frames written.

    Raises
    ------
    ValueError
        If the arrays of a frame do not fit each other.
    OSError
        If the disk is full or the folder not writable; nothing is changed then.
    """
    n_frames = 0
    with StagedFile(path) as file:
        for frame in frames:
            file.write(format_frame(frame))
            n_frames += 1
        file.commit()
    return n_frames


def read_frames(path: Path) -> list[Frame]:
    """Read all frames of a file; raises as :func:`iter_frames`."""
    return list(iter_frames(path))


def iter_frames(path: Path) -> Iterator[Frame]:
    """Yield the frames of a file that :func:`write_frames` wrote, one in memory at a time.

    Raises
    ------
    FrameFileError
        If the file is cut off or garbled; with file, frame (from 0) and line (from 1).
    """
    with Path(path).open("rb", buffering=1 << 20) as stream:
        first_line = 1
        for index in count():
            header = stream.readline()
            if not header.strip() and not stream.read().strip():
                return
            try:
                n_atoms = _atom_count(header)
                comment = stream.readline()
                rows = list(islice(stream, n_atoms))
                frame = _parse_frame(n_atoms, comment, rows)
            except _GarbledLineError as error:
                where = f"{path}, frame {index} (from 0), line {first_line + error.offset}"
                raise FrameFileError(f"{where}: {error}") from error
            yield frame
            first_line += 2 + n_atoms


def parse_frame(text: bytes) -> Frame:
    """Return the frame that :func:`training.dataset.extxyz_format.format_frame` wrote.

    Raises
    ------
    ValueError
        If the text is not a frame.
    """
    header, comment, *rows = text.splitlines(keepends=True)
    return _parse_frame(_atom_count(header), comment, rows)


class _GarbledLineError(ValueError):
    """A problem, and its line in the frame (from 0)."""

    def __init__(self, offset: int, message: str) -> None:
        super().__init__(message)
        self.offset = offset


def _atom_count(header: bytes) -> int:
    text = header.strip()
    if not text.isdigit() or int(text) == 0:
        raise _GarbledLineError(0, f"expected the number of atoms, found {_quote(header)}")
    return int(text)


def _parse_frame(n_atoms: int, comment: bytes, rows: list[bytes]) -> Frame:
    last = rows[-1] if rows else comment
    if len(rows) < n_atoms or not last.endswith(b"\n"):
        raise _GarbledLineError(
            1 + len(rows),
            f"the file ends inside a frame, after {len(rows)} of {n_atoms} atom lines; it was "
            "cut off while written or copied: make it again",
        )
    try:
        pairs = parse_comment(comment.decode())
        masked = _has_mask(pairs.pop("Properties"))
        fields = {key: decode_text(pairs.pop(key)) for key in TEXT_KEYS}
        energy = _scalar(pairs.pop("energy"))
        sigma0 = _scalar(pairs.pop("energy_sigma0")) if "energy_sigma0" in pairs else None
        lattice = pairs.pop("Lattice", None)
        stress = pairs.pop("stress", None)
        step = int(pairs.pop("step"))
        converged = _LOGICAL[pairs.pop("converged")]
        a, b, c = (_LOGICAL[word] for word in pairs.pop("pbc").split())
        cell = np.zeros((3, 3)) if lattice is None else _matrix(lattice)
        tensor = None if stress is None else _matrix(stress).T.copy()
    except KeyError as error:
        raise _GarbledLineError(1, f"the comment line lacks or garbles {error}") from error
    except ValueError as error:
        raise _GarbledLineError(1, str(error)) from error
    numbers, columns, free_mask = _parse_rows(rows, masked)
    return Frame(
        numbers=numbers,
        positions=columns[:, :3].copy(),
        cell=cell,
        energy=energy,
        forces=columns[:, 3:].copy(),
        stress=tensor,
        step=step,
        converged=converged,
        pbc=(a, b, c),
        free_mask=free_mask,
        energy_sigma0=sigma0,
        **fields,
    )


def _has_mask(properties: str) -> bool:
    if properties not in (PROPERTIES, PROPERTIES_MASKED):
        raise ValueError(
            f"Properties={properties} is not {PROPERTIES_MASKED}: this file was not written by "
            "cuprolith; read it with ASE"
        )
    return properties == PROPERTIES_MASKED


def _scalar(text: str) -> float:
    return _float(text.encode())


def _matrix(text: str) -> NDArray[np.float64]:
    values = _floats(text.encode().split())
    if len(values) != 9:
        raise ValueError(f"expected 9 numbers, found {len(values)} in {_quote(text.encode())}")
    return values.reshape(3, 3)


def _parse_rows(
    rows: list[bytes], masked: bool
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.bool_] | None]:
    """Atomic numbers (n,), positions and forces side by side (n, 6), free mask (n,)."""
    width = 8 if masked else 7
    words = b"".join(rows).split()
    try:
        if len(words) != width * len(rows):
            raise ValueError
        numbers = np.array([_NUMBERS[word] for word in words[::width]], dtype=np.int64)
        free_mask = None
        if masked:
            logicals = words[7::8]
            if not set(logicals) <= {b"T", b"F"}:
                raise ValueError
            free_mask = np.frombuffer(b"".join(logicals), dtype="S1") == b"T"
            del words[7::8]
        del words[::7]
        return numbers, _floats(words).reshape(-1, 6), free_mask
    except (KeyError, ValueError):
        raise _first_garbled(rows, masked) from None


def _floats(words: list[bytes]) -> NDArray[np.float64]:
    text = b",".join(words)
    if not text.translate(None, _DECIMAL_CHARACTERS):
        try:
            values = np.array(orjson.loads(b"[%b]" % text), dtype=np.float64)
        except orjson.JSONDecodeError:  # e.g. "1." or "+1", which are no JSON
            pass
        else:
            if len(values) == len(words):  # else a word has a comma in it
                return values
    return np.array([_float(word) for word in words])


def _float(word: bytes) -> float:
    value = float(word) if _FLOAT.fullmatch(word) else None
    if value is None or (math.isinf(value) and not word.endswith(b"inf")):
        raise ValueError(f"expected a number, found {_quote(word)}")
    return value


def _first_garbled(rows: list[bytes], masked: bool) -> _GarbledLineError:
    """Say which atom line is wrong."""
    width = 8 if masked else 7
    for offset, row in enumerate(rows, start=2):
        words = row.split()
        if len(words) != width:
            return _GarbledLineError(offset, f"expected {width} columns, found {_quote(row)}")
        if words[0] not in _NUMBERS:
            return _GarbledLineError(offset, f"{_quote(words[0])} is not a chemical symbol")
        if masked and words[7] not in (b"T", b"F"):
            return _GarbledLineError(offset, f"expected T or F, found {_quote(words[7])}")
        try:
            _floats(words[1:7])
        except ValueError as error:
            return _GarbledLineError(offset, str(error))
    raise AssertionError("no garbled line in a garbled frame")


def _quote(text: bytes) -> str:
    return repr(text.rstrip(b"\n")[:60].decode(errors="replace"))
