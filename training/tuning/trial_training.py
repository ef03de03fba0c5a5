"""Train a trial; a training that fails because of its hyper-parameters is a result too."""

from __future__ import annotations

import math
import re
from datetime import timedelta
from pathlib import Path

from training.errors import TrainingError
from training.nequip_runs.nequip_config import BEST_CHECKPOINT
from training.nequip_runs.nequip_process import OnEpoch
from training.nequip_runs.trainer import EpochMetrics, TrainingResult, train
from training.nequip_runs.training_checks import NoNeighboursError
from training.settings import TrainingSettings
from training.source import TrainingSource
from training.tuning.machine import training_lock
from training.tuning.settings import LimitSettings
from training.tuning.trial import TrialAccuracy, accuracy_name

# Messages about the end of `nequip-train`; any other error would hit all trials.
_ENDED = "nequip-train ended with"
_CRASHED = re.compile(r"nequip-train was killed by (SIGSEGV|SIGBUS|SIGABRT|SIGILL|SIGFPE)")
_KILLED = "nequip-train was killed by SIGKILL"
_FULL_DISK = "No space left on device"


def with_time_limit(training: TrainingSettings, limits: LimitSettings) -> TrainingSettings:
    """Return settings whose training stops cleanly at the study's limit, or at its own if sooner.

    Parameters
    ----------
    training
        Settings of the trial.
    limits
        Limits of the study.
    """
    if limits.training_time is None:
        return training
    limit = math.ceil(3600 * limits.training_time)
    if training.max_time is not None:
        limit = min(limit, _seconds(training.max_time))
    days, seconds = divmod(limit, 86_400)
    hours, minutes = divmod(seconds // 60, 60)
    text = f"{days:02d}:{hours:02d}:{minutes:02d}:{seconds % 60:02d}"
    return training.model_copy(update={"max_time": text})


def train_trial(
    training: TrainingSettings,
    source: TrainingSource,
    folder: Path,
    seed: int,
    on_epoch: OnEpoch | None = None,
) -> TrialAccuracy:
    """Train a trial's model, resume a killed training, or return a finished one.

    Waits while models are measured on this machine.

    Parameters
    ----------
    training, source, folder, seed, on_epoch
        As in `training.nequip_runs.trainer.train`.

    Returns
    -------
    The error on the validation split in the best epoch. If the training failed because of its
    hyper-parameters (a loss that is not finite, too little memory, a time limit within the first
    epoch), `failure` says why.

    Raises
    ------
    TrainingError
        If the reason is not the hyper-parameters (frames are missing, the disk is full), or the
        training was asked to stop; the same call resumes it.
    """
    name = accuracy_name(has_forces=source.has_forces)
    try:
        with training_lock():
            result = _train_despite_kills(training, source, folder, seed, on_epoch)
    except _TrialError as failure:
        return TrialAccuracy(
            accuracy_name=name, max_epochs=training.max_epochs, failure=str(failure)
        )
    accuracy = (
        result.best_val_forces_mae if source.has_forces else result.best_val_per_atom_energy_mae
    )
    finite = accuracy is not None and math.isfinite(accuracy)
    return TrialAccuracy(
        accuracy=accuracy if finite else None,
        accuracy_name=name,
        training_seconds=result.seconds,
        epochs=result.epochs,
        max_epochs=result.max_epochs,
        failure=None if finite else f"the validation error is {accuracy}",
    )


class _TrialError(RuntimeError):
    """The training failed because of its hyper-parameters."""


def _train_despite_kills(
    training: TrainingSettings,
    source: TrainingSource,
    folder: Path,
    seed: int,
    on_epoch: OnEpoch | None,
) -> TrainingResult:
    """Train, and resume after a kill as long as an epoch was finished before it.

    Without enough memory the system kills again at once, before an epoch is finished.
    """
    while True:
        finished = 0

        def count(metrics: EpochMetrics) -> None:
            nonlocal finished
            finished += 1
            if on_epoch is not None:
                on_epoch(metrics)

        try:
            return train(training, source, folder, seed, count)
        except NoNeighboursError as error:  # r_max is a hyper-parameter
            raise _TrialError(str(error)) from error
        except TrainingError as error:
            if _KILLED not in str(error):
                raise _as_trial_failure(error) from error
            if finished == 0:
                raise _TrialError(
                    f"{_KILLED} without finishing an epoch, perhaps because of too little memory"
                ) from error
        except (FileNotFoundError, ValueError) as error:
            if training.max_time is None or (folder / BEST_CHECKPOINT).is_file():
                raise
            raise _TrialError(
                f"the time limit {training.max_time} ended the training in its first epoch"
            ) from error


def _as_trial_failure(error: TrainingError) -> Exception:
    text = str(error)
    if _FULL_DISK in text:
        return error
    if crash := _CRASHED.search(text):
        return _TrialError(crash.group())
    if text.startswith(_ENDED):
        return _TrialError(_reason(text))
    return error


def _reason(text: str) -> str:
    """Return the line of the log that names the error, else the first line."""
    lines = [line.strip() for line in text.partition("\nWhat to do:")[0].splitlines()]
    named = [line for line in lines[1:] if re.match(r"[\w.]*(Error|Exception)\b", line)]
    return named[-1] if named else lines[0]


def _seconds(max_time: str) -> int:
    days, hours, minutes, seconds = map(int, max_time.split(":"))
    return int(timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds).total_seconds())
