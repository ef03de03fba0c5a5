"""Section *Accuracy*: errors on frames the model has not seen, next to baselines."""

from __future__ import annotations

import numpy as np

from analysis.evaluation import Evaluation, GroupErrors
from analysis.parity import ParityPoints
from analysis.report import figures
from analysis.report.content import Figure, Missing, Section, Table, count, number, plural
from analysis.report.kernel_table import add_kernel
from analysis.report.measure import Measured, Parity

UNSEEN_SPLITS = ("test", "val")
"""Splits that a verdict may use, the better one first."""

_NO_FORCE = 1e-4  # eV/Å; forces that vanish by symmetry have no ratio


def accuracy_section(measured: Measured, command: str) -> Section:
    """Make the section for all trained variants; `command` is what trains and predicts."""
    section = Section("accuracy", "Accuracy")
    if not measured.evaluations:
        section.missing = Missing("There are no predictions to evaluate yet.", command)
        return section
    section.lead = (
        "Model and baselines on the same frames. Zero force says that no atom is pushed; mean "
        "force gives each atom the mean force of its species in the training set; the "
        "composition-linear energy adds up energies of the species, fitted to the training set. A "
        "model that has learnt something has smaller errors than all of them. The kernel ridge is "
        "a cheap model, fitted to the same frames; a training that does not beat it is not worth "
        "its time."
    )
    for variant, evaluation in measured.evaluations.items():
        section.tables += _tables(variant, evaluation)
        judged = main_split(evaluation)
        section.figures += _parity_figures(variant, judged, measured.parity[variant][judged])
    add_kernel(section, measured.kernel, measured.evaluations)
    return section


def main_split(evaluation: Evaluation) -> str:
    """Return the split to show first: test, else val, else any."""
    known = [name for name in UNSEEN_SPLITS if name in evaluation.splits]
    return known[0] if known else next(iter(evaluation.splits))


def verdict(evaluations: dict[str, Evaluation]) -> tuple[bool, str] | None:
    """Return whether the best variant beats the force baselines, and a sentence about it."""
    judged = {
        variant: evaluation.splits[main_split(evaluation)].overall
        for variant, evaluation in evaluations.items()
        if any(split in evaluation.splits for split in UNSEEN_SPLITS)
    }
    if not judged:
        return None
    variant = min(judged, key=lambda name: np.nan_to_num(judged[name].forces.mae, nan=np.inf))
    errors = judged[variant]
    split = main_split(evaluations[variant])
    baselines = (
        f"zero force {number(errors.zero_force.mae)}, mean force {number(errors.mean_force.mae)}"
    )
    mae = f"force MAE {number(errors.forces.mae)} eV/Å ({baselines})"
    frames = plural(errors.n_frames, f"{split} frame")
    if errors.force_ratio < 1:
        return True, (
            f"{_title(variant)} has learnt: {mae} on {frames} it was not trained on. That is "
            f"{number(100 * errors.force_ratio, 2)} % of the better baseline's error."
        )
    return False, f"{_title(variant)} does not beat the force baselines: {mae} on {frames}."


def _tables(variant: str, evaluation: Evaluation) -> list[Table]:
    header = ["frames", "atoms", "force MAE", "zero force", "mean force", "of baseline",
              "force RMSE", "energy MAE", "composition", "energy RMSE"]  # fmt: skip
    stressed = any(errors.overall.stress for errors in evaluation.splits.values())
    header += ["stress MAE", "zero stress"] if stressed else []
    numeric = range(1, len(header) + 1)
    units = "forces in eV/Å per component, energies in meV/atom; baselines are MAE"
    if stressed:
        units = units.replace("; ", ", stresses in meV/Å³ per component; ")
    judged = main_split(evaluation)
    families = evaluation.splits[judged].families
    splits = {name: errors.overall for name, errors in evaluation.splits.items()}

    def rows(groups: dict[str, GroupErrors]) -> list[list[str]]:
        return [[name, *_cells(errors, stressed)] for name, errors in groups.items()]

    by_split = f"{_title(variant)}: errors by split ({units})"
    by_family = f"{_title(variant)}: errors by family on the {judged} split ({units})"
    return [
        Table(by_split, ["split", *header], rows(splits), numeric),
        Table(by_family, ["family", *header], rows({**families, "all": splits[judged]}), numeric,
              total=True, families=True),
    ]  # fmt: skip


def _cells(errors: GroupErrors, stressed: bool) -> list[str]:
    pushed = min(errors.zero_force.mae, errors.mean_force.mae) > _NO_FORCE
    stresses = (errors.stress, errors.zero_stress) if stressed else ()
    return [
        count(errors.n_frames),
        count(errors.n_atoms),
        number(errors.forces.mae),
        number(errors.zero_force.mae),
        number(errors.mean_force.mae),
        f"{number(100 * errors.force_ratio, 2)} %" if pushed else "–",
        number(errors.forces.rmse),
        number(1000 * errors.energy.mae),
        number(1000 * errors.composition_linear.mae),
        number(1000 * errors.energy.rmse),
        *("–" if found is None else number(1000 * found.mae) for found in stresses),
    ]


def _parity_figures(variant: str, split: str, parity: Parity) -> list[Figure]:
    shown = (
        ("forces", "force components", parity.forces, "component", "force component, eV/Å"),
        ("energies", "energy per atom beyond the composition-linear baseline", parity.energies,
         "frame", "energy, eV/atom"),
        ("stresses", "stress components", parity.stresses, "component", "stress component, meV/Å³"),
    )  # fmt: skip
    return [
        Figure(
            f"parity-{name}-{variant}",
            f"{_title(variant)}, {split} split: {what}. {_shown(points, noun)}",
            figures.parity(points, quantity=quantity),
            height=430,
        )
        for name, what, points, noun, quantity in shown
        if points.n_total
    ]


def _shown(points: ParityPoints, noun: str) -> str:
    total, shown = points.n_total, len(points.reference)
    if shown == total:
        return f"All {plural(total, noun)}."
    return f"{count(shown)} of {plural(total, noun)}, drawn at random with a fixed seed."


def _title(variant: str) -> str:
    return variant[:1].upper() + variant[1:]
