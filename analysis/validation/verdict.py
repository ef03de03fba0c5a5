"""What a potential is fit for, and what it is not: one sentence each.

A good average never makes a good verdict: a family of structures, or an element in one, whose
errors are no smaller than those of a baseline is named first.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from analysis.evaluation import UNSEEN_SPLITS, ElementErrors, Errors, Evaluation, GroupErrors
from analysis.validation.judged import JudgedProperty, judged_properties
from analysis.validation.results import Validation, Value
from cuprolith.words import listed, plural

_CASES_NAMED = 3
_ITEMS_NAMED = 6
_HEADLINE_NAMES = 3


@dataclass(frozen=True)
class Behind:
    """Errors that are no smaller than those of a baseline.

    Attributes
    ----------
    what
        ``forces``, ``energies`` or ``stresses``.
    where
        Family, or element and family: ``adatom``, ``Li in slab``.
    text
        Both errors, in words.
    """

    what: str
    where: str
    text: str

    def __str__(self) -> str:
        """Return what is behind, where, and both errors."""
        return f"{self.what} of {self.where} ({self.text})"


@dataclass(frozen=True)
class PotentialVerdict:
    """What a potential is fit for.

    Attributes
    ----------
    kind
        ``good``: everything that was judged is right. ``bad``: something is not. ``open``: its
        physics was not judged, and nothing else speaks against it.
    headline
        In a few words.
    fit, unfit, unknown
        One sentence each; "" where there is nothing to say.
    n_wrong
        Groups behind a baseline, properties that failed and models that are better, together.
    """

    kind: Literal["good", "bad", "open"]
    headline: str
    fit: str
    unfit: str
    unknown: str
    n_wrong: int

    @property
    def text(self) -> str:
        """The sentences, one after another."""
        return " ".join(filter(None, (self.unfit, self.fit, self.unknown)))


def judge(
    validation: Validation | None,
    evaluation: Evaluation | None,
    *,
    beaten_by: Sequence[str] = (),
) -> PotentialVerdict:
    """Say what a potential is fit for.

    Parameters
    ----------
    validation
        None where its physics was not measured.
    evaluation
        None where it has predicted nothing.
    beaten_by
        Models fitted to the same frames that it does not beat, such as "the kernel baseline
        (force MAE 12 against 9 meV/Å)"; the headline leaves out what is in brackets.
    """
    behind = list(groups_behind(evaluation)) if evaluation is not None else []
    properties = judged_properties(validation) if validation is not None else []
    judged = [each for each in properties if each.judged]
    failed = sorted((each for each in judged if each.failed), key=lambda each: -each.excess)
    n_wrong = len(behind) + len(failed) + len(beaten_by)
    return PotentialVerdict(
        kind="bad" if n_wrong else "good" if judged else "open",
        headline=_in_words(_headline(behind, failed, judged, beaten_by)),
        fit=_in_words(_fit(judged, behind, evaluation)),
        unfit=_in_words(_unfit(behind, failed, beaten_by)),
        unknown=_in_words(_unknown(properties, evaluation)),
        n_wrong=n_wrong,
    )


def _in_words(text: str) -> str:
    """Write the names of families and sites as words: ``isolated_atom``, ``on_top``."""
    return text.replace("_", " ")


def groups_behind(evaluation: Evaluation) -> Iterator[Behind]:
    """Yield what is behind a baseline on frames that were not trained on.

    Families come before the elements in them; an element is left out where its whole family is
    named. What is behind on test is not named again for val.
    """
    named: set[tuple[str, str]] = set()
    for split in UNSEEN_SPLITS:
        if split not in evaluation.splits:
            continue
        errors = evaluation.splits[split]
        candidates = [b for name, group in errors.families.items() for b in _of_family(name, group)]
        slow = {behind.where for behind in candidates if behind.what == "forces"}
        for family, elements in errors.elements.items():
            if family not in slow:
                candidates += [
                    _forces(f"{symbol} in {family}", found)
                    for symbol, found in elements.items()
                    if found.forces_behind
                ]
        for behind in candidates:
            if (behind.what, behind.where) not in named:
                named.add((behind.what, behind.where))
                text = f"{behind.text} on {split}"
                yield Behind(behind.what, behind.where, text)


def gaps(evaluation: Evaluation, splits: Sequence[str]) -> list[str]:
    """Name what none of some splits has: families, and elements of families (``bulk Li``)."""
    known = [split for split in splits if split in evaluation.splits]
    found = [evaluation.lacking(split) for split in known]
    names = []
    for family in sorted(set.intersection(*(set(each) for each in found))) if found else ():
        if all(family not in evaluation.splits[split].families for split in known):
            names.append(family)
        else:
            symbols = set.intersection(*(set(each[family]) for each in found))
            names += [f"{family} {symbol}" for symbol in sorted(symbols)]
    return names


def error_text(judged: JudgedProperty, value: Value) -> str:
    """Write the size of an error: in per cent where the tolerance is relative, else in its unit."""
    if value.value is None:
        return "broke down"
    if value.error is None or not math.isfinite(value.error):
        return "not a finite number"
    relative = judged.relative_error(value)
    if relative is not None:
        percent = 100 * relative
        return f"{percent:.2g} %" if percent < 10 else f"{percent:.0f} %"
    return f"{abs(value.error):.2g} {value.unit}".strip()


def _of_family(name: str, errors: GroupErrors) -> Iterator[Behind]:
    if errors.forces_behind:
        yield _forces(name, errors)
    if errors.energy_behind:
        text = _beside(errors.energy, errors.composition_linear, "meV/atom", "species added up")
        yield Behind("energies", name, text)
    if errors.stress_behind and errors.stress is not None and errors.zero_stress is not None:
        text = _beside(errors.stress, errors.zero_stress, "meV/Å³", "no stress")
        yield Behind("stresses", name, text)


def _forces(where: str, errors: GroupErrors | ElementErrors) -> Behind:
    zero = errors.zero_force.mae <= errors.mean_force.mae
    baseline = errors.zero_force if zero else errors.mean_force
    name = "no force" if zero else "mean force"
    return Behind("forces", where, _beside(errors.forces, baseline, "meV/Å", name))


def _beside(model: Errors, baseline: Errors, unit: str, name: str) -> str:
    return f"{_milli(model)} {unit} against {_milli(baseline)} of {name}"


def _milli(errors: Errors) -> str:
    return f"{1000 * errors.mae:.3g}" if math.isfinite(errors.mae) else "not finite"


def _headline(
    behind: Sequence[Behind],
    failed: Sequence[JudgedProperty],
    judged: Sequence[JudgedProperty],
    beaten_by: Sequence[str],
) -> str:
    parts = []
    if behind:
        names = list(dict.fromkeys(f"{each.what} of {each.where}" for each in behind))
        parts.append(f"no better than a baseline in {listed(names, _HEADLINE_NAMES)}")
    if failed:
        parts.append(f"fails {len(failed)} of {_properties(judged)}")
    if beaten_by:
        parts.append(f"does not beat {listed([name.partition(' (')[0] for name in beaten_by])}")
    if not parts:
        parts.append(f"passes {_all_of(judged)}" if judged else "physics not judged yet")
    elif not judged:
        parts.append("physics not judged yet")
    text = "; ".join(parts)
    return text[:1].upper() + text[1:]


def _all_of(judged: Sequence[JudgedProperty]) -> str:
    many = f"all {_properties(judged)} that were judged"
    return many if len(judged) > 1 else "the one property that was judged"


def _properties(judged: Sequence[JudgedProperty]) -> str:
    return plural(len(judged), "property")


def _fit(
    judged: Sequence[JudgedProperty], behind: Sequence[Behind], evaluation: Evaluation | None
) -> str:
    if not judged:
        text = "Nothing is known about what it is fit for: its physics was not measured"
        unseen = [split for split in UNSEEN_SPLITS if evaluation and split in evaluation.splits]
        if behind or not unseen:
            return f"{text}."
        groups = "family and element" if evaluation and _has_elements(evaluation) else "family"
        return f"{text}. Its errors on {listed(unseen)} are below the baselines in every {groups}."
    nouns: dict[tuple[str, ...], list[str]] = {}
    for each in judged:
        if subjects := _right_subjects(each):
            nouns.setdefault(subjects, []).append(each.noun)
    if not nouns:
        return "Fit for: nothing that was measured."
    phrases = [
        f"{listed(names)} of {listed(subjects, _CASES_NAMED)}" for subjects, names in nouns.items()
    ]
    return f"Fit for: {_items(phrases)}."


def _right_subjects(each: JudgedProperty) -> tuple[str, ...]:
    """Return what a property was right for in all cases: ``Cu`` stands for all its planes."""
    wrong = {_subject(value.case) for value in each.failed}
    subjects = dict.fromkeys(_subject(value.case) for value in each.judged)
    return tuple(subject for subject in subjects if subject not in wrong)


def _unfit(
    behind: Sequence[Behind], failed: Sequence[JudgedProperty], beaten_by: Sequence[str]
) -> str:
    phrases = [str(each) for each in behind]  # all of them: none may hide
    phrases += [_failure(each) for each in failed[:_ITEMS_NAMED]]
    if others := [each.noun for each in failed[_ITEMS_NAMED:]]:
        phrases.append(f"nor for {listed(others)}")
    sentences = [f"Not fit for: {'; '.join(phrases)}."] if phrases else []
    if beaten_by:
        sentences.append(f"It does not beat {listed(beaten_by)}.")
    return " ".join(sentences)


def _failure(each: JudgedProperty) -> str:
    cases = list(dict.fromkeys(value.case for value in each.failed))
    worst = error_text(each, each.failed[0])
    is_number = worst[:1].isdigit()
    if is_number:
        worst = f"errors up to {worst}" if len(each.failed) > 1 else f"error {worst}"
    return f"{each.noun} of {listed(cases, _CASES_NAMED)} ({worst})"


def _unknown(properties: Sequence[JudgedProperty], evaluation: Evaluation | None) -> str:
    open_questions = [
        f"{each.noun} of {listed(cases, _CASES_NAMED)}"
        for each in properties
        if (cases := list(dict.fromkeys(v.case for v in each.values if v.passed is None)))
    ]
    sentences = [f"Not judged: {_items(open_questions)}."] if open_questions else []
    if evaluation is None:
        sentences.append("Its errors on frames that it was not trained on are not known.")
    elif names := gaps(evaluation, UNSEEN_SPLITS):
        sentences.append(f"Never tested on: {_items(names)}.")
    return " ".join(sentences)


def _items(phrases: Sequence[str]) -> str:
    """Join phrases that may hold commas."""
    shown = list(phrases[:_ITEMS_NAMED])
    if (more := len(phrases) - len(shown)) > 0:
        shown.append(f"and {more:,} more")
    return "; ".join(shown)


def _subject(case: str) -> str:
    """Return a case without planes and conditions: ``Cu`` of ``Cu(111)`` and ``Cu, 300 K``."""
    return re.sub(r"\([^)]*\)|,.*", "", case).strip() or case


def _has_elements(evaluation: Evaluation) -> bool:
    return all(split.elements for split in evaluation.splits.values())
