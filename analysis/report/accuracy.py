"""Section *Accuracy*: errors on frames the model has not seen, baselines beside them."""

from __future__ import annotations

import numpy as np

from analysis.evaluation import Evaluation, GroupErrors
from analysis.parity import ParityPoints
from analysis.report import figures
from analysis.report.content import Figure, Missing, Section, Table, count, number, plural
from analysis.report.measure import Measured, Parity

JUDGED_SPLITS = ("test", "val")
"""Splits a verdict may rest on, the better one first."""

_NO_FORCE = 1e-4  # eV/Å; by symmetry there is no force to predict, and no ratio to state


def accuracy_section(measured: Measured, command: str) -> Section:
    """Make the section for all trained variants; `command` is what trains and predicts."""
    section = Section("accuracy", "Accuracy")
    if not measured.evaluations:
        section.missing = Missing("There are no predictions to judge yet.", command)
        return section
    section.lead = (
        "Model and baselines on the same frames. Zero force says that no atom is pushed; mean "
        "force gives each atom the mean force of its species in the training set; the "
        "composition-linear energy adds up energies of the species, fitted to the training set. A "
        "model that has learnt something is below all of them."
    )
    for variant, evaluation in measured.evaluations.items():
        section.tables += _tables(variant, evaluation)
        judged = judged_split(evaluation)
        section.figures += _parity_figures(variant, judged, measured.parity[variant][judged])
    return section


def judged_split(evaluation: Evaluation) -> str:
    """Return the split to look at first: test, else val, else what was predicted."""
    known = [name for name in JUDGED_SPLITS if name in evaluation.splits]
    return known[0] if known else next(iter(evaluation.splits))


def verdict(evaluations: dict[str, Evaluation]) -> tuple[bool, str] | None:
    """Whether the best variant beats the force baselines, and one sentence that says so."""
    judged = {
        variant: evaluation.splits[judged_split(evaluation)].overall
        for variant, evaluation in evaluations.items()
        if any(split in evaluation.splits for split in JUDGED_SPLITS)
    }
    if not judged:
        return None
    variant = min(judged, key=lambda name: _nan_last(judged[name].forces.mae))
    errors = judged[variant]
    split = judged_split(evaluations[variant])
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
    numeric = frozenset(range(1, len(header) + 1))
    units = "forces in eV/Å per component, energies in meV/atom; baselines are MAE"
    if stressed:
        units = units.replace("; ", ", stresses in meV/Å³ per component; ")
    judged = judged_split(evaluation)
    families = evaluation.splits[judged].families
    by_split = [
        [name, *_cells(errors.overall, stressed)] for name, errors in evaluation.splits.items()
    ]
    by_family = [[name, *_cells(errors, stressed)] for name, errors in families.items()]
    by_family.append(["all", *_cells(evaluation.splits[judged].overall, stressed)])
    return [
        Table(
            f"{_title(variant)}: errors by split ({units})", ["split", *header], by_split, numeric
        ),
        Table(
            f"{_title(variant)}: errors by family on the {judged} split ({units})",
            ["family", *header],
            by_family,
            numeric,
            total=True,
            families=True,
        ),
    ]


def _cells(errors: GroupErrors, stressed: bool) -> list[str]:
    pushed = min(errors.zero_force.mae, errors.mean_force.mae) > _NO_FORCE
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
        *(_stress_cells(errors) if stressed else ()),
    ]


def _stress_cells(errors: GroupErrors) -> list[str]:
    both = (errors.stress, errors.zero_stress)
    return ["–" if found is None else number(1000 * found.mae) for found in both]


def _parity_figures(variant: str, split: str, parity: Parity) -> list[Figure]:
    found = [
        Figure(
            f"parity-forces-{variant}",
            f"{_title(variant)}, {split} split: force components. "
            + _shown(parity.forces, "component"),
            figures.parity(parity.forces, quantity="force component, eV/Å"),
            height=430,
        ),
        Figure(
            f"parity-energies-{variant}",
            f"{_title(variant)}, {split} split: energy per atom beyond the composition-linear "
            "baseline. " + _shown(parity.energies, "frame"),
            figures.parity(parity.energies, quantity="energy, eV/atom"),
            height=430,
        ),
    ]
    if parity.stresses.n_total:
        found.append(
            Figure(
                f"parity-stresses-{variant}",
                f"{_title(variant)}, {split} split: stress components. "
                + _shown(parity.stresses, "component"),
                figures.parity(parity.stresses, quantity="stress component, meV/Å³"),
                height=430,
            )
        )
    return found


def _shown(points: ParityPoints, noun: str) -> str:
    total, shown = points.n_total, len(points.reference)
    if shown == total:
        return f"All {plural(total, noun)}."
    return f"{count(shown)} of {plural(total, noun)}, drawn at random with a fixed seed."


def _title(variant: str) -> str:
    return variant[:1].upper() + variant[1:]


def _nan_last(value: float) -> float:
    return value if np.isfinite(value) else float("inf")
