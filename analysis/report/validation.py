"""Section *Physics*: what the potential says of crystals, surfaces and dynamics, and what is so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from analysis.report.content import Missing, Section, Table, count, duration, number, plural
from analysis.report.inputs import Inputs
from analysis.report.property_figures import property_figures
from analysis.validation.judged import GROUPS, OTHER, JudgedProperty, judged_properties
from analysis.validation.results import Validation, Value
from analysis.validation.verdict import error_text

PASSED, FAILED, OPEN = "✓ passed", "✗ failed", "not judged"

_ROWS_SHOWN = 24
_ROWS_IN_DETAILS = 500
_HEADER = (
    "property",
    "case",
    "value",
    "reference",
    "error",
    "tolerance",
    "result",
    "reference from",
)
_NUMERIC, _MARK = range(2, 6), 6
_VISIBLE = 0.005  # share of the reference from which its uncertainty is shown


def physics_section(inputs: Inputs, shown: str, command: str) -> Section:
    """Make the section.

    Parameters
    ----------
    shown
        Variant whose values are shown, if it was validated; all others are counted beside it.
    command
        What validates.
    """
    section = Section("physics", "Physics")
    section.notes = [
        f"{training.variant} was trained again after its physics was judged: validate again."
        for training in inputs.trainings
        if training.outdated_validation
    ]
    validations = _all_validations(inputs)
    if not validations:
        section.missing = Missing("The potential has not been judged by physics yet.", command)
        return section
    section.lead = (
        "The same measurement with the potential and with its reference: what the campaign has "
        "labelled, else its engine. “exact” is what physics demands of every potential."
    )
    name = shown if shown in validations else next(iter(validations))
    properties = judged_properties(validations[name])
    section.facts = _facts(name, validations[name], properties)
    section.subsections = [
        _group_section(group, found)
        for group in (*GROUPS, OTHER)
        if (found := [each for each in properties if each.group == group])
    ]
    if len(validations) > 1:
        section.tables = [_comparison(validations)]
    return section


def _all_validations(inputs: Inputs) -> dict[str, Validation]:
    """Return those of trained variants, then others; a name that both have names the others'."""
    trained = inputs.validations
    others = {
        f"validations/{name}" if name in trained else name: validation
        for name, validation in inputs.further_validations.items()
    }
    return {**trained, **others}


def physics_fact(validation: Validation | None) -> str:
    """One line for the summary."""
    if validation is None:
        return ""
    judged = [each for each in judged_properties(validation) if each.judged]
    return f"{sum(each.passed for each in judged)} of {plural(len(judged), 'property')} passed"


def _facts(
    name: str, validation: Validation, properties: Sequence[JudgedProperty]
) -> list[tuple[str, str]]:
    judged = [value for each in properties for value in each.judged]
    open_values = sum(len(each.values) for each in properties) - len(judged)
    return [
        ("potential", f"{name}, {validation.potential}"),
        ("compared with", validation.against),
        ("properties passed", physics_fact(validation).replace(" passed", "")),
        ("values passed", f"{count(sum(bool(v.passed) for v in judged))} of {count(len(judged))}"),
        ("values not judged", count(open_values)),
        ("time of measuring", duration(validation.seconds)),
    ]


def _group_section(group: str, properties: Sequence[JudgedProperty]) -> Section:
    title = "Other properties" if group == OTHER else group.capitalize()
    section = Section(f"physics-{group}", title)
    section.figures = [figure for each in properties for figure in property_figures(each)]
    values = [(each, value) for each in properties for value in each.values]
    if len(values) <= _ROWS_SHOWN:
        section.tables = [_value_table(f"{title}: all values", values)]
        section.details = _methods(title, properties)
        return section
    section.tables = [_summary(title, properties)]
    if failed := [(each, value) for each in properties for value in each.failed]:
        caption = f"{title}: values outside their tolerance, the worst of each property first"
        section.tables.append(_value_table(caption, failed, _ROWS_SHOWN))
    section.details = [
        (f"{title}: all {count(len(values))} values",
         _value_table(f"{title}: all values", values, _ROWS_IN_DETAILS)),
        *_methods(title, properties),
    ]  # fmt: skip
    return section


def _methods(title: str, properties: Sequence[JudgedProperty]) -> list[tuple[str, str | Table]]:
    """Return how each property is measured, as far as it is known."""
    rows = [[each.title, each.definition.about] for each in properties if each.definition]
    heading = f"{title}: how each property is measured"
    return [(heading, Table(heading, ("property", "how"), rows))] if rows else []


def _value_table(
    caption: str, values: Sequence[tuple[JudgedProperty, Value]], most: int = _ROWS_IN_DETAILS
) -> Table:
    if len(values) > most:
        caption += f" (the first {count(most)} of {count(len(values))}; all are in validation.json)"
    shown = values[:most]
    noted = any(value.note for _, value in shown)
    rows = [[*_cells(each, value), *([value.note] if noted else [])] for each, value in shown]
    header = [*_HEADER, *(["note"] if noted else [])]
    return Table(caption, header, rows, _NUMERIC, marks={_MARK})


def _cells(each: JudgedProperty, value: Value) -> list[str]:
    relative = each.relative_error(value)
    error = number(value.error)
    if relative is not None:
        error += f" ({error_text(each, value)})"
    unit = f", {value.unit}" if value.unit else ""
    return [
        f"{each.title}{unit}",
        value.label,
        number(value.value, 4),
        _reference(value),
        error,
        number(value.tolerance, 2),
        OPEN if value.passed is None else PASSED if value.passed else FAILED,
        value.source,
    ]


def _reference(value: Value) -> str:
    text = number(value.reference, 4)
    if value.reference is None or not value.uncertainty:
        return text
    visible = value.uncertainty > _VISIBLE * abs(value.reference)
    return f"{text} ± {number(value.uncertainty, 2)}" if visible else text


def _summary(title: str, properties: Sequence[JudgedProperty]) -> Table:
    rows = []
    for each in properties:
        mark = OPEN if not each.judged else PASSED if each.passed else FAILED
        worst = each.failed[0] if each.failed else None
        detail = f"{worst.label}: {error_text(each, worst)}" if worst else "–"
        rows.append([each.title, each.score, mark, detail])
    header = ("property", "values passed", "result", "worst failure")
    return Table(f"{title}: summary", header, rows, {1}, marks={2})


def _comparison(validations: Mapping[str, Validation]) -> Table:
    """Count the passes of all potentials, one a column."""
    found = {
        potential: {each.name: each for each in judged_properties(validation)}
        for potential, validation in validations.items()
    }
    titles = {name: each.title for known in found.values() for name, each in known.items()}
    rows = [
        [title, *(_score(known.get(name)) for known in found.values())]
        for name, title in titles.items()
    ]
    columns = range(1, len(found) + 1)
    caption = "All validated potentials: values passed"
    return Table(caption, ("property", *found), rows, columns, marks=set(columns))


def _score(each: JudgedProperty | None) -> str:
    if each is None or not each.judged:
        return "–"
    return f"{'✓' if each.passed else '✗'} {each.score}"
