"""The comment line of an extended-XYZ frame: ``key=value`` pairs that every reader understands.

Readers turn values that look like numbers or logicals into such: ``"3 2 2"`` becomes an array,
``0012`` becomes 12, and after an empty value ASE (3.29) swallows the next key. A text at risk is
therefore written as ASE's ``_JSON`` value, which ASE reads as the text itself; readers
that do not know ``_JSON`` return a text that starts with it. Lines are pure ASCII.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any

_WORD = r"[A-Za-z][A-Za-z0-9_.:/+|<>()-]*"
_BARE = re.compile(r"[A-Za-z][A-Za-z0-9_.:/+-]*")
_PLAIN = re.compile(rf"({_WORD})(?: [A-Za-z0-9_.:/+|<>();-]+)*")
_READ_AS_VALUE = frozenset({"t", "f", "true", "false", "nan", "inf", "infinity"})
_JSON_PREFIX = "_JSON "
_PAIR = re.compile(r'([A-Za-z_][A-Za-z0-9_]*)=(?:"([^"\\]*(?:\\.[^"\\]*)*)"|([^\s"]+))(?:\s+|$)')
_ESCAPED = re.compile(r"\\(.)")


@lru_cache(maxsize=1024)  # the frames of a trajectory share their texts
def encode_text(text: str) -> str:
    """Return the value part of ``key=value`` that readers return as a text.

    Parameters
    ----------
    text
        Any text; empty, numeric, with blanks, quotes, line breaks or non-ASCII letters.
    """
    plain = _PLAIN.fullmatch(text)
    if plain and plain.group(1).lower() not in _READ_AS_VALUE:
        return text if _BARE.fullmatch(text) else f'"{text}"'
    return encode_json(text)


def encode_json(value: Any) -> str:
    """Return the value part of ``key=value`` that ASE reads as the JSON value `value`."""
    escaped = json.dumps(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{_JSON_PREFIX}{escaped}"'


@lru_cache(maxsize=1024)
def decode_text(value: str) -> str:
    """Return the text that :func:`encode_text` encoded, given its unquoted value.

    Raises
    ------
    ValueError
        If the value claims to be JSON and is not a JSON string.
    """
    if not value.startswith(_JSON_PREFIX):
        return value
    text = json.loads(value.removeprefix(_JSON_PREFIX))
    if not isinstance(text, str):
        raise ValueError(f"expected a JSON string, found {value!r}")
    return text


def parse_comment(line: str) -> dict[str, str]:
    """Return the keys of a comment line with their unquoted, unescaped values.

    Raises
    ------
    ValueError
        If the line is not a sequence of ``key=value`` pairs, or a key comes twice.
    """
    pairs: dict[str, str] = {}
    line = line.strip()
    end = 0
    for match in _PAIR.finditer(line):
        if match.start() != end:
            break
        key, quoted, bare = match.groups()
        if key in pairs:
            raise ValueError(f"key {key!r} comes twice")
        if quoted is not None:
            bare = _ESCAPED.sub(r"\1", quoted) if "\\" in quoted else quoted
        pairs[key] = bare
        end = match.end()
    if end != len(line):
        raise ValueError(f"expected key=value at {line[end : end + 30]!r}")
    return pairs
