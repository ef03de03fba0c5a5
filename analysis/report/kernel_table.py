"""The kernel model beside the trained ones, in the section *Accuracy* and in the verdict."""

from __future__ import annotations

from collections.abc import Mapping

from analysis.evaluation import Evaluation, GroupErrors
from analysis.kernel_baseline.record import (
    KERNEL_BASELINE_FILE,
    KernelBaseline,
    KernelErrors,
    KernelSplit,
    read_kernel_baseline,
)
from analysis.report.content import Section, Table, count, duration, number, plural
from analysis.report.inputs import Inputs
from cuprolith.words import listed


def kernel_of(inputs: Inputs) -> KernelBaseline | None:
    """Return the kernel model of the dataset that is in the workdir; None if there is none."""
    path = inputs.root / "training" / KERNEL_BASELINE_FILE
    kernel = inputs.attempt(path, read_kernel_baseline)
    if kernel is None or inputs.card is None:
        return None
    now: dict[str, str] = {name: split.sha256 for name, split in inputs.card.splits.items()}
    return kernel if now.items() <= kernel.made_from.items() else None


def add_kernel(
    section: Section,
    kernel: KernelBaseline | None,
    evaluations: Mapping[str, Evaluation],
) -> None:
    """Add a table of errors by family on frames that were held out, or a note why there is none."""
    if kernel is None:
        return
    if kernel.note:
        section.notes.append(f"No kernel model was fitted for comparison: {kernel.note}.")
    split = _held_out(kernel, evaluations)
    if kernel.fit is None or split is None:
        return
    fit, judged = kernel.fit, kernel.splits[split]
    models = {
        variant: evaluation.splits[split]
        for variant, evaluation in evaluations.items()
        if split in evaluation.splits
    }
    rows = [
        [
            name,
            *_cells(errors),
            *(text for model in models.values() for text in _cells(model.families.get(name))),
        ]
        for name, errors in judged.families.items()
    ]
    total = [text for model in models.values() for text in _cells(model.overall)]
    rows.append(["all", *_cells(judged.overall), *total])
    names = ["kernel ridge", *models]
    section.tables.append(
        Table(
            f"Kernel ridge beside the trained models on {_frames(judged, split)} (MAE; forces in "
            "meV/Å per component, energies in meV/atom)",
            [
                "family",
                *(f"{name}, {quantity}" for name in names for quantity in ("forces", "energies")),
            ],
            rows,
            range(1, 1 + 2 * len(names)),
            total=True,
            families=True,
        )
    )
    section.notes.append(
        f"The kernel ridge was fitted to {count(fit.n_train_frames)} of "
        f"{plural(fit.n_train_frames_in_split, 'train frame')} in {duration(fit.seconds)} of "
        f"processor time; it takes {number(fit.milliseconds_per_atom, 2)} ms per atom to evaluate."
    )


def kernel_ahead(
    kernel: KernelBaseline | None, evaluations: Mapping[str, Evaluation]
) -> dict[str, tuple[str, ...]]:
    """Say where the kernel model is better over all held-out frames, by variant.

    Returns
    -------
    What `analysis.validation.verdict.judge` takes as `beaten_by`; nothing for a variant that
    beats the kernel model, or is not compared with it.
    """
    return {
        variant: (f"the kernel baseline ({', '.join(worse)})",)
        for variant, evaluation in evaluations.items()
        if (worse := _where_worse(kernel, evaluation))
    }


def kernel_remarks(
    kernel: KernelBaseline | None, evaluations: Mapping[str, Evaluation]
) -> dict[str, str]:
    """Say which variants beat the kernel model over all held-out frames, and in what not."""
    remarks = {}
    for variant, evaluation in evaluations.items():
        split = _held_out(kernel, {variant: evaluation})
        if kernel is None or split is None or _where_worse(kernel, evaluation):
            continue
        judge, model = kernel.splits[split].families, evaluation.splits[split].families
        behind = [
            name
            for name, errors in judge.items()
            if name in model and not model[name].forces.mae < errors.forces.mae
        ]
        remarks[variant] = (
            "Over all held-out frames it beats a kernel ridge that was fitted to the same frames"
            + (f", but not in forces of {listed(behind)}." if behind else ", and in each family.")
        )
    return remarks


def _where_worse(kernel: KernelBaseline | None, evaluation: Evaluation) -> list[str]:
    split = _held_out(kernel, {"": evaluation})
    if kernel is None or split is None:
        return []
    model, judge = evaluation.splits[split].overall, kernel.splits[split].overall
    return [
        f"{quantity} MAE {number(1000 * mine.mae)} against {number(1000 * other.mae)} {unit}"
        for quantity, unit, mine, other in (
            ("force", "meV/Å", model.forces, judge.forces),
            ("energy", "meV/atom", model.energy, judge.energy),
        )
        if not mine.mae < other.mae  # also if it is not a number
    ]


def _held_out(kernel: KernelBaseline | None, evaluations: Mapping[str, Evaluation]) -> str | None:
    """Return the first of test and val for which both errors are known."""
    by_kernel = kernel.splits if kernel is not None else {}
    by_models = {split for evaluation in evaluations.values() for split in evaluation.splits}
    return next((split for split in ("test", "val") if split in by_models & set(by_kernel)), None)


def _cells(errors: GroupErrors | KernelErrors | None) -> list[str]:
    if errors is None:
        return ["–", "–"]
    return [number(1000 * errors.forces.mae), number(1000 * errors.energy.mae)]


def _frames(judged: KernelSplit, split: str) -> str:
    known, seen = judged.n_frames_in_split, judged.overall.n_frames
    if seen == known:
        return f"the {split} split"
    return f"{count(seen)} of {plural(known, f'{split} frame')}, drawn at random for the kernel"
