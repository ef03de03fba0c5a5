"""Read a workdir's large files once: frames, predictions, learning curves."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from analysis.distributions import Distributions
from analysis.evaluation import PREDICTIONS_DIR, Evaluation, evaluate, iter_predictions
from analysis.kernel_baseline.record import KernelBaseline
from analysis.parity import ParityPoints, energy_points, force_points, stress_points
from analysis.report.inputs import Inputs, TrainingFolder
from analysis.report.kernel_table import kernel_of
from training.dataset.extxyz import iter_frames
from training.dataset.splits import SPLITS
from training.nequip_runs.learning_curve import LearningCurve, read_learning_curve
from training.nequip_runs.nequip_config import METRICS_DIR
from training.predictions import Predictions


@dataclass(frozen=True)
class Parity:
    """Points of the parity plots of one split."""

    forces: ParityPoints
    energies: ParityPoints
    stresses: ParityPoints


@dataclass
class Measured:
    """Statistics of the frames, and errors of the trained models.

    Attributes
    ----------
    evaluations, curves, parity
        By variant; parity by split as well.
    kernel
        The kernel model of the dataset, which judges all of them; None if there is none.
    """

    distributions: Distributions
    evaluations: dict[str, Evaluation] = field(default_factory=dict)
    curves: dict[str, LearningCurve] = field(default_factory=dict)
    parity: dict[str, dict[str, Parity]] = field(default_factory=dict)
    kernel: KernelBaseline | None = None


def measure(inputs: Inputs, followed: Collection[str]) -> Measured:
    """Count the frames and evaluate the predictions of a workdir.

    Parameters
    ----------
    inputs
        The workdir; files that cannot be read are added to its problems.
    followed
        Trajectories whose energies are kept step by step.
    """
    distributions = Distributions(followed)
    for split in SPLITS:
        path = inputs.root / "dataset" / f"{split}.extxyz"
        inputs.attempt(path, partial(_count_frames, distributions, split))
    measured = Measured(distributions, kernel=kernel_of(inputs))
    for training in inputs.trainings:
        _measure_training(inputs, training, measured)
    return measured


def _count_frames(distributions: Distributions, split: str, path: Path) -> None:
    distributions.add_all(split, iter_frames(path))


def _measure_training(inputs: Inputs, training: TrainingFolder, measured: Measured) -> None:
    curve = inputs.attempt(training.folder / METRICS_DIR, read_learning_curve)
    if curve is not None:
        measured.curves[training.variant] = curve
    baselines = measured.distributions.baselines
    if baselines is None:
        return
    parity: dict[str, Parity] = {}

    def splits() -> Iterator[tuple[str, Predictions]]:
        for split, predictions in iter_predictions(training.folder):
            parity[split] = Parity(
                force_points(predictions),
                energy_points(predictions, baselines),
                stress_points(predictions),
            )
            yield split, predictions

    folder = training.folder / PREDICTIONS_DIR
    evaluation = inputs.attempt(folder, lambda _: evaluate(splits(), baselines))
    if evaluation is not None:
        measured.evaluations[training.variant] = evaluation
        measured.parity[training.variant] = parity
