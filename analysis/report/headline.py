"""The headline of the report: what the best trained variant is fit for, and what it is not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from analysis.evaluation import UNSEEN_SPLITS, Evaluation
from analysis.report.content import number, plural
from analysis.validation.results import Validation
from analysis.validation.verdict import PotentialVerdict, judge


@dataclass(frozen=True)
class Headline:
    """The variant that the report's headline is about, and what is said of it."""

    variant: str
    verdict: PotentialVerdict
    sentences: tuple[str, ...]


def headline(
    evaluations: Mapping[str, Evaluation],
    validations: Mapping[str, Validation],
    beaten_by: Mapping[str, tuple[str, ...]] | None = None,
    remarks: Mapping[str, str] | None = None,
) -> Headline | None:
    """Judge all trained variants and return what is said of the best; None if none is trained.

    The best is one whose physics was judged, with the fewest faults, then the smallest force MAE.

    Parameters
    ----------
    evaluations, validations
        By variant.
    beaten_by
        Models fitted to the same frames that a variant does not beat, by variant; see `judge`.
    remarks
        A last sentence, by variant.
    """
    found: dict[str, tuple[tuple[bool, int, float], PotentialVerdict]] = {}
    for variant in {**evaluations, **validations}:
        evaluation, validation = evaluations.get(variant), validations.get(variant)
        unseen = evaluation if evaluation is not None and _main(evaluation) else None
        if unseen is None and validation is None:
            continue
        verdict = judge(validation, unseen, beaten_by=(beaten_by or {}).get(variant, ()))
        error = unseen.splits[_main(unseen)].overall.forces.mae if unseen else np.inf
        rank = (validation is None, verdict.n_wrong, float(np.nan_to_num(error, nan=np.inf)))
        found[variant] = (rank, verdict)
    if not found:
        return None
    variant = min(found, key=lambda name: found[name][0])
    verdict = found[variant][1]
    sentences = [
        verdict.unfit,
        verdict.fit,
        verdict.unknown,
        f"{_errors(evaluations.get(variant))} {(remarks or {}).get(variant, '')}".strip(),
    ]
    if len(found) > 1:
        sentences.insert(0, f"Of {plural(len(found), 'trained variant')}, this is {variant}.")
    return Headline(variant, verdict, tuple(filter(None, sentences)))


def _main(evaluation: Evaluation) -> str:
    """Return the split to judge by; "" if only training frames were predicted."""
    return next((split for split in UNSEEN_SPLITS if split in evaluation.splits), "")


def _errors(evaluation: Evaluation | None) -> str:
    """State the errors of all frames together, without a judgement."""
    if evaluation is None or not (split := _main(evaluation)):
        return ""
    errors = evaluation.splits[split].overall
    return (
        f"All {plural(errors.n_frames, f'{split} frame')} together: force MAE "
        f"{number(1000 * errors.forces.mae)} meV/Å (zero force "
        f"{number(1000 * errors.zero_force.mae)}, mean force "
        f"{number(1000 * errors.mean_force.mae)}), energy MAE "
        f"{number(1000 * errors.energy.mae)} meV/atom."
    )
