"""Write structures and frames as extended XYZ text."""

from __future__ import annotations

from collections.abc import Iterable
from operator import add

import numpy as np
import orjson
from ase.data import chemical_symbols
from numpy.typing import NDArray

from cuprolith.arrays import FloatArray
from training.dataset.extxyz_comment import encode_text
from training.dataset.frames import Frame

# The mask is not called `move_mask`: ASE would turn it into FixAtoms, and its get_forces() would
# then return zero forces for the atoms held fixed.
PROPERTIES = "species:S:1:pos:R:3:forces:R:3"
PROPERTIES_MASKED = f"{PROPERTIES}:free_mask:L:1"
TEXT_KEYS = (
    "structure_id",
    "family",
    "miller_index",
    "parent_id",
    "trajectory_id",
    "engine",
    "functional",
    "config_hash",
)
_SYMBOLS = [f"{symbol} ".encode() for symbol in chemical_symbols]
_LAST_KEY = b' pbc="'
_MASK = {True: b" T\n", False: b" F\n"}


def format_frame(frame: Frame, **annotations: str) -> bytes:
    """Return the text of one frame.

    Parameters
    ----------
    annotations
        Further texts for the comment line, such as ``quarantine_reason``.

    Raises
    ------
    ValueError
        If the arrays of the frame do not fit each other.
    """
    _check_shapes(frame)
    columns = np.concatenate([frame.positions, frame.forces], axis=1, dtype=np.float64)
    if frame.free_mask is None:
        ends = [b"\n"] * len(frame)
    else:
        ends = [_MASK[free] for free in frame.free_mask.tolist()]
    rows = map(add, _format_rows(columns), ends)
    return format_atoms(frame.numbers, rows, _comment_pairs(frame, annotations))


def format_atoms(numbers: NDArray[np.int64], rows: Iterable[bytes], pairs: Iterable[str]) -> bytes:
    """Return the text of some atoms.

    Parameters
    ----------
    numbers
        Atomic numbers, shape (n,).
    rows
        What follows the symbol of each atom, line break included.
    pairs
        ``key=value`` pairs of the comment line, pure ASCII.
    """
    lines = [_SYMBOLS[number] + row for number, row in zip(numbers.tolist(), rows, strict=True)]
    return b"%d\n%b\n%b" % (len(lines), " ".join(pairs).encode("ascii"), b"".join(lines))


def lattice_pair(cell: FloatArray) -> str:
    """Return the pair of a comment line for a cell, vectors as rows, Å."""
    return f'Lattice="{_join(cell)}"'


def annotated(text: bytes, **annotations: str) -> bytes:
    """Return a frame's text, from :func:`format_frame`, with further texts in its comment line."""
    count, comment, rows = text.split(b"\n", maxsplit=2)
    place = comment.rindex(_LAST_KEY)
    added = "".join(f" {key}={encode_text(each)}" for key, each in annotations.items())
    return b"\n".join([count, comment[:place] + added.encode("ascii") + comment[place:], rows])


def _check_shapes(frame: Frame) -> None:
    n_atoms = len(frame)
    shapes = {
        "positions": (frame.positions, (n_atoms, 3)),
        "forces": (frame.forces, (n_atoms, 3)),
        "cell": (frame.cell, (3, 3)),
        "stress": (frame.stress, (3, 3)),
        "free_mask": (frame.free_mask, (n_atoms,)),
    }
    for name, (array, shape) in shapes.items():
        if array is not None and array.shape != shape:
            raise ValueError(
                f"frame {frame.structure_id}, trajectory {frame.trajectory_id}, step "
                f"{frame.step}: {name} has shape {array.shape}, expected {shape}"
            )
    if n_atoms == 0:
        raise ValueError(f"frame {frame.structure_id}, step {frame.step}: no atoms")


def _format_rows(columns: FloatArray) -> list[bytes]:
    """Rows of numbers, separated by blanks."""
    if not np.isfinite(columns).all():  # JSON knows no NaN
        return [" ".join(map(repr, row)).encode() for row in columns.tolist()]
    text = orjson.dumps(columns, option=orjson.OPT_SERIALIZE_NUMPY)
    return text[2:-2].replace(b",", b" ").split(b"] [")


def _comment_pairs(frame: Frame, annotations: dict[str, str]) -> list[str]:
    cell = np.asarray(frame.cell, dtype=np.float64)
    pairs = []
    if cell.tobytes() != bytes(cell.nbytes):  # no lattice rather than one of zeros
        pairs.append(lattice_pair(cell))
    pairs.append(f"Properties={PROPERTIES if frame.free_mask is None else PROPERTIES_MASKED}")
    pairs.append(f"energy={float(frame.energy)!r}")
    if frame.energy_sigma0 is not None:
        pairs.append(f"energy_sigma0={float(frame.energy_sigma0)!r}")
    if frame.stress is not None:
        # ASE reads `stress`, like `Lattice`, column by column.
        pairs.append(f'stress="{_join(np.asarray(frame.stress, dtype=np.float64).T)}"')
    pairs += [f"{key}={encode_text(getattr(frame, key))}" for key in TEXT_KEYS]
    pairs.append(f"step={int(frame.step)}")
    pairs.append(f"converged={'T' if frame.converged else 'F'}")
    pairs += [f"{key}={encode_text(text)}" for key, text in annotations.items()]
    pairs.append(f'pbc="{" ".join("T" if periodic else "F" for periodic in frame.pbc)}"')
    return pairs


def _join(matrix: FloatArray) -> str:
    return " ".join(map(repr, matrix.ravel().tolist()))
