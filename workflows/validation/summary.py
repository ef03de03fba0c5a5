"""What a command says about a validation."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from analysis.validation.property import PROPERTIES
from analysis.validation.results import Validation, Value


@dataclass(frozen=True)
class ValidationSummary:
    """A validation, and the file that it was written to."""

    validation: Validation
    path: Path

    def __str__(self) -> str:
        """How many values pass, and which properties do not."""
        values = self.validation.values
        judged = [value for value in values if value.passed is not None]
        passed = sum(bool(value.passed) for value in judged)
        lines = [f"{passed} of {len(judged)} values pass"]
        failed = Counter(value.property_name for value in judged if not value.passed)
        total = Counter(value.property_name for value in judged)
        if failed:
            parts = [f"{name} {number} of {total[name]}" for name, number in failed.items()]
            lines.append(f"fail: {', '.join(parts)}")
        missing = Counter(value.property_name for value in values if value.passed is None)
        if missing:
            parts = [f"{name} {number}" for name, number in missing.items()]
            lines.append(f"nothing to compare with: {', '.join(parts)}")
        return "\n  ".join(lines)

    def table(self) -> Table:
        """Return a row per property: how many pass, and the value that is farthest off."""
        table = Table("property", "pass", "worst", "value", "reference", "source", box=None)
        for name in dict.fromkeys(value.property_name for value in self.validation.values):
            values = list(self.validation.of(name))
            judged = [value for value in values if value.passed is not None]
            passed = sum(bool(value.passed) for value in judged)
            worst = max(judged or values, key=_excess)
            title = PROPERTIES[name].title if name in PROPERTIES else name
            table.add_row(
                title,
                f"{passed}/{len(judged)}",
                worst.label,
                _number(worst.value, worst.unit),
                _number(worst.reference, worst.unit),
                worst.source,
            )
        return table


def _excess(value: Value) -> float:
    """Error in units of the tolerance; what has no number is worst if it has not passed."""
    if value.error is None or value.error != value.error:
        return float("inf") if value.passed is False else -1.0
    if not value.tolerance:
        return float("inf") if value.passed is False else 0.0
    return abs(value.error) / value.tolerance


def _number(number: float | None, unit: str) -> str:
    return "–" if number is None else f"{number:.4g} {unit}".strip()
