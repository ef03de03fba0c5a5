"""Bytes of output files, plain or compressed, as far as they go."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from workflows.engines.vasp.ionic_steps import VaspOutputError

OUTPUTS = ("vasprun.xml", "OUTCAR")
"""Beginnings of the names of output files with labels, the better one first."""

ENDINGS = (".gz", ".bz2", ".xz", ".zst", ".Z", ".lzma", ".lz4", ".zip", ".7z")
"""Ends of the names of compressed files, those that are refused included."""

_CHUNK = 1 << 18
_OPENERS: dict[bytes, Callable[[BinaryIO], Any]] = {
    b"\x1f\x8b": lambda file: gzip.GzipFile(fileobj=file),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\x00": lzma.LZMAFile,
}
_REFUSED = {
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x1f\x9d": "compress (.Z)",
    b"\x04\x22\x4d\x18": "lz4",
    b"PK\x03\x04": "zip",
    b"7z\xbc\xaf\x27\x1c": "7z",
}


def chunks(path: Path) -> Iterator[bytes]:
    """Yield the (decompressed) bytes of a file in pieces of at most 256 kB.

    How it is compressed (gzip, bzip2, xz) is recognised by its content: endings are lost in
    renaming. A file that is cut yields what comes before the cut: VASP killed by a full disk leaves
    such files, and their complete ionic steps are sound.

    Raises
    ------
    VaspOutputError
        If it is compressed in another way, or damaged.
    OSError
        If the file cannot be read.
    """
    with path.open("rb") as file:
        start = file.peek(8)
        _refuse(start, path)
        opener = next((each for magic, each in _OPENERS.items() if start.startswith(magic)), None)
        if opener is None:
            yield from iter(partial(file.read, _CHUNK), b"")
            return
        try:
            with opener(file) as unpacked:
                # read1 calls the decompressor once, so that nothing before a cut is lost.
                yield from iter(partial(unpacked.read1, _CHUNK), b"")
        except EOFError:
            return
        except (OSError, zlib.error, lzma.LZMAError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise  # of the disk; that of a decompressor has no number
            raise VaspOutputError(
                "the compressed file is damaged, and what was read of it may be wrong",
                str(path),
                "copy it again from where it came",
            ) from error


def _refuse(start: bytes, path: Path) -> None:
    for magic, name in _REFUSED.items():
        if start.startswith(magic):
            raise VaspOutputError(
                f"compressed with {name}, which is not read",
                str(path),
                "decompress it, or use gzip, bzip2 or xz",
            )


def read_text(path: Path) -> str:
    """Return the text of a small file, plain or compressed; raises as :func:`chunks`."""
    return b"".join(chunks(path)).decode("latin-1")


def without_ending(name: str) -> str:
    """Return a file's name without what says that it is compressed."""
    return next((name.removesuffix(end) for end in ENDINGS if name.endswith(end)), name)


def complete_lines(path: Path) -> Iterator[bytes]:
    """Yield the lines of a file; a last line without line break may be cut and is left out."""
    rest = b""
    for chunk in chunks(path):
        lines = (rest + chunk).split(b"\n")
        rest = lines.pop()
        yield from lines
