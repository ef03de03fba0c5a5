"""Mongo-style queries on JSON documents: what SQL can answer of them, projection and sorting."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from maggma.core import Sort

# Column value for what SQL cannot compare as MongoDB does (lists, objects, booleans, null, ...):
# such a document is always looked at. A missing field is NULL.
OPAQUE = b""
_OPAQUE_SQL = "x''"

_MAX_INTEGER = 2**63


def column_value(document: Mapping[str, Any], field: str) -> str | int | float | bytes | None:
    """Return what the search column of a (dotted) field holds for a document."""
    value: Any = document
    for part in field.split("."):
        if isinstance(value, list):
            return OPAQUE
        if not isinstance(value, Mapping) or part not in value:
            return None
        value = value[part]
    return value if is_comparable(value) else OPAQUE


def is_comparable(value: Any) -> bool:
    """Tell whether SQLite compares a value for equality as MongoDB does."""
    if isinstance(value, str):
        # lone surrogates cannot be stored, and NUL ends a string in SQLite's JSON
        return "\0" not in value and (value.isascii() or _is_encodable(value))
    if isinstance(value, bool):
        return False
    if isinstance(value, int):
        return -_MAX_INTEGER <= value < _MAX_INTEGER
    return isinstance(value, float) and not math.isnan(value)  # NaN would become NULL


def _is_encodable(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def sql_condition(column: str, criterion: Any) -> tuple[str, tuple[Any, ...]] | None:
    """Return SQL that no match of a criterion fails, and its parameters; None if there is none.

    Parameters
    ----------
    column
        Quoted name of the field's search column.
    criterion
        What the query demands of the field.
    """
    if isinstance(criterion, Mapping):
        if "$eq" in criterion:
            return sql_condition(column, criterion["$eq"])
        choices = criterion.get("$in")
        if isinstance(choices, list | tuple) and all(
            is_comparable(choice) and not isinstance(choice, float) for choice in choices
        ):
            listed = f"SELECT value FROM json_each(?) UNION ALL SELECT {_OPAQUE_SQL}"
            return f"{column} IN ({listed})", (orjson.dumps(list(choices)).decode(),)
        return None
    if is_comparable(criterion):
        return f"{column} IN (?, {_OPAQUE_SQL})", (criterion,)
    return None


def fields_of(criteria: Mapping[str, Any]) -> set[str] | None:
    """Return the fields that decide whether a document matches; None if that cannot be told."""
    fields: set[str] = set()
    for key, criterion in criteria.items():
        if key in ("$and", "$or", "$nor"):
            for part in criterion:
                inner = fields_of(part)
                if inner is None:
                    return None
                fields |= inner
        elif key.startswith("$"):
            return None
        else:
            fields.add(key)
    return fields


class Projection:
    """Which fields of a document an answer has.

    Parameters
    ----------
    properties
        Names (dots go into objects and lists), or a mapping of names to 1 (only these) or 0 (all
        but these); None or nothing means the whole document.

    Raises
    ------
    ValueError
        If inclusion and exclusion are mixed, or an operator is asked for.
    """

    def __init__(self, properties: Mapping[str, Any] | Iterable[str] | None) -> None:
        wanted = (
            dict(properties)
            if isinstance(properties, Mapping)
            else dict.fromkeys(properties or (), 1)
        )
        self._with_id = bool(wanted.get("_id", 1))
        only_id = wanted.pop("_id", 0) and not wanted
        if not all(isinstance(value, int) for value in wanted.values()):
            raise ValueError(f"projection operators are not supported: {properties}")
        modes = {bool(value) for value in wanted.values()}
        if len(modes) > 1:
            raise ValueError(f"a projection cannot both include and exclude fields: {properties}")
        self._include = bool(only_id) or modes == {True}
        self._tree = _tree(wanted)

    @property
    def fields(self) -> set[str] | None:
        """Names of the top-level fields that an answer can have; None for any."""
        return set(self._tree) if self._include else None

    def apply(self, document: dict[str, Any]) -> dict[str, Any]:
        """Return the document's part."""
        if not self._tree and not self._include and self._with_id:
            return document
        part = _projected(document, self._tree, self._include)
        if not self._with_id:
            part.pop("_id", None)
        elif "_id" in document:
            part["_id"] = document["_id"]
        return part


_Tree = dict[str, Any]


def _tree(names: Iterable[str]) -> _Tree:
    """Nest dotted names; an empty leaf stands for the whole value, which covers its parts."""
    tree: _Tree = {}
    for name in sorted(names, key=lambda name: name.count(".")):
        node: _Tree | None = tree
        *above, last = name.split(".")
        for part in above:
            node = node.setdefault(part, {}) if node is not None else None
            if node is not None and None in node:
                node = None
        if node is not None:
            node[last] = {None: None}
    return tree


def _projected(document: Mapping[str, Any], tree: _Tree, include: bool) -> dict[str, Any]:
    part: dict[str, Any] = {}
    for key, value in document.items():
        branch = tree.get(key)
        if branch is None:
            if not include:
                part[key] = value
        elif None in branch:
            if include:
                part[key] = value
        elif isinstance(value, Mapping):
            part[key] = _projected(value, branch, include)
        elif isinstance(value, list):
            part[key] = [
                _projected(item, branch, include) if isinstance(item, Mapping) else item
                for item in value
                if isinstance(item, Mapping) or not include
            ]
        elif not include:
            part[key] = value
    return part


def sort_order(sort: Mapping[str, Sort | int] | None) -> list[tuple[str, bool]]:
    """Return (field, descending) pairs, the most significant first."""
    return [
        (field, (order.value if isinstance(order, Sort) else order) < 0)
        for field, order in (sort or {}).items()
    ]
