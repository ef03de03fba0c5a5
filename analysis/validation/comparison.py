"""Compare what a potential gives with what its reference gives, whatever went wrong with either."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from analysis.validation.property import Compared, Measurement, Property, compare_values
from analysis.validation.results import CurvePair, Value

MISSING = "missing"
EXACT = "exact"


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came of measuring one case with one source.

    Attributes
    ----------
    source
        Its name; ``exact`` or ``missing`` where no source was measured.
    measurement
        None where there is none; `reason` then says why.
    failed
        Whether the measurement ended in an error; a source that cannot answer has not failed.
    seconds
        Time it took, now or when it was stored.
    """

    source: str
    measurement: Measurement | None = None
    reason: str = ""
    failed: bool = False
    seconds: float = 0.0


def exact_reference(entry: Property, potential: Measurement) -> Outcome:
    """Return what physics says each value of a measurement must be."""
    assert entry.exact is not None
    return Outcome(EXACT, Measurement(dict.fromkeys(potential.values, entry.exact)))


def compared_values(
    entry: Property, case: str, potential: Outcome, reference: Outcome
) -> list[Value]:
    """Return the numbers of one case beside their references.

    Parameters
    ----------
    potential
        If it has failed, its values have not passed.
    reference
        If there is none, nothing is said about the values.
    """
    row = _Rows(entry, case)
    notes = _notes(potential, reference)
    given, expected = potential.measurement, reference.measurement
    if given is None:
        quantities = expected.values if expected is not None else ()
        source = reference.source if potential.failed else MISSING
        passed = False if potential.failed else None
        return [
            row.missing(quantity, source, notes, passed=passed) for quantity in quantities or ("",)
        ]
    if expected is None:
        return [
            row.missing(quantity, MISSING, notes, value=given.values.get(quantity))
            for quantity in given.values or ("",)
        ]
    try:
        pairs = list(entry.compare(given, expected))
    except Exception as error:  # noqa: BLE001  (one property must not end the validation)
        return [row.missing("", reference.source, [*notes, error_line(error)], passed=False)]
    found = [row.compared(pair, reference.source, notes) for pair in pairs]
    if entry.compare is compare_values:
        found += _without_partner(row, given, expected, reference.source, notes)
    return found or [row.missing("", MISSING, [*notes, "nothing to compare"])]


def compared_curves(
    entry: Property, case: str, potential: Outcome, reference: Outcome
) -> list[CurvePair]:
    """Return the curves of one case, with those of the reference of the same name."""
    if potential.measurement is None:
        return []
    others = reference.measurement.curves if reference.measurement is not None else {}
    pairs = []
    for name, curve in potential.measurement.curves.items():
        other = others.get(name)
        pairs.append(
            CurvePair(
                property_name=entry.name,
                case=case,
                name=name,
                source=reference.source if other is not None else MISSING,
                x=curve.x.tolist(),
                y=curve.y.tolist(),
                reference_x=[] if other is None else other.x.tolist(),
                reference_y=[] if other is None else other.y.tolist(),
            )
        )
    return pairs


@dataclass(frozen=True)
class _Rows:
    """Makes the values of one case."""

    entry: Property
    case: str

    def compared(self, pair: Compared, source: str, notes: Iterable[str]) -> Value:
        known = math.isfinite(pair.reference)
        finite = math.isfinite(pair.value)
        notes = [*notes, *_not_numbers(potential=finite, reference=known)]
        return self._value(
            pair.quantity,
            value=pair.value,
            reference=pair.reference,
            error=pair.value - pair.reference,
            tolerance=self.entry.allowed(pair.reference, pair.uncertainty) if known else None,
            passed=self.entry.passes(pair.value, pair.reference, pair.uncertainty)
            if known
            else None,
            source=source,
            notes=notes,
            uncertainty=pair.uncertainty or None,
        )

    def missing(
        self,
        quantity: str,
        source: str,
        notes: Iterable[str],
        *,
        value: float | None = None,
        reference: float | None = None,
        passed: bool | None = None,
    ) -> Value:
        return self._value(quantity, value, reference, None, None, passed, source, notes)

    def _value(
        self,
        quantity: str,
        value: float | None,
        reference: float | None,
        error: float | None,
        tolerance: float | None,
        passed: bool | None,
        source: str,
        notes: Iterable[str],
        uncertainty: float | None = None,
    ) -> Value:
        return Value(
            property_name=self.entry.name,
            case=self.case,
            quantity=quantity,
            unit=self.entry.unit,
            value=value,
            reference=reference,
            error=error,
            tolerance=tolerance,
            passed=passed,
            source=source,
            uncertainty=uncertainty,
            note="; ".join(dict.fromkeys(filter(None, notes))),
        )


def _without_partner(
    row: _Rows, given: Measurement, expected: Measurement, source: str, notes: list[str]
) -> list[Value]:
    """Return what only one of the two has: what the potential should give, it must give."""
    lost = [
        row.missing(
            name, source, [*notes, "the potential gives none"], reference=number, passed=False
        )
        for name, number in expected.values.items()
        if name not in given.values
    ]
    return lost + [
        row.missing(name, MISSING, [*notes, "the reference gives none"], value=number)
        for name, number in given.values.items()
        if name not in expected.values
    ]


def _notes(potential: Outcome, reference: Outcome) -> list[str]:
    notes = list(potential.measurement.notes) if potential.measurement is not None else []
    notes.append(potential.reason)
    if reference.measurement is not None:
        notes += [f"{reference.source}: {note}" for note in reference.measurement.notes]
    notes.append(reference.reason)
    return [note for note in notes if note]


def _not_numbers(*, potential: bool, reference: bool) -> list[str]:
    notes = [] if potential else ["the value is not a number"]
    return notes if reference else [*notes, "the reference is not a number"]


def error_line(error: Exception) -> str:
    """Return the kind of an error and its message."""
    return f"{type(error).__name__}: {error}"
