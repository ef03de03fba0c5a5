"""Runs of the matrix of datasets, variants and seeds, finished or not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from analysis.reproduction.held_out import HeldOutErrors, read_held_out
from cuprolith.json_files import read_json_if_whole
from training.nequip_runs.learning_curve import LearningCurve, read_learning_curve
from training.nequip_runs.nequip_config import METRICS_DIR, RUN_FACTS
from training.nequip_runs.training_run import TrainingResult, stored_result


@dataclass(frozen=True)
class PlannedRun:
    """One training of the matrix.

    Attributes
    ----------
    dataset, variant, seed
        Its place in the tables.
    folder
        Folder of the training, now or later.
    max_epochs, published_epochs
        Asked for here, and trained in the paper.
    problem
        Reason why it cannot run, or "".
    """

    dataset: str
    variant: str
    seed: int
    folder: Path
    max_epochs: int
    published_epochs: int
    problem: str = ""


@dataclass(frozen=True, eq=False)
class Run:
    """One training of the matrix, and how far it is.

    Attributes
    ----------
    n_parameters, device
        Trainable weights, and what trains them; None until it has begun.
    result, held_out
        None until it has finished.
    """

    plan: PlannedRun
    curve: LearningCurve
    n_parameters: int | None
    device: str | None
    result: TrainingResult | None
    held_out: HeldOutErrors | None

    @property
    def epochs(self) -> int:
        """Epochs trained."""
        return len(self.curve.epoch)

    @property
    def seconds(self) -> float:
        """Training time so far; a killed run may not have noted its last epoch's."""
        known = self.curve.seconds[np.isfinite(self.curve.seconds)]
        return float(known[-1]) if len(known) else 0.0

    @property
    def short(self) -> bool:
        """Whether it trained for fewer epochs than the paper."""
        return self.epochs < self.plan.published_epochs

    @property
    def best(self) -> int | None:
        """Index into the curve of the epoch with the lowest validation loss; None without one."""
        if not np.isfinite(self.curve.val_loss).any():
            return None
        return int(np.nanargmin(self.curve.val_loss))

    @property
    def forces_mae(self) -> float:
        """On the validation split in the best epoch, meV/Å; NaN where there is none."""
        return self._at_best(self.curve.val_forces_mae)

    @property
    def energy_mae(self) -> float:
        """On the validation split in the best epoch, of whole structures, meV; NaN if none."""
        return self._at_best(self.curve.val_total_energy_mae)

    def _at_best(self, values: np.ndarray) -> float:
        return float("nan") if self.best is None else 1000.0 * float(values[self.best])


def read_run(plan: PlannedRun) -> Run:
    """Read a training's folder; the run is empty where it has not begun."""
    result = stored_result(plan.folder)
    facts = read_json_if_whole(plan.folder / RUN_FACTS) or {}
    return Run(
        plan,
        read_learning_curve(plan.folder / METRICS_DIR),
        facts.get("n_parameters"),
        facts.get("device"),
        result,
        read_held_out(plan.folder, result.input_hash) if result else None,
    )


@dataclass(frozen=True)
class Estimate:
    """Mean over seeds and sample standard deviation; NaN where unknown."""

    mean: float
    spread: float
    n: int


def estimate(values: Iterable[float]) -> Estimate:
    """Summarise the seeds that have a value."""
    known = np.array([value for value in values if np.isfinite(value)])
    if not len(known):
        return Estimate(float("nan"), float("nan"), 0)
    spread = float(known.std(ddof=1)) if len(known) > 1 else float("nan")
    return Estimate(float(known.mean()), spread, len(known))
