"""Bytes of output files, plain or compressed, as far as they go."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, cast

from workflows.engines.vasp.ionic_steps import VaspOutputError

ENDINGS = (".gz", ".bz2", ".xz", ".zst", ".Z", ".lzma", ".lz4", ".zip", ".7z")
"""Ends of the names of compressed files, those that are refused included."""

_CHUNK = 1 << 18
_GZIP = b"\x1f\x8b"
_DECOMPRESSORS: dict[bytes, Callable[[], bz2.BZ2Decompressor | lzma.LZMADecompressor]] = {
    b"BZh": bz2.BZ2Decompressor,
    b"\xfd7zXZ\x00": lzma.LZMADecompressor,
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

    How it is compressed (gzip, bzip2, xz) is told by its content: endings are lost in renaming. A
    file that is cut yields what comes before the cut: VASP killed by a full disk leaves such
    files, and their complete ionic steps are sound.

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
        try:
            yield from _decompressed(file, start)
        except (zlib.error, gzip.BadGzipFile, lzma.LZMAError, _DamageError) as error:
            raise VaspOutputError(
                "the compressed file is damaged, and what was read of it may be wrong",
                str(path),
                "copy it again from where it came",
            ) from error


class _DamageError(Exception):
    """bzip2's: its own error is that of a disk, too."""


def _refuse(start: bytes, path: Path) -> None:
    for magic, name in _REFUSED.items():
        if start.startswith(magic):
            raise VaspOutputError(
                f"compressed with {name}, which is not read",
                str(path),
                "decompress it, or use gzip, bzip2 or xz",
            )


def _decompressed(file: BinaryIO, start: bytes) -> Iterator[bytes]:
    if start.startswith(_GZIP):
        yield from _unzipped(file)
        return
    for magic, decompressor in _DECOMPRESSORS.items():
        if start.startswith(magic):
            yield from _unpacked(file, decompressor)
            return
    while chunk := file.read(_CHUNK):
        yield chunk


def _unzipped(file: BinaryIO) -> Iterator[bytes]:
    # read1 makes one call to the decompressor, so nothing before the damage is lost.
    with cast(BinaryIO, gzip.GzipFile(fileobj=file)) as unzipped:
        while True:
            try:
                chunk = unzipped.read1(_CHUNK)  # type: ignore[attr-defined]
            except EOFError:
                return
            if not chunk:
                return
            yield chunk


def _unpacked(
    file: BinaryIO, new: Callable[[], bz2.BZ2Decompressor | lzma.LZMADecompressor]
) -> Iterator[bytes]:
    decompressor, rest = new(), b""
    while True:
        if decompressor.eof:  # streams may follow each other
            decompressor, rest = new(), decompressor.unused_data
        if decompressor.needs_input and not rest:
            rest = file.read(_CHUNK)
            if not rest:
                return
        try:
            chunk = decompressor.decompress(rest, _CHUNK)
        except OSError as error:
            raise _DamageError(str(error)) from error
        rest = b""
        if chunk:
            yield chunk


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
