"""What can be read of a damaged database, into a new one in its place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workflows.store.collection import Collection
from workflows.store.document_codec import DamagedDocumentError, collection_of, decode_document
from workflows.store.sqlite_database import PAGE_BYTES, DamagedDatabaseError, SqliteDatabase

_BESIDE = ("-journal", "-wal", "-shm")
# Of the file format of SQLite 3 (sqlite.org/fileformat.html).
_LEAF = 13  # page with rows of a table
_LEAF_HEADER, _FILE_HEADER = 8, 100
_LARGEST_ON_PAGE = PAGE_BYTES - 35
_SMALLEST_ON_PAGE = (PAGE_BYTES - 12) * 32 // 255 - 23
_NULL, _ONE_BYTE, _FIRST_BLOB = 0, 1, 12  # types of columns


@dataclass(frozen=True)
class Salvage:
    """What became of a damaged database.

    Attributes
    ----------
    kept
        Documents that are in the new file.
    """

    path: Path
    reason: str
    moved_to: Path
    kept: int

    def __str__(self) -> str:
        """Say what was done and what to do."""
        return (
            f"warning: {self.path}: {self.reason}. It was moved to {self.moved_to.name}; the "
            f"{self.kept} documents that can be read of it are kept, what is lost is computed "
            "again. If you have a backup, stop now and put it there instead"
        )


def salvage(damage: DamagedDatabaseError) -> Salvage:
    """Put a database with all documents that are whole in a damaged one in its place.

    The damaged file is kept as ``<name>.damaged``.

    Raises
    ------
    DamagedDatabaseError
        The one given, if none is whole.
    """
    path = damage.path
    new = path.with_name(f".{path.name}.partial")
    try:
        kept = _rescue(path.read_bytes(), new)
        if not kept:
            raise damage
        moved_to = _free_name(path)
        for end in _BESIDE:  # or SQLite would apply them to the new file
            beside = path.with_name(path.name + end)
            if beside.exists():
                beside.replace(moved_to.with_name(moved_to.name + end))
        path.replace(moved_to)
        new.replace(path)
    finally:
        for end in ("", *_BESIDE):
            new.with_name(new.name + end).unlink(missing_ok=True)
    return Salvage(path, damage.message, moved_to, kept)


def _rescue(content: bytes, new: Path) -> int:
    """Write the whole documents of a damaged file into a new one; return how many there are."""
    new.unlink(missing_ok=True)
    collections: dict[str, Collection] = {}
    kept = 0
    database = SqliteDatabase.open(new)
    try:
        with database.transaction():
            for name, document in _documents(content):
                if name not in collections:
                    collections[name] = Collection(database, name, [])
                collections[name].write(document, None)
                kept += 1
    finally:
        database.close()
    return kept


def _documents(content: bytes) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the documents on the pages of a file, and their collections.

    Tables, and the trees that lead to their pages, are not needed: documents know their own.
    """
    for start in range(0, len(content), PAGE_BYTES):
        page = content[start : start + PAGE_BYTES]
        head = _FILE_HEADER if start == 0 else 0
        if len(page) < PAGE_BYTES or page[head] != _LEAF:
            continue
        first = head + _LEAF_HEADER
        last = first + 2 * int.from_bytes(page[head + 3 : head + 5], "big")
        for place in range(first, min(last, PAGE_BYTES), 2):
            try:
                cell = int.from_bytes(page[place : place + 2], "big")
                flags, body = _row(content, page, cell)
                if name := collection_of(flags, body):
                    yield name, decode_document(flags, body)
            except (DamagedDocumentError, ValueError, IndexError):
                continue  # damaged, or a row of another table


def _row(content: bytes, page: bytes, place: int) -> tuple[int, bytes]:
    """Return encoding and body of a row that begins at a place of a page.

    Raises
    ------
    ValueError, IndexError
        If there is none.
    """
    size, place = _number(page, place)
    _, place = _number(page, place)
    record = _record(content, page, place, size)
    head, at = _number(record, 0)
    types = []
    while at < head:
        kind, at = _number(record, at)
        types.append(kind)
    number, encoding, body = types
    if (number, encoding) != (_NULL, _ONE_BYTE) or body < _FIRST_BLOB or body % 2:
        raise ValueError("no row of documents")
    return record[head], record[head + 1 :]


def _record(content: bytes, page: bytes, place: int, size: int) -> bytes:
    """Return the columns of a row, from its page and those where the rest of it lies."""
    if size > len(content):
        raise ValueError("longer than the file")
    on_page = size
    if size > _LARGEST_ON_PAGE:
        fitting = _SMALLEST_ON_PAGE + (size - _SMALLEST_ON_PAGE) % (PAGE_BYTES - 4)
        on_page = fitting if fitting <= _LARGEST_ON_PAGE else _SMALLEST_ON_PAGE
    parts, left = [page[place : place + on_page]], size - on_page
    following = page[place + on_page : place + on_page + 4]
    while left > 0:
        start = (int.from_bytes(following, "big") - 1) * PAGE_BYTES
        if not 0 <= start < len(content):
            raise ValueError("leads out of the file")
        following = content[start : start + 4]
        parts.append(content[start + 4 : start + PAGE_BYTES][:left])
        left -= PAGE_BYTES - 4
    return b"".join(parts)


def _number(data: bytes, place: int) -> tuple[int, int]:
    """Return a number of SQLite's variable length, and where it ends."""
    value = 0
    for length in range(8):
        byte = data[place + length]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, place + length + 1
    return value << 8 | data[place + 8], place + 9


def _free_name(path: Path) -> Path:
    n, name = 1, path.with_name(f"{path.name}.damaged")
    while name.exists():
        n += 1
        name = path.with_name(f"{path.name}.damaged.{n}")
    return name
