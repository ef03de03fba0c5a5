"""Measure properties of a potential and of its references, and compare them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from analysis.validation.comparison import EXACT, MISSING, compared_values, curve_pairs
from analysis.validation.material import Material
from analysis.validation.measured import MeasuredCases, Outcome, unmet_requirement
from analysis.validation.property import PROPERTIES, Case, Property
from analysis.validation.results import CurvePair, Value
from analysis.validation.source import Source
from cuprolith.errors import CuprolithError


@dataclass(frozen=True)
class Question:
    """One case of one property."""

    asked: Property
    case: Case

    def __str__(self) -> str:
        """Property and case, for progress."""
        return f"{self.asked.title.lower()} of {self.case.name}"


@dataclass(frozen=True)
class Answer:
    """Everything about one case, compared."""

    values: list[Value]
    curves: list[CurvePair]
    seconds: float


def chosen_properties(names: Iterable[str] | None) -> list[Property]:
    """Return properties by name, all of them for None; in the order of names.

    Raises
    ------
    CuprolithError
        If there is no property of a name.
    """
    if names is None:
        return list(PROPERTIES)
    return [PROPERTIES[name] for name in dict.fromkeys(names)]


def questions(properties: Iterable[Property], material: Material) -> list[Question]:
    """List all cases of some properties; nothing is computed."""
    return [
        Question(asked, case)
        for asked in properties
        if not unmet_requirement(asked)
        for case in asked.cases(material)
    ]


def unasked(properties: Iterable[Property], material: Material) -> Iterator[Value]:
    """Yield a value without number for each property that cannot be asked here."""
    for asked in properties:
        if note := unmet_requirement(asked):
            cases = list(asked.cases(material))
            for case in cases[:1]:
                yield Value(
                    property_name=asked.name, case=case.name, quantity="", unit=asked.unit,
                    value=None, reference=None, error=None, tolerance=None, passed=None,
                    source=MISSING, note=note,
                )  # fmt: skip


def answer(
    question: Question, potential: Source, references: Sequence[Source], measured: MeasuredCases
) -> Answer:
    """Measure one case with the potential and the first reference that can answer; compare.

    Parameters
    ----------
    references
        Those to ask, in this order; none where nothing is known.
    """
    asked, case = question.asked, question.case
    mine = measured.measure(asked, case, potential)
    theirs, source = _reference(question, references, measured, mine)
    seconds = mine.seconds + (theirs.seconds if theirs is not None else 0)
    return Answer(
        values=list(compared_values(asked, case, mine, theirs, source)),
        curves=list(curve_pairs(asked, case, mine, theirs, source)),
        seconds=seconds,
    )


def _reference(
    question: Question, references: Sequence[Source], measured: MeasuredCases, mine: Outcome
) -> tuple[Outcome | None, str]:
    """Return the reference of a case and its source; none where it is not needed."""
    if question.asked.exact is not None:
        return None, EXACT
    if mine.status == "missing":
        return None, MISSING
    found: Outcome | None = None
    for reference in references:
        found = measured.measure(question.asked, question.case, reference)
        if found.status == "measured":
            return found, reference.name
    return found, MISSING


def forecast(left: Iterable[Question], seconds_per_atom: Callable[[Property], float]) -> float:
    """Estimate the seconds that some cases take.

    Parameters
    ----------
    seconds_per_atom
        Cost of one evaluation, s/atom, by property: the potential's, and the engine's where that
        must compute.
    """
    return sum(each.case.atom_steps * seconds_per_atom(each.asked) for each in left)


def require_cases(found: Sequence[Question], properties: Sequence[Property]) -> None:
    """Refuse a validation of nothing.

    Raises
    ------
    CuprolithError
        If no property has a case.
    """
    if not found:
        names = ", ".join(each.name for each in properties)
        raise CuprolithError(
            f"there is nothing to validate: no case of {names or 'no property'}",
            remedy="name other properties with --properties, or give a campaign with crystals",
        )
