"""Documents of one collection as rows of two SQLite tables.

``"<name>"`` has a row per document: its number and its search columns. ``"<name>.body"`` has the
documents themselves, apart, so that scans of the search columns read none of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cuprolith.errors import CuprolithError
from workflows.store.document_codec import (
    DamagedDocumentError,
    decode_document,
    encode_document,
    is_whole,
)
from workflows.store.document_query import OPAQUE, column_value, sql_condition
from workflows.store.sqlite_database import SqliteDatabase, quoted

_NAME = re.compile(r"(?!sqlite_)[A-Za-z_][A-Za-z0-9_]*")
_PREFIX = "field:"
_PAGE = 500


@dataclass(slots=True)
class DocumentRow:
    """A document's number and search columns; its body is loaded when needed.

    Attributes
    ----------
    columns
        Values of the top-level fields that have a search column, as far as they are not missing.
    known
        Fields that ``columns`` tells everything about.
    body
        The document, while it is kept in memory.
    """

    number: int
    columns: dict[str, Any]
    known: frozenset[str]
    body: dict[str, Any] | None = None


class Collection:
    """Rows of a collection; created when missing.

    Parameters
    ----------
    name
        Letters, digits and underscores.
    fields
        Fields searched by index, the most selective first.

    Raises
    ------
    ValueError
        If the name is not allowed.
    """

    def __init__(self, database: SqliteDatabase, name: str, fields: Iterable[str]) -> None:
        if not _NAME.fullmatch(name):
            raise ValueError(f"collection name {name!r}: use letters, digits and underscores")
        self.database = database
        self._name = name
        self._rows = quoted(name)
        self._bodies = quoted(f"{name}.body")
        self._create()
        self._fields = self._read_fields()
        self._indexed: list[str] = []
        for field in dict.fromkeys(fields):
            self.ensure_index(field)

    def _create(self) -> None:
        if self._exists("table", self._name):
            return
        with self.database.transaction():
            self.database.execute(
                f"CREATE TABLE IF NOT EXISTS {self._rows} (number INTEGER PRIMARY KEY)"
            )
            self.database.execute(
                f"CREATE TABLE IF NOT EXISTS {self._bodies} "
                "(number INTEGER PRIMARY KEY, encoding INTEGER NOT NULL, body BLOB NOT NULL)"
            )

    def _exists(self, kind: str, name: str) -> bool:
        found = self.database.execute(
            "SELECT 1 FROM sqlite_master WHERE type = ? AND name = ?", (kind, name)
        )
        return found.fetchone() is not None

    def _read_fields(self) -> tuple[str, ...]:
        names = self.database.execute("SELECT name FROM pragma_table_info(?)", (self._name,))
        return tuple(name.removeprefix(_PREFIX) for (name,) in names if name.startswith(_PREFIX))

    def ensure_column(self, field: str) -> None:
        """Give a field a search column, filled in for the documents already here."""
        if field in self._fields:
            return
        with self.database.transaction():
            self._fields = self._read_fields()
            if field in self._fields:
                return
            column = quoted(_PREFIX + field)
            self.database.execute(f"ALTER TABLE {self._rows} ADD COLUMN {column}")
            self._fields = self._read_fields()
            for row in self.candidates({}):
                whole = self.is_whole(row)
                value = column_value(self.body(row) or {}, field) if whole else None
                self.database.execute(
                    f"UPDATE {self._rows} SET {column} = ? WHERE number = ?", (value, row.number)
                )

    def ensure_index(self, field: str) -> None:
        """Give a field a search column with an index."""
        if field in self._indexed:
            return
        self.ensure_column(field)
        name = f"{self._name}.{field}"
        if not self._exists("index", name):
            column = quoted(_PREFIX + field)
            self.database.execute(
                f"CREATE INDEX IF NOT EXISTS {quoted(name)} ON {self._rows} ({column})"
            )
        self._indexed.append(field)

    def count(self) -> int:
        """Return the number of documents."""
        (count,) = self.database.execute(f"SELECT count(*) FROM {self._rows}").fetchone()
        return int(count)

    def candidates(self, criteria: Mapping[str, Any]) -> Iterator[DocumentRow]:
        """Yield every row that may match, and few others, in the order of insertion.

        Equality and ``$in`` on indexed fields are searched by index; without any, all rows are
        read, a page at a time.
        """
        conditions = self._conditions(criteria)
        columns = ", ".join(["number", *(quoted(_PREFIX + field) for field in self._fields)])
        fields = self._fields
        where = " AND ".join(sql for sql, _ in conditions)
        parameters = tuple(value for _, values in conditions for value in values)
        if conditions and not conditions[0][0].startswith("+"):
            sql = f"SELECT {columns} FROM {self._rows} WHERE {where}"
            found = self.database.execute(sql, parameters).fetchall()
            yield from _rows(sorted(found, key=lambda row: row[0]), fields)
            return
        where = f"AND {where}" if where else ""
        sql = f"SELECT {columns} FROM {self._rows} WHERE number > ? {where} ORDER BY number LIMIT ?"
        last = -1
        while page := self.database.execute(sql, (last, *parameters, _PAGE)).fetchall():
            yield from _rows(page, fields)
            last = page[-1][0]

    def _conditions(self, criteria: Mapping[str, Any]) -> list[tuple[str, tuple[Any, ...]]]:
        """Return SQL conditions; only the first may use an index, the best one by the order given.

        SQLite does not know how selective the indexes are; the unary plus keeps it from using
        that of, say, a job's index, which is 1 for nearly all.
        """
        found: list[tuple[str, tuple[Any, ...]]] = []
        for field in sorted(set(criteria) & set(self._fields), key=self._rank):
            driving = not found and field in self._indexed
            column = ("" if driving else "+") + quoted(_PREFIX + field)
            condition = sql_condition(column, criteria[field])
            if condition is not None:
                found.append(condition)
        return found

    def _rank(self, field: str) -> tuple[int, str]:
        rank = self._indexed.index(field) if field in self._indexed else len(self._indexed)
        return rank, field

    def body(self, row: DocumentRow) -> dict[str, Any] | None:
        """Return a row's document, read from the file; None if it has been removed meanwhile.

        Raises
        ------
        CuprolithError
            If its bytes are not those that were written.
        """
        found = self._stored(row)
        try:
            return None if found is None else decode_document(*found)
        except DamagedDocumentError as error:
            raise CuprolithError(
                f"document {row.number} of {self._name!r} is damaged: {error}",
                where=str(self.database.path),
                remedy="give the command that made it again (`label` for labels, `tune` for a "
                "study): this one is computed again, and all others are kept",
            ) from error

    def is_whole(self, row: DocumentRow) -> bool:
        """Tell whether the bytes of a row's document are those that were written."""
        found = self._stored(row)
        return found is not None and is_whole(*found)

    def _stored(self, row: DocumentRow) -> tuple[int, bytes] | None:
        found: tuple[int, bytes] | None = self.database.execute(
            f"SELECT encoding, body FROM {self._bodies} WHERE number = ?", (row.number,)
        ).fetchone()
        return found

    def write(self, document: dict[str, Any], number: int | None) -> None:
        """Insert a document, or replace the one with the number given; inside a transaction."""
        self._fields = self._read_fields()  # another process may have added one
        encoding, body = encode_document(document, self._name)
        values = [column_value(document, field) for field in self._fields]
        names = ["number", *(quoted(_PREFIX + field) for field in self._fields)]
        marks = ", ".join("?" * len(names))
        written = self.database.execute(
            f"INSERT OR REPLACE INTO {self._rows} ({', '.join(names)}) VALUES ({marks})",
            (number, *values),
        )
        self.database.execute(
            f"INSERT OR REPLACE INTO {self._bodies} VALUES (?, ?, ?)",
            (written.lastrowid, encoding, body),
        )

    def remove(self, row: DocumentRow) -> None:
        """Remove a row's document; inside a transaction."""
        for table in (self._rows, self._bodies):
            self.database.execute(f"DELETE FROM {table} WHERE number = ?", (row.number,))


def _rows(found: list[tuple[Any, ...]], fields: tuple[str, ...]) -> Iterator[DocumentRow]:
    """Rows of search columns; NULL is a missing field, a blob an unknown value."""
    plain = [(place, field) for place, field in enumerate(fields, start=1) if "." not in field]
    all_known = frozenset(field for _, field in plain)
    for values in found:
        columns = {field: values[place] for place, field in plain if values[place] is not None}
        unknown = [field for field, value in columns.items() if value == OPAQUE]
        yield DocumentRow(values[0], columns, all_known.difference(unknown))
