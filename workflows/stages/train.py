"""Stage *train*: train the campaign's variant, and evaluate it on held-out frames."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cuprolith.errors import CuprolithError
from cuprolith.hashes import file_sha256
from cuprolith.json_files import read_json_if_whole, write_json
from cuprolith.progress import progress_bar
from workflows.epoch_progress import EpochProgress
from workflows.stage import Stage
from workflows.workdir import Workdir

if TYPE_CHECKING:
    from analysis.evaluation import Evaluation
    from analysis.kernel_baseline.record import KernelBaseline
    from training.dataset.splits import SplitName
    from training.nequip_runs.trainer import TrainingResult
    from training.sources.dataset import DatasetSource

JUDGED_SPLITS: tuple[SplitName, ...] = ("val", "test")


@dataclass(frozen=True)
class TrainSummary:
    """What was trained, and its errors."""

    result: TrainingResult
    evaluation: Evaluation
    kernel: KernelBaseline

    def __str__(self) -> str:
        """Errors beside the baselines."""
        test = self.evaluation.splits["test"].overall
        stress = (
            f"\n  test stress MAE {1000 * test.stress.mae:.2f} meV/Å³ "
            f"(zero stress {1000 * test.zero_stress.mae:.2f})"
            if test.stress is not None and test.zero_stress is not None
            else ""
        )
        return (
            f"{self.result.variant}: {self.result.n_parameters} parameters, {self.result.epochs} "
            f"epochs in {self.result.seconds:.0f} s\n"
            f"  test force MAE {test.forces.mae:.4f} eV/Å "
            f"(zero force {test.zero_force.mae:.4f}, mean force {test.mean_force.mae:.4f})\n"
            f"  test energy MAE {1000 * test.energy.mae:.1f} meV/atom "
            f"(sum of species energies {1000 * test.composition_linear.mae:.1f}){stress}\n"
            f"  {self._kernel()}{self._behind()}"
        )

    def _behind(self) -> str:
        """Name what the averages above may hide."""
        from analysis.validation.verdict import groups_behind

        behind = list(groups_behind(self.evaluation))
        return f"\n  no better than a baseline: {'; '.join(map(str, behind))}" if behind else ""

    def _kernel(self) -> str:
        if "test" not in self.kernel.splits:
            return f"no kernel ridge for comparison: {self.kernel.note or 'no test frames'}"
        errors = self.kernel.splits["test"].overall
        return (
            f"kernel ridge on the same frames: {errors.forces.mae:.4f} eV/Å and "
            f"{1000 * errors.energy.mae:.1f} meV/atom"
        )


def train(workdir: Workdir) -> TrainSummary:
    """Train, resume or return a finished training; then predict and evaluate.

    Raises
    ------
    CuprolithError
        If there is no dataset, or the training fails.
    """
    from analysis.evaluation import PREDICTIONS_DIR, evaluate_training
    from analysis.kernel_baseline.judge import judge_by_kernel
    from training.dataset.builder import DatasetError
    from training.errors import TrainingError
    from training.nequip_runs.trainer import train as run_training
    from training.sources.dataset import DatasetSource

    campaign = workdir.campaign()
    workdir.require(workdir.dataset_card, "collect")
    folder = workdir.training(campaign.training.variant)
    try:
        source = DatasetSource(workdir.dataset)
        with progress_bar("train", total=campaign.training.max_epochs) as bar:
            epochs = EpochProgress(bar)
            result = run_training(
                campaign.training, source, folder, campaign.seed, epochs.show, epochs.start
            )
        for split in JUDGED_SPLITS:
            _predict_once(folder / result.checkpoint, source, split, folder / PREDICTIONS_DIR)
        evaluation = evaluate_training(folder, workdir.dataset)
        kernel = judge_by_kernel(
            source, campaign.training.model.r_max, campaign.seed, workdir.kernel_baseline_json
        )
    except (TrainingError, DatasetError) as error:
        raise CuprolithError(str(error), where=str(folder)) from error
    workdir.record_seconds("train", result.seconds)
    return TrainSummary(result, evaluation, kernel)


def _predict_once(checkpoint: Path, source: DatasetSource, split: SplitName, folder: Path) -> None:
    """Predict a split, unless this checkpoint's predictions of these frames exist."""
    from training.predict import predict

    out, note = folder / f"{split}.npz", folder / f"{split}.json"
    made_of = {"checkpoint": file_sha256(checkpoint), "frames": source.card.splits[split].sha256}
    if out.is_file() and read_json_if_whole(note) == {**made_of, "predictions": file_sha256(out)}:
        return
    source.verified_hash(split)
    predict(checkpoint, source.frames(split), out)
    write_json(note, {**made_of, "predictions": file_sha256(out)})


def _with_training_file(command: Callable[..., None]) -> Callable[..., None]:
    from workflows.stage_commands.train_file import with_training_file

    return with_training_file(command)


STAGE = Stage(
    name="train",
    follows="collect",
    run=train,
    output=lambda workdir, variant: workdir.training(variant) / "result.json",
    help="Train the campaign's variant into training/<variant>/, or what a training file says.",
    resource="gpu",
    extend=_with_training_file,
)
