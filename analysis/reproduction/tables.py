"""Tables IV and V with the paper's numbers and ours, and a table of all runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import floor, isfinite, log10

from analysis.report.content import Table, count, duration, number
from analysis.reproduction.published import REFERENCE, Errors, Published
from analysis.reproduction.runs import Estimate, Run, estimate
from training.variant import VARIANTS

ABSENT = "—"
SHORT = "†"
DATASET_NAMES = {
    "aspirin": "rMD17 aspirin",
    "benzene": "rMD17 benzene",
    "culi": "Cu/Li",
    "qm9": "QM9",
}


@dataclass(frozen=True)
class Quantity:
    """One of the two tables.

    Attributes
    ----------
    name, title, unit
        Names of the quantity and of its table.
    published
        The paper's numbers.
    curve
        Its column of a `LearningCurve`, in eV.
    validation, held_out
        Ours, of one run, in the same unit; NaN where there is none.
    """

    name: str
    title: str
    unit: str
    published: Errors
    curve: str
    validation: Callable[[Run], float]
    held_out: Callable[[Run], float]


def quantities(published: Published) -> tuple[Quantity, Quantity]:
    """Return Table IV (forces) and Table V (energies)."""
    return (
        Quantity(
            "force",
            "Table IV: force MAE",
            "meV/Å",
            published.forces_mae,
            "val_forces_mae",
            lambda run: run.forces_mae,
            _held_out_forces,
        ),
        Quantity(
            "energy",
            "Table V: energy MAE",
            "meV",
            published.energy_mae,
            "val_total_energy_mae",
            lambda run: run.energy_mae,
            lambda run: 1000 * run.held_out.energy_mae if run.held_out else float("nan"),
        ),
    )


def _held_out_forces(run: Run) -> float:
    """Force MAE on the test split, meV/Å; NaN where there is none."""
    mae = run.held_out.forces_mae if run.held_out else None
    return float("nan") if mae is None else 1000 * mae


def comparison_table(quantity: Quantity, runs: Sequence[Run], reference: str) -> Table:
    """One row per dataset of the runs and model: published error, ours, ours on the test split."""
    present = {run.plan.dataset for run in runs}
    rows = [
        row
        for dataset in DATASET_NAMES
        if dataset in quantity.published and dataset in present
        for row in _comparison_rows(quantity, dataset, runs, reference)
    ]
    caption = f"{quantity.title} on the validation split, {quantity.unit}"
    header = ("dataset", "model", "paper", "ours", "ours on test")
    return Table(caption, header, rows, {2, 3, 4})


def _comparison_rows(
    quantity: Quantity, dataset: str, runs: Sequence[Run], reference: str
) -> Iterator[list[str]]:
    published = quantity.published[dataset]
    trained = [run for run in runs if run.plan.dataset == dataset]
    for column in dict.fromkeys([*published, *(run.plan.variant for run in trained)]):
        chosen = [run for run in trained if run.plan.variant == column]
        yield [
            DATASET_NAMES[dataset],
            reference if column == REFERENCE else VARIANTS[column].label,
            _published(published, column),
            _ours(chosen, quantity.validation),
            _ours(chosen, quantity.held_out),
        ]


def _published(errors: Mapping[str, float], column: str) -> str:
    """Write a number with the paper's digits: two decimals below 1, else one."""
    if column not in errors:
        return ABSENT
    return f"{errors[column]:.2f}" if errors[column] < 1 else f"{errors[column]:.1f}"


def _ours(runs: Sequence[Run], value: Callable[[Run], float]) -> str:
    known = [run for run in runs if isfinite(value(run))]
    if not known:
        return ABSENT
    text = written(estimate(value(run) for run in known))
    return f"{text} {SHORT}" if any(run.short for run in known) else text


def written(found: Estimate) -> str:
    """Write ``mean ± spread (n)``, the mean to the last digit its spread leaves, at least two."""
    if found.n == 0:
        return ABSENT
    if not isfinite(found.spread) or found.spread <= 0 or found.mean <= 0:
        return f"{number(found.mean)} ({found.n})"
    decimals = max(1 - floor(log10(found.spread)), 1 - floor(log10(found.mean)))
    decimals = max(0, decimals)
    return f"{found.mean:.{decimals}f} ± {found.spread:.{decimals}f} ({found.n})"


RUN_HEADER = (
    "run", "seed", "state", "epochs", "best", "time", "device", "parameters", "force", "energy",
)  # fmt: skip


def runs_table(runs: Sequence[Run], published: Published) -> Table:
    """One row per run: how far it got, on what, and its errors."""
    forces, energies = quantities(published)
    rows = [
        [
            f"{DATASET_NAMES[run.plan.dataset]}, {VARIANTS[run.plan.variant].label}",
            str(run.plan.seed),
            _state(run),
            f"{count(run.epochs)} of {count(run.plan.published_epochs)}"
            + (f" {SHORT}" if run.epochs and run.short else ""),
            ABSENT if run.best is None else str(run.curve.epoch[run.best]),
            duration(run.seconds) if run.epochs else ABSENT,
            run.device or ABSENT,
            count(run.n_parameters, none=ABSENT),
            _pair(forces, run),
            _pair(energies, run),
        ]
        for run in runs
    ]
    caption = (
        "All runs: epochs of the paper's, best epoch (from 0), training time, and errors on "
        "validation / test split: forces in meV/Å, energies in meV"
    )
    return Table(caption, RUN_HEADER, rows, {1, 3, 4, 5, 7, 8, 9})


def _state(run: Run) -> str:
    if run.result is not None:
        return "finished"
    if run.plan.problem:
        return "cannot run"
    return "under way or stopped" if run.epochs else "not begun"


def _pair(quantity: Quantity, run: Run) -> str:
    values = (quantity.validation(run), quantity.held_out(run))
    return " / ".join(number(value) if isfinite(value) else ABSENT for value in values)
