"""The potential's number beside what it should be."""

from __future__ import annotations

import math
from collections.abc import Iterator

from analysis.validation.measured import Outcome
from analysis.validation.property import Case, Compared, Property
from analysis.validation.results import CurvePair, Value

EXACT = "exact"
MISSING = "missing"


def compared_values(
    asked: Property, case: Case, potential: Outcome, reference: Outcome | None, source: str
) -> Iterator[Value]:
    """Yield the values of one case.

    Parameters
    ----------
    reference
        None if the property is exact, or no source has one.
    source
        Of the reference.
    """
    if potential.status != "measured":
        # What breaks down does not pass; what cannot be asked is not judged.
        failed = potential.status == "failed"
        yield _value(asked, case, "", passed=False if failed else None, note=potential.reason,
                     source=source)  # fmt: skip
        return
    if asked.exact is not None:
        for quantity, value in potential.values.items():
            found = Compared(quantity, value, asked.exact)
            yield _compared(asked, case, found, EXACT, potential.notes)
        return
    if reference is None or reference.status != "measured":
        note = "no reference" if reference is None else f"no reference: {reference.reason}"
        for quantity, value in potential.values.items():
            yield _value(asked, case, quantity, value=value, source=MISSING,
                         note="; ".join([note, *potential.notes]))  # fmt: skip
        return
    notes = potential.notes + [f"{source}: {note}" for note in reference.notes]
    for found in asked.compare(potential.measurement, reference.measurement):
        yield _compared(asked, case, found, source, notes)


def curve_pairs(
    asked: Property, case: Case, potential: Outcome, reference: Outcome | None, source: str
) -> Iterator[CurvePair]:
    """Yield the potential's curves, with the reference's of the same name where there is one."""
    if asked.figure != "curves":
        return
    others = {} if reference is None else reference.curves
    for name, (x, y) in potential.curves.items():
        reference_x, reference_y = others.get(name, ([], []))
        yield CurvePair(
            property_name=asked.name,
            case=case.name,
            name=name,
            source=source if name in others else MISSING,
            x=x,
            y=y,
            reference_x=reference_x,
            reference_y=reference_y,
        )


def _compared(asked: Property, case: Case, found: Compared, source: str, notes: list[str]) -> Value:
    tolerance = asked.tolerance.of(found.reference)
    return _value(
        asked,
        case,
        found.quantity,
        value=found.value,
        reference=found.reference,
        tolerance=tolerance if math.isfinite(tolerance) else None,
        passed=asked.passes(found.value, found.reference),
        source=source,
        note="; ".join(notes),
    )


def _value(
    asked: Property,
    case: Case,
    quantity: str,
    *,
    source: str,
    value: float | None = None,
    reference: float | None = None,
    tolerance: float | None = None,
    passed: bool | None = None,
    note: str = "",
) -> Value:
    return Value(
        property_name=asked.name,
        case=case.name,
        quantity=quantity,
        unit=asked.unit,
        value=value,
        reference=reference,
        error=None if value is None or reference is None else value - reference,
        tolerance=tolerance,
        passed=passed,
        source=source,
        note=note,
    )
