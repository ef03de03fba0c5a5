"""Train from a training file, and evaluate on held-out frames."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from analysis.reproduction.held_out import HeldOutErrors, evaluate_held_out, read_held_out
from cuprolith.errors import CuprolithError
from cuprolith.progress import announce
from cuprolith.words import plural
from training.dataset.builder import DatasetError
from training.errors import TrainingError
from training.frame_sources.settings import open_source
from training.nequip_runs.trainer import TrainingResult, train
from training.source import SourceSettings, TrainingSource
from workflows.epoch_progress import EpochProgress
from workflows.inputs.training_file import TrainingFile


@dataclass(frozen=True)
class TrainingSummary:
    """A finished training and its errors."""

    name: str
    result: TrainingResult
    held_out: HeldOutErrors | None

    def __str__(self) -> str:
        """Epochs done, and errors."""
        result = self.result
        short = " (stopped by its time limit)" if result.epochs < result.max_epochs else ""
        lines = [
            f"{self.name}, seed {result.seed}: {result.epochs} of "
            f"{plural(result.max_epochs, 'epoch')}{short}"
            f" in {result.seconds:.0f} s on {result.device}, {result.n_parameters} parameters",
            f"  best epoch {result.best_epoch}: validation "
            f"{_forces(result.best_val_forces_mae)}energy MAE "
            f"{1000 * result.best_val_per_atom_energy_mae:.2f} meV/atom",
        ]
        if self.held_out is not None:
            held_out = self.held_out
            lines.append(
                f"  test ({plural(held_out.n_frames, 'frame')}): "
                f"{_forces(held_out.forces_mae)}energy MAE "
                f"{1000 * held_out.energy_mae:.1f} meV per structure"
            )
        return "\n".join(lines)


def _forces(mae: float | None) -> str:
    return "" if mae is None else f"force MAE {mae:.4f} eV/Å, "


def open_data(data: SourceSettings, data_root: Path) -> TrainingSource:
    """Open the data of a section ``data``, whose folder is relative to `data_root`.

    Raises
    ------
    CuprolithError
        If it is missing or incomplete; with a remedy.
    """
    remedy = "check the section `data`, and the folder that --data names"
    with explained(f"data: {data_root / data.place}", remedy):
        source = open_source(data, data_root)
        source.n_frames("train")
        return source


def run_training(
    file: TrainingFile,
    source: TrainingSource,
    folder: Path,
    seed: int,
    progress: EpochProgress | None = None,
) -> TrainingSummary:
    """Train, or resume, or return what is trained; then evaluate it on the test split.

    Raises
    ------
    CuprolithError
        If the training fails, with the end of its log and what to do.
    """
    with explained(str(folder)):
        on_epoch, on_start = (progress.show, progress.start) if progress else (None, None)
        result = train(file.training, source, folder, seed, on_epoch, on_start)
        n_test = source.n_frames("test")
        if n_test:
            announce(f"  {file.name}, seed {seed}: predicting {n_test:,} test frames")
        evaluate_held_out(folder, result, source)
    return TrainingSummary(file.name, result, read_held_out(folder, result.input_hash))


def training_folder(root: Path, seed: int) -> Path:
    """Folder of one seed of a training file."""
    return root / f"seed-{seed}"


@contextmanager
def explained(where: str, remedy: str = "") -> Iterator[None]:
    """Add place and remedy to an error of data or training."""
    try:
        yield
    except (TrainingError, DatasetError) as error:
        raise CuprolithError(str(error), where=where, remedy=remedy) from error
