"""How long the measurements take that are left."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field


@dataclass
class Forecast:
    """Seconds that are left, from the cost of cases and the speed of sources so far.

    Attributes
    ----------
    left
        Atom steps (`Case.atom_steps`) that are left, by the name of the source.
    """

    left: dict[str, float]
    _done: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    _seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))

    def finished(self, source: str, atom_steps: float, seconds: float) -> None:
        """Learn from one measurement."""
        self.left[source] -= atom_steps
        self._done[source] += atom_steps
        self._seconds[source] += seconds

    @property
    def seconds(self) -> float | None:
        """Seconds left; None as long as a source that is needed was not measured yet."""
        total = 0.0
        for source, atom_steps in self.left.items():
            if atom_steps <= 0:
                continue
            if not self._done[source]:
                return None
            total += atom_steps * self._seconds[source] / self._done[source]
        return total

    def __str__(self) -> str:
        """In words: ``about 40 s left``."""
        seconds = self.seconds
        if seconds is None:
            return ""
        if seconds < 90:
            return f"about {seconds:.0f} s left"
        return f"about {seconds / 60:.0f} min left"
