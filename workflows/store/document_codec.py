"""Documents as bytes: JSON with a checksum, compressed when large, exact for every float."""

from __future__ import annotations

import math
import zlib
from typing import Any

import orjson
from bson import json_util
from monty.json import jsanitize

_COMPRESSED = 1
_EXTENDED = 2
# Ends in the collection's name, its length (1 byte) and a checksum (4); not in schema version 1.
_CHECKED = 4
_CHECKSUM = 4

# Below a fraction of a database page, compression saves nothing.
_COMPRESS_ABOVE = 1024
# Digits of floats hardly compress better at higher levels: 1.8 MB of forces take 28 ms and become
# 49 % at level 1, 210 ms and 46 % at level 6.
_LEVEL = 1

_PLAIN_ONLY = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS
_EXTENDED_OPTIONS = json_util.JSONOptions(
    json_mode=json_util.JSONMode.RELAXED, tz_aware=False, tzinfo=None
)


class DamagedDocumentError(ValueError):
    """The bytes of a document are not those that were written."""


def encode_document(document: dict[str, Any], collection: str) -> tuple[int, bytes]:
    """Return the encoding flags and the bytes of a document.

    They tell whether they are whole and, in a file whose tables are lost, of which collection.

    Plain JSON where it is exact. Documents with dates, bytes, NaN or infinities become MongoDB
    Extended JSON v2 (relaxed), which keeps them; dates are kept to the millisecond, in UTC, as in
    MongoDB.
    """
    flags = _CHECKED
    data = _plain_json(document)
    if data is None:
        flags |= _EXTENDED
        plain = jsanitize(document, allow_bson=True, recursive_msonable=True)
        data = json_util.dumps(plain, json_options=_EXTENDED_OPTIONS).encode("ascii")
    if len(data) > _COMPRESS_ABOVE:
        compressed = zlib.compress(data, _LEVEL)
        if len(compressed) < len(data):
            flags, data = flags | _COMPRESSED, compressed
    name = collection.encode("ascii")
    content = data + name + bytes([len(name)])
    return flags, content + _checksum(flags, content)


def decode_document(flags: int, data: bytes) -> dict[str, Any]:
    """Invert :func:`encode_document`.

    Raises
    ------
    DamagedDocumentError
        If these are not the bytes it gave.
    """
    try:
        data, _ = _parts(flags, data)
        if flags & _COMPRESSED:
            data = zlib.decompress(data)
        if flags & _EXTENDED:
            return dict(json_util.loads(data.decode("ascii"), json_options=_EXTENDED_OPTIONS))
        return dict(orjson.loads(data))
    except (ValueError, TypeError, zlib.error) as error:
        raise DamagedDocumentError(str(error)) from error


def is_whole(flags: int, data: bytes) -> bool:
    """Tell whether these are the bytes that :func:`encode_document` gave; quicker than decoding."""
    try:
        if isinstance(flags, int) and flags & _CHECKED:
            collection_of(flags, data)
        else:
            decode_document(flags, data)
    except DamagedDocumentError:
        return False
    return True


def collection_of(flags: int, data: bytes) -> str:
    """Return the name of the collection of a document; empty where an earlier version wrote it.

    Raises
    ------
    DamagedDocumentError
        If these are not the bytes that were written.
    """
    try:
        return _parts(flags, data)[1]
    except (ValueError, TypeError) as error:
        raise DamagedDocumentError(str(error)) from error


def _parts(flags: int, data: bytes) -> tuple[bytes, str]:
    """Return the encoded document and the name of its collection."""
    if not flags & _CHECKED:
        return data, ""
    content, checksum = data[:-_CHECKSUM], data[-_CHECKSUM:]
    if checksum != _checksum(flags, content):
        raise ValueError("the checksum differs")
    end = len(content) - 1
    start = end - content[end]
    return content[:start], content[start:end].decode("ascii")


def _checksum(flags: int, data: bytes) -> bytes:
    return zlib.crc32(data, flags).to_bytes(_CHECKSUM, "big")


def _plain_json(document: dict[str, Any]) -> bytes | None:
    """Return JSON, or None where JSON would not give the same document back."""
    try:
        data = orjson.dumps(document, option=_PLAIN_ONLY)
    except TypeError:  # dates, bytes, NumPy, MSONable objects, keys that are not strings, ...
        return None
    # orjson writes NaN and infinities as null
    if b"null" in data and _has_non_finite(document):
        return None
    return data


def _has_non_finite(value: Any) -> bool:
    if isinstance(value, float):
        return not math.isfinite(value)
    if isinstance(value, dict):
        return any(map(_has_non_finite, value.values()))
    if isinstance(value, list | tuple):
        return any(map(_has_non_finite, value))
    return False
