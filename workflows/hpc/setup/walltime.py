"""Wall times as people and schedulers write them."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BeforeValidator, Field, PlainSerializer

_CLOCK = re.compile(r"(?:(\d{1,3})-)?(\d{1,4}):([0-5]\d)(?::([0-5]\d))?")


def seconds(walltime: object) -> object:
    """Return the seconds of ``[days-]hours:minutes[:seconds]``.

    A number is taken as seconds: YAML reads an unquoted 24:00:00 as the number 86400.

    Raises
    ------
    ValueError
        If it is neither.
    """
    if not isinstance(walltime, str):
        return walltime
    found = _CLOCK.fullmatch(walltime.strip())
    if found is None:
        raise ValueError("write hours:minutes:seconds such as 24:00:00, or days-hours:minutes")
    days, hours, minutes, rest = (int(part or 0) for part in found.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + rest


def clock(walltime: int) -> str:
    """Return hours:minutes:seconds, which every scheduler reads."""
    minutes, rest = divmod(walltime, 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest:02d}"


Walltime = Annotated[
    int,
    Field(ge=60, le=10_000_000),
    BeforeValidator(seconds),
    PlainSerializer(clock, return_type=str, when_used="json"),
]
"""Seconds; given and saved as hours:minutes:seconds."""
