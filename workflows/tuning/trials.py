"""Train and measure the model of a trial with NequIP."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monty.json import MSONable

from analysis.tuning.trials import TRIALS_DIR, Study
from cuprolith.disk_space import DiskFullError
from cuprolith.errors import CuprolithError
from cuprolith.progress import ProgressBar
from training.errors import TrainingError
from training.nequip_runs.nequip_process import EpochMetrics, OnEpoch
from training.settings import TrainingSettings
from training.source import TrainingSource
from training.tuning.search_spaces import applied
from training.tuning.trial import TrialAccuracy, TrialMeasurements
from training.tuning.trial_training import with_time_limit
from workflows.training_runs import open_data
from workflows.tuning.folder import COMPILED_DIR, TRAINING_DIR

_FULL_DISK = "No space left on device"
_BAR: ContextVar[ProgressBar | None] = ContextVar("study_bar", default=None)


@dataclass(frozen=True)
class NequIPTrials(MSONable):
    """Trials that train with NequIP; each step resumes where it was interrupted."""

    def train(
        self, study: Study, folder: Path, number: int, parameters: Mapping[str, Any]
    ) -> TrialAccuracy:
        """Train a trial in its folder within the folder of the study.

        Raises
        ------
        CuprolithError
            If the reason is not the hyper-parameters; a training that fails because of them gives
            a `TrialAccuracy` with the reason.
        """
        from training.tuning.trial_training import train_trial

        out = trial_training_folder(folder, number)
        out.parent.mkdir(parents=True, exist_ok=True)
        settings = trial_settings(study, parameters)
        with _explained(out):
            return train_trial(
                settings, _source(study, folder), out, study.seed, epoch_callback(number)
            )

    def measure(
        self, study: Study, folder: Path, number: int, parameters: Mapping[str, Any]
    ) -> TrialMeasurements:
        """Measure the untrained model of a trial on this machine.

        Raises
        ------
        CuprolithError
            If the reason is not the model.
        """
        from training.tuning.trial_measurement import measure_model

        with _explained(trial_training_folder(folder, number)):
            return measure_model(
                trial_settings(study, parameters),
                _source(study, folder),
                study.tuning.inference,
                _device(),
                folder / COMPILED_DIR,
            )

    def with_stability(
        self, study: Study, folder: Path, number: int, measured: TrialMeasurements
    ) -> TrialMeasurements:
        """Add to the measurements of a trial the energy drift of its trained model.

        Raises
        ------
        CuprolithError
            If the reason is not the model.
        """
        from training.tuning.trial_measurement import with_stability

        out = trial_training_folder(folder, number)
        with _explained(out):
            source = _source(study, folder)
            return with_stability(measured, out, source, study.tuning.limits, _device())


def trial_training_folder(folder: Path, number: int) -> Path:
    """Return the folder of a trial's training."""
    return folder / TRIALS_DIR / str(number) / TRAINING_DIR


def trial_settings(study: Study, parameters: Mapping[str, Any]) -> TrainingSettings:
    """Return the settings of one trial's training."""
    return with_time_limit(applied(study.training, parameters), study.tuning.limits)


def _source(study: Study, folder: Path) -> TrainingSource:
    return open_data(study.data, folder / study.data_root)


def _device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    try:
        yield
    except TrainingError as error:
        if _FULL_DISK in str(error):  # as the trainer's process says it
            raise DiskFullError("no space left on the disk", where=str(folder)) from error
        raise CuprolithError(str(error), where=str(folder)) from error


@contextmanager
def show_epochs_on(bar: ProgressBar) -> Iterator[None]:
    """Show on a bar the epochs of all trials that this process trains within the block."""
    token = _BAR.set(bar)
    try:
        yield
    finally:
        _BAR.reset(token)


def epoch_callback(number: int) -> OnEpoch | None:
    """Return a function that shows a trial's epochs; None without a bar, as in other processes."""
    bar = _BAR.get()
    if bar is None:
        return None

    def show(epoch: EpochMetrics) -> None:
        bar.say(f"trial {number}, epoch {epoch.epoch + 1}/{epoch.max_epochs}: {epoch}")

    return show
