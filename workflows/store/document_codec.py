"""Documents as bytes: JSON, compressed when large, exact for every float."""

from __future__ import annotations

import math
import zlib
from typing import Any

import orjson
from bson import json_util
from monty.json import jsanitize

_COMPRESSED = 1
_EXTENDED = 2

# Below a fraction of a database page, compression saves nothing.
_COMPRESS_ABOVE = 1024
# Digits of floats hardly compress better at higher levels: 1.8 MB of forces take 28 ms and become
# 49 % at level 1, 210 ms and 46 % at level 6.
_LEVEL = 1

_PLAIN_ONLY = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS
_EXTENDED_OPTIONS = json_util.JSONOptions(
    json_mode=json_util.JSONMode.RELAXED, tz_aware=False, tzinfo=None
)


def encode_document(document: dict[str, Any]) -> tuple[int, bytes]:
    """Return the encoding flags and the bytes of a document.

    Plain JSON where it is exact. Documents with dates, bytes, NaN or infinities become MongoDB
    Extended JSON v2 (relaxed), which keeps them; dates are kept to the millisecond, in UTC, as in
    MongoDB.
    """
    flags = 0
    data = _plain_json(document)
    if data is None:
        flags |= _EXTENDED
        plain = jsanitize(document, allow_bson=True, recursive_msonable=True)
        data = json_util.dumps(plain, json_options=_EXTENDED_OPTIONS).encode("ascii")
    if len(data) > _COMPRESS_ABOVE:
        compressed = zlib.compress(data, _LEVEL)
        if len(compressed) < len(data):
            return flags | _COMPRESSED, compressed
    return flags, data


def decode_document(flags: int, data: bytes) -> dict[str, Any]:
    """Invert :func:`encode_document`."""
    if flags & _COMPRESSED:
        data = zlib.decompress(data)
    if flags & _EXTENDED:
        document = json_util.loads(data.decode("ascii"), json_options=_EXTENDED_OPTIONS)
    else:
        document = orjson.loads(data)
    return dict(document)


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
