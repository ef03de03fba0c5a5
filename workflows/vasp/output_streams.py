"""Bytes of output files, plain or gzipped, as far as they go."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

_CHUNK = 1 << 18


def chunks(path: Path) -> Iterator[bytes]:
    """Yield the (decompressed) bytes of a file in pieces of at most 256 kB.

    A gzip file that is cut or damaged yields what comes before the damage: VASP killed by a full
    disk leaves such files, and their complete ionic steps are sound.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    with path.open("rb") as file:
        zipped = file.peek(2)[:2] == b"\x1f\x8b"  # by content: suffixes are lost in renaming
        if not zipped:
            while chunk := file.read(_CHUNK):
                yield chunk
            return
        # read1 makes one call to the decompressor, so nothing before the damage is lost.
        with cast(BinaryIO, gzip.GzipFile(fileobj=file)) as unzipped:
            while True:
                try:
                    chunk = unzipped.read1(_CHUNK)  # type: ignore[attr-defined]
                except (EOFError, zlib.error, gzip.BadGzipFile):
                    return
                if not chunk:
                    return
                yield chunk


def complete_lines(path: Path) -> Iterator[bytes]:
    """Yield the lines of a file; a last line without line break may be cut and is left out."""
    rest = b""
    for chunk in chunks(path):
        lines = (rest + chunk).split(b"\n")
        rest = lines.pop()
        yield from lines
