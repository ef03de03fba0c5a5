"""Time between the end of a job and the begin of the next one in its place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Span:
    """When a job ran.

    Attributes
    ----------
    place
        What it ran in beside others.
    """

    place: str
    start: datetime
    end: datetime


def dead_times(spans: Iterable[Span]) -> list[float]:
    """Seconds between jobs that followed each other, each behind the one that ended last."""
    gaps = []
    ended: dict[str, list[datetime]] = {}
    for span in sorted(spans, key=lambda each: each.start):
        ends = ended.setdefault(span.place, [])
        before = [end for end in ends if end <= span.start]
        if before:
            gaps.append((span.start - max(before)).total_seconds())
            ends.remove(max(before))
        ends.append(span.end)
    return gaps
