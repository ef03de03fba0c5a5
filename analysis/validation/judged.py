"""The values of a validation, by property: with what the registry knows about each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from analysis.validation.property import PROPERTIES, Property
from analysis.validation.results import CurvePair, Validation, Value

GROUPS = ("crystals", "surfaces", "interfaces", "atoms", "dynamics")
OTHER = "other"
"""Group of properties that no installed package defines."""


@dataclass(frozen=True)
class JudgedProperty:
    """One property of a validation.

    Attributes
    ----------
    name
        As in ``validation.json``.
    values, curves
        In the order of the file; at least one of either.
    definition
        None where no installed package defines the property.
    """

    name: str
    values: tuple[Value, ...]
    curves: tuple[CurvePair, ...]
    definition: Property | None

    @property
    def title(self) -> str:
        """Heading; the name where there is no definition."""
        return self.name if self.definition is None else self.definition.title

    @property
    def noun(self) -> str:
        """Title as it stands inside a sentence."""
        title = self.title
        is_word = title[1:2].islower()  # E(V), NVE drift and g(r) stay as they are
        return title[:1].lower() + title[1:] if is_word else title

    @property
    def group(self) -> str:
        """One of `GROUPS`, or `OTHER`."""
        return OTHER if self.definition is None else self.definition.group

    @cached_property
    def judged(self) -> tuple[Value, ...]:
        """The values that passed or failed."""
        return tuple(value for value in self.values if value.passed is not None)

    @cached_property
    def failed(self) -> tuple[Value, ...]:
        """The values that failed, the worst first."""
        failed = (value for value in self.judged if not value.passed)
        return tuple(sorted(failed, key=_times_tolerance, reverse=True))

    @property
    def excess(self) -> float:
        """Largest error of a value that failed over its tolerance; 0 if none failed."""
        return _times_tolerance(self.failed[0]) if self.failed else 0.0

    @property
    def passed(self) -> bool:
        """Whether some values were judged, and all of them passed."""
        return bool(self.judged) and not self.failed

    @property
    def score(self) -> str:
        """How many values passed: ``12 of 13``; a dash where none was judged."""
        n_judged = len(self.judged)
        return f"{n_judged - len(self.failed)} of {n_judged}" if n_judged else "–"

    def relative_error(self, value: Value) -> float | None:
        """Return |error| / |reference|; None where the tolerance is an absolute one."""
        if value.error is None or not value.reference:
            return None
        if self.definition is not None:
            tolerance, size = self.definition.tolerance, abs(value.reference)
            if tolerance.relative * size <= tolerance.absolute:
                return None
        return abs(value.error / value.reference)


def judged_properties(validation: Validation) -> list[JudgedProperty]:
    """Return the properties of a validation: by group, then by name."""
    values: dict[str, list[Value]] = {}
    curves: dict[str, list[CurvePair]] = {}
    for value in validation.values:
        values.setdefault(value.property_name, []).append(value)
    for curve in validation.curves:
        curves.setdefault(curve.property_name, []).append(curve)
    found = [
        JudgedProperty(
            name=name,
            values=tuple(values.get(name, ())),
            curves=tuple(curves.get(name, ())),
            definition=PROPERTIES.entries.get(name),
        )
        for name in sorted({*values, *curves})
    ]
    order = (*GROUPS, OTHER)
    return sorted(found, key=lambda each: order.index(each.group))


def _times_tolerance(value: Value) -> float:
    """Size of an error in units of what is tolerated; infinite where there is no number."""
    if value.error is None or value.error != value.error:
        return float("inf")
    return abs(value.error) / value.tolerance if value.tolerance else float("inf")
