"""Parts of a section of the report, and how numbers are written in it."""

from __future__ import annotations

import base64
import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import plotly.graph_objects as go
from markupsafe import Markup

from cuprolith.words import noun_of


@dataclass(frozen=True)
class Missing:
    """A stage that has not run, and the command that runs it."""

    what: str
    command: str


@dataclass(frozen=True)
class Figure:
    """A plotly figure and its caption."""

    name: str
    caption: str
    figure: go.Figure
    height: int = 340
    width: Literal["third", "half", "full"] = "half"

    @property
    def json(self) -> Markup:
        """The figure for a ``<script type="application/json">``; plotly escapes <, > and /."""
        return Markup(self.figure.to_json())


@dataclass(frozen=True)
class Image:
    """A PNG and its caption, across the page."""

    caption: str
    png: bytes

    @property
    def url(self) -> str:
        """The picture itself as a URL, so that the page needs no other file."""
        return "data:image/png;base64," + base64.b64encode(self.png).decode()


@dataclass(frozen=True)
class Table:
    """A table of texts; `numeric` columns are right-aligned."""

    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    numeric: Collection[int] = ()
    total: bool = False
    """Whether the last row sums up the others."""
    families: bool = False
    """Whether the first column names families, which have colours."""
    marks: Collection[int] = ()
    """Columns of cells that start with ✓ or ✗, which have colours, too."""


@dataclass
class Section:
    """One section: facts, tables and figures, or what is missing."""

    name: str
    title: str
    lead: str = ""
    missing: Missing | None = None
    facts: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    images: list[Image] = field(default_factory=list)
    details: list[tuple[str, str | Table]] = field(default_factory=list)
    """Long texts and tables that are shown on request, with their headings."""
    subsections: list[Section] = field(default_factory=list)
    """Sections with smaller headings, after all else; they have no subsections of their own."""


def count(value: Any, *, none: str = "–") -> str:
    """Write a whole number with narrow spaces between thousands."""
    return f"{value:,}".replace(",", "\u202f") if isinstance(value, int) else none


def plural(number: int, noun: str) -> str:
    """Write a number and its noun: ``1 frame``, ``2 frames``."""
    return f"{count(number)} {noun_of(number, noun)}"


def number(value: Any, digits: int = 3) -> str:
    """Write a number with significant digits; a dash for anything else.

    Numbers below 1e-9 are written "0": in eV and Å they are rounding errors.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return "–"
    if not math.isfinite(value):
        return "not finite"
    if abs(value) < 1e-9:
        return "0"
    mantissa, _, power = f"{value:.{digits - 1}e}".partition("e")
    exponent = int(power)
    if -4 <= exponent <= 6:
        text = f"{float(f'{mantissa}e{power}'):.{max(0, digits - 1 - exponent)}f}"
    else:
        text = f"{mantissa}e{exponent}"
    return text.replace("-", "−")


def duration(seconds: Any) -> str:
    """Write a time span: ``0.8 s``, ``42 s``, ``4 min 12 s``, ``2 h 05 min``."""
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or seconds < 0:
        return "–"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def span(values: Iterable[int]) -> str:
    """Write the range of some whole numbers: ``7`` or ``4–111``."""
    known = sorted(set(values))
    if not known:
        return "–"
    return count(known[0]) if len(known) == 1 else f"{count(known[0])}–{count(known[-1])}"


def value_text(value: Any) -> str:
    """Write any JSON value on one line: numbers as they are, lists with commas."""
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{key} {value_text(item)}" for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(value_text(item) for item in value)
    return str(value)


def cells(item: dict[str, Any], *keys: str) -> list[str]:
    """Write the values of some keys, one a cell."""
    return [value_text(item.get(key)) for key in keys]


def flat(mapping: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """List nested settings as (dotted key, value) pairs."""
    pairs: list[tuple[str, str]] = []
    for key, value in mapping.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict) and value:
            pairs += flat(value, f"{name}.")
        else:
            pairs.append((name, value_text(value)))
    return pairs
