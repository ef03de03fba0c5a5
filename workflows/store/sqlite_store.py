"""A maggma store in one SQLite file: jobflow outputs that survive ``kill -9``, at constant cost."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from jobflow import JobStore
from maggma.core import DateTimeFormat, Sort, Store, StoreError
from maggma.core.validator import Validator
from mongomock_ng.filtering import (
    NOTHING,
    filter_applies,
    iter_key_candidates,
    resolve_sort_key,
)
from mongomock_ng.helpers import patch_datetime_awareness_in_document
from pydash import get, has, set_

from workflows.progress import announce
from workflows.store.collection import Collection, DocumentRow
from workflows.store.document_query import Projection, fields_of, sort_order
from workflows.store.salvage import salvage
from workflows.store.sqlite_database import DamagedDatabaseError, SqliteDatabase

Criteria = Mapping[str, Any] | None
Properties = Mapping[str, Any] | Iterable[str] | None
SortSpec = Mapping[str, Sort | int] | None


class SqliteStore(Store):
    """Store of JSON documents in one SQLite file, queried as a Mongo store is.

    Equality and ``$in`` on the key and the searchable fields use an index; whatever else a query
    demands is checked on the documents, one at a time. Stores on the same file share a connection
    within a process, so writes to several of them can be one transaction.

    Answers are those of maggma's ``MemoryStore``, apart from the ``_id`` that MongoDB adds.

    Parameters
    ----------
    path
        Database file, made with its folder when missing.
    collection_name
        Several collections can live in one file.
    key
        Field that identifies a document, unless :meth:`update` is told otherwise.
    searchable_fields
        Further fields with an index, the most selective first.
    last_updated_field, last_updated_type
        Where documents have their time stamp, and how it is written.
    validator
        Checks documents before they are written.
    """

    def __init__(
        self,
        path: str | Path,
        collection_name: str = "documents",
        key: str = "uuid",
        searchable_fields: list[str] | None = None,
        last_updated_field: str = "last_updated",
        last_updated_type: DateTimeFormat | str = "datetime",
        validator: Validator | None = None,
    ) -> None:
        # jobs may change the working directory between construction and use
        self.path = str(Path(path).absolute())
        self.collection_name = collection_name
        # a list of its own: a JobStore appends to the lists of its additional stores
        self.searchable_fields = list(dict.fromkeys(searchable_fields or ()))
        self._database: SqliteDatabase | None = None
        self._opened: Collection | None = None
        super().__init__(
            key=key,
            last_updated_field=last_updated_field,
            last_updated_type=DateTimeFormat(last_updated_type).value,  # JSON, not an enum
            validator=validator,
        )

    @property
    def name(self) -> str:
        """Address of the collection."""
        return f"sqlite://{self.path}/{self.collection_name}"

    @property
    def _collection(self) -> Collection:
        if self._opened is None:
            raise StoreError(f"{self.name}: connect() before use")
        return self._opened

    def connect(self, force_reset: bool = False) -> None:
        """Open the file and make the collection when missing.

        A damaged file is moved aside, and what can be read of it is kept.

        Raises
        ------
        CuprolithError
            If the file cannot be opened or is no such database.
        """
        if self._opened is not None:
            if not force_reset:
                return
            self.close()
        try:
            self._database = SqliteDatabase.open(self.path)
        except DamagedDatabaseError as error:
            announce(str(salvage(error)))
            self._database = SqliteDatabase.open(self.path)
        try:
            self._opened = Collection(
                self._database, self.collection_name, [self.key, *self.searchable_fields]
            )
        except BaseException:
            self._database.close()
            raise

    def close(self) -> None:
        """Close the store; the file's connection closes with its last store."""
        if self._opened is not None and self._database is not None:
            self._opened = None
            self._database.close()

    def transaction(self) -> AbstractContextManager[None]:
        """Return a context that commits all writes to this file together, or none."""
        return self._collection.database.transaction()

    def sibling(self, collection_name: str, **settings: Any) -> SqliteStore:
        """Return a store for another collection of the same file."""
        return SqliteStore(self.path, collection_name, **settings)

    def count(self, criteria: Criteria = None) -> int:
        """Count the documents that match."""
        if not criteria:
            return self._collection.count()
        return sum(1 for _ in self._matching(_normalised(criteria)))

    def query(
        self,
        criteria: Criteria = None,
        properties: Properties = None,
        sort: SortSpec = None,
        skip: int = 0,
        limit: int = 0,
    ) -> Iterator[dict[str, Any]]:
        """Yield the documents that match, one in memory at a time.

        Parameters
        ----------
        criteria
            Mongo-style filter.
        properties
            Fields to return: names, or a mapping of names to 1 or 0; dots go into objects.
        sort
            Field → 1 (ascending) or -1, in MongoDB's order of types; without it, documents come
            in the order of insertion.
        skip, limit
            Documents to leave out at the start, and how many to return at most; 0 means all.
        """
        criteria = _normalised(criteria)
        projection = Projection(properties)
        rows = self._matching(criteria)
        if sort:
            rows = iter(self._sorted(rows, sort))
        stop = skip + abs(limit) if limit else None
        for row in itertools.islice(rows, skip, stop):
            document = self._view(row, projection.fields)
            if document is not None:
                yield projection.apply(document)

    def distinct(self, field: str, criteria: Criteria = None, all_exist: bool = False) -> list[Any]:
        """Return the different values of a field, in the order of first appearance.

        Lists count by their items, as in MongoDB; ``all_exist`` is there for maggma and has no
        effect in any of its stores.
        """
        found: list[Any] = []
        seen: set[Any] = set()
        for row in self._matching(_normalised(criteria)):
            for candidate in iter_key_candidates(field, self._view(row, {field}) or {}):
                for value in candidate if isinstance(candidate, list) else [candidate]:
                    identity = _identity(value)
                    if value is not NOTHING and identity not in seen:
                        seen.add(identity)
                        found.append(value)
        return found

    def groupby(
        self,
        keys: list[str] | str,
        criteria: Criteria = None,
        properties: Properties = None,
        sort: SortSpec = None,
        skip: int = 0,
        limit: int = 0,
    ) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
        """Yield (key values, documents) for each combination of values of `keys`, sorted.

        Documents that lack one of the keys are left out. ``sort``, ``skip`` and ``limit`` act on
        the documents before they are grouped.
        """
        keys = _as_list(keys)
        documents = self.query(criteria, [*keys, *(properties or ())], sort, skip, limit)

        def values(document: dict[str, Any]) -> tuple[Any, ...]:
            return tuple(get(document, key) for key in keys)

        complete = [document for document in documents if all(has(document, key) for key in keys)]
        for group_values, group in itertools.groupby(sorted(complete, key=values), key=values):
            group_key: dict[str, Any] = {}
            for key, value in zip(keys, group_values, strict=True):
                set_(group_key, key, value)
            yield group_key, list(group)

    def update(
        self, docs: list[dict[str, Any]] | dict[str, Any], key: list[str] | str | None = None
    ) -> None:
        """Insert documents, or replace those with the same key; all of them or none.

        Parameters
        ----------
        docs
            Documents.
        key
            Field, or fields, that identify a document; the store's key by default.

        Raises
        ------
        KeyError
            If a document lacks a key field.
        ValueError
            If a strict validator refuses a document.
        """
        keys = _as_list(key or self.key)
        with self.transaction():
            for field in keys:
                self._collection.ensure_column(field)
            for document in docs if isinstance(docs, list) else [docs]:
                if self._is_valid(document):
                    same = self._matching(_normalised({field: document[field] for field in keys}))
                    row = next(same, None)
                    self._collection.write(document, None if row is None else row.number)

    def remove_docs(self, criteria: Criteria) -> None:
        """Remove the documents that match."""
        with self.transaction():
            for row in list(self._matching(_normalised(criteria))):
                self._collection.remove(row)

    def damaged(self, criteria: Criteria) -> bool:
        """Tell whether a document that matches is damaged; fields with an index can be asked for.

        Its bytes are checked, which is quicker than to read it.
        """
        rows = self._collection.candidates(_normalised(criteria))
        return not all(map(self._collection.is_whole, rows))

    def remove_damaged(self) -> None:
        """Remove the documents that are damaged."""
        with self.transaction():
            for row in list(self._collection.candidates({})):
                if not self._collection.is_whole(row):
                    self._collection.remove(row)

    def ensure_index(self, key: str, unique: bool = False) -> bool:
        """Make a field searchable by index; uniqueness is what :meth:`update` provides."""
        self._collection.ensure_index(key)
        return True

    def __eq__(self, other: object) -> bool:
        """Equal when they hold the same documents."""
        if not isinstance(other, SqliteStore):
            return NotImplemented
        mine, theirs = (
            (store.path, store.collection_name, store.key, store.last_updated_field)
            for store in (self, other)
        )
        return mine == theirs

    def __hash__(self) -> int:
        """Hash of the address; the key can change while a store is in use."""
        return hash(self.name)

    def _is_valid(self, document: dict[str, Any]) -> bool:
        if self.validator is None or self.validator.is_valid(document):
            return True
        errors = self.validator.validation_errors(document)
        if self.validator.strict:
            raise ValueError(errors)
        self.logger.error(errors)
        return False

    def _matching(self, criteria: Mapping[str, Any]) -> Iterator[DocumentRow]:
        """Rows that match, in the order of insertion; bodies that had to be read come along."""
        fields = fields_of(criteria)
        for row in self._collection.candidates(criteria):
            if criteria:
                document = self._view(row, fields)
                if document is None or not filter_applies(criteria, document):
                    continue
            yield row

    def _sorted(self, rows: Iterator[DocumentRow], sort: Mapping[str, Any]) -> list[DocumentRow]:
        """Sort rows; only the values sorted by are kept of their bodies."""
        order = sort_order(sort)
        keyed = []
        for row in rows:
            document = self._view(row, {field for field, _ in order}) or {}
            keyed.append(([resolve_sort_key(field, document) for field, _ in order], row))
            row.body = None
        for place, (_, descending) in reversed(list(enumerate(order))):
            keyed.sort(key=lambda item: item[0][place], reverse=descending)
        return [row for _, row in keyed]

    def _view(self, row: DocumentRow, fields: set[str] | None) -> dict[str, Any] | None:
        """Return what tells the values of `fields` (None: all): search columns, or else the body.

        None if the document has been removed meanwhile.
        """
        if fields is not None and fields <= row.known:
            return row.columns
        if row.body is None:
            row.body = self._collection.body(row)
        return row.body


def _normalised(criteria: Criteria) -> dict[str, Any]:
    """Criteria with dates as documents have them: UTC without zone, to the millisecond."""
    normalised: dict[str, Any] = patch_datetime_awareness_in_document(dict(criteria or {}))
    return normalised


def _as_list(names: list[str] | str) -> list[str]:
    return [names] if isinstance(names, str) else list(names)


def _identity(value: Any) -> Any:
    """Hashable stand-in for a value; equal where the values are."""
    if isinstance(value, dict):
        return frozenset((key, _identity(part)) for key, part in value.items())
    if isinstance(value, list):
        return tuple(map(_identity, value))
    return value


def job_store(path: str | Path) -> JobStore:
    """Return a job store in one file: outputs, and large data in the additional store ``data``."""
    return JobStore(
        SqliteStore(path, "outputs", key="uuid", searchable_fields=["index"]),
        additional_stores={"data": SqliteStore(path, "data", key="blob_uuid")},
    )
