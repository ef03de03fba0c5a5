"""Section *Training*: learning curves and hyper-parameters."""

from __future__ import annotations

from analysis.evaluation import Evaluation
from analysis.report import figures
from analysis.report.content import (
    Figure,
    Missing,
    Section,
    Table,
    count,
    duration,
    flat,
    number,
    value_text,
)
from analysis.report.inputs import Inputs, TrainingFolder
from training.nequip_runs.learning_curve import LearningCurve
from training.nequip_runs.training_run import stored_inputs

_RESULT_FACTS = (
    ("parameters", "n_parameters"),
    ("epochs", "epochs"),
    ("best epoch, from 0", "best_epoch"),
    ("time", "seconds"),
    ("device", "device"),
    ("seed", "seed"),
    ("checkpoint", "checkpoint"),
)
_COUNTS = ("n_parameters", "epochs", "best_epoch")


def training_section(
    inputs: Inputs,
    curves: dict[str, LearningCurve],
    evaluations: dict[str, Evaluation],
    command: str,
) -> Section:
    """Make the section; `command` is what trains."""
    section = Section("training", "Training")
    if not inputs.trainings:
        section.missing = Missing("No model has been trained yet.", command)
        return section
    finished = [training for training in inputs.trainings if training.result]
    if not finished:
        section.missing = Missing("The training has not finished.", command)
    section.notes = [note for training in finished if (note := _stale(inputs, training))]
    section.facts = [fact for training in finished for fact in _facts(training, len(finished) > 1)]
    section.figures = [
        figure
        for variant, curve in curves.items()
        if len(curve.epoch)
        for figure in _curve_figures(variant, curve, evaluations.get(variant))
    ]
    if settings := inputs.campaign.get("training"):
        section.tables = [Table("Hyper-parameters", ("setting", "value"), flat(settings))]
    return section


def training_fact(inputs: Inputs) -> str:
    """One line for the summary."""
    return "; ".join(
        f"{training.variant}: {count(training.result.get('epochs'))} epochs, "
        f"{count(training.result.get('n_parameters'))} parameters"
        for training in inputs.trainings
        if training.result
    )


def _stale(inputs: Inputs, training: TrainingFolder) -> str:
    """Return a note if a model was trained on other files than those in the dataset now."""
    made_from = stored_inputs(training.folder)
    if made_from is None or inputs.card is None:
        return ""
    now: dict[str, str] = {name: split.sha256 for name, split in inputs.card.splits.items()}
    if made_from.dataset.items() <= now.items():
        return ""
    return f"{training.variant} was trained on another dataset than the one here: train again."


def _facts(training: TrainingFolder, named: bool) -> list[tuple[str, str]]:
    prefix = f"{training.variant}: " if named else ""
    facts = [] if named else [("variant", training.variant)]
    for label, key in _RESULT_FACTS:
        if (value := training.result.get(key)) is not None:
            text = duration(value) if key == "seconds" else value_text(value)
            facts.append((prefix + label, count(value) if key in _COUNTS else text))
    return facts


def _curve_figures(
    variant: str, curve: LearningCurve, evaluation: Evaluation | None
) -> list[Figure]:
    forces: dict[str, float] = {}
    energies: dict[str, float] = {}
    if evaluation and "val" in evaluation.splits:
        errors = evaluation.splits["val"].overall
        forces = {"zero force": errors.zero_force.mae, "mean force": errors.mean_force.mae}
        energies = {"composition-linear": errors.composition_linear.mae}
    parts = (
        ("loss", "training loss", curve.train_loss, dict[str, float](), "training loss"),
        ("forces", "force MAE", curve.val_forces_mae, forces, "force MAE, eV/Å"),
        ("energies", "energy MAE", curve.val_per_atom_energy_mae, energies, "energy MAE, eV/atom"),
    )
    return [
        Figure(
            f"learning-{name}-{variant}",
            f"{variant}: {words} per epoch"
            + (" on the validation split, and baselines." if levels else ".")
            + "".join(f" {key.capitalize()}: {number(level)}." for key, level in levels.items()),
            figures.learning_curve(curve.epoch, values, quantity=quantity, baselines=levels),
            width="third",
        )
        for name, words, values, levels, quantity in parts
    ]
