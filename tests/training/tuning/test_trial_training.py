"""Trainings of trials: results, failures that are answers, and interruptions that are none."""

import math
import shutil

import pytest

from training.errors import TrainingError
from training.nequip_runs.nequip_process import EpochMetrics
from training.nequip_runs.training_run import TrainingResult
from training.sources.dataset import DatasetSource
from training.tuning import trial_training
from training.tuning.settings import LimitSettings
from training.tuning.trial_training import train_trial, with_time_limit
from training.variants.allegro import AllegroTraining

SEED = 7
EPOCH = EpochMetrics(0, 2, 1.0, 0.1, 0.01, 1.0)
RESULT = TrainingResult(
    variant="allegro",
    input_hash="0" * 64,
    seed=SEED,
    checkpoint="best.ckpt",
    epochs=40,
    max_epochs=40,
    best_epoch=39,
    best_val_forces_mae=0.1,
    best_val_per_atom_energy_mae=0.01,
    n_parameters=1000,
    seconds=10.0,
    device="cpu",
    versions={},
)
KILLED = "nequip-train was killed by SIGKILL. The end of nequip-train.log:\n..."


@pytest.fixture
def source(emt_dataset):
    return DatasetSource(emt_dataset)


@pytest.fixture
def outcomes(monkeypatch):
    """Let each call of `train` report an epoch or none, then raise an error or give a result."""
    planned = []

    def train(settings, source, folder, seed, on_epoch):
        epochs, error = planned.pop(0)
        for _ in range(epochs):
            on_epoch(EPOCH)
        if error is not None:
            raise error
        return RESULT

    monkeypatch.setattr(trial_training, "train", train)
    return planned


@pytest.mark.slow
def test_accuracy_is_that_of_the_best_epoch(source, small_settings, trained):
    folder, result, _ = trained
    accuracy = train_trial(small_settings, source, folder, SEED)
    assert accuracy.failure is None
    assert accuracy.accuracy == result.best_val_forces_mae
    assert accuracy.accuracy_name == "forces_mae"
    assert (accuracy.epochs, accuracy.max_epochs) == (40, 40)
    assert accuracy.training_seconds == result.seconds


@pytest.mark.slow
def test_a_loss_that_is_not_finite_is_an_answer(
    outcomes, diverged, source, small_settings, tmp_path
):
    outcomes += [(0, diverged[1])]
    accuracy = train_trial(small_settings, source, tmp_path / "trial", SEED)
    assert accuracy.accuracy is None
    assert accuracy.failure.startswith("FloatingPointError: the training loss is")


@pytest.mark.slow
def test_a_limit_within_the_first_epoch_is_an_answer(source, small_settings, tmp_path):
    short = small_settings.model_copy(update={"max_time": "00:00:00:00"})
    accuracy = train_trial(short, source, tmp_path / "trial", SEED)
    assert accuracy.accuracy is None
    assert "the time limit 00:00:00:00 ended the training in its first epoch" in accuracy.failure


def test_kills_with_progress_between_are_no_failures(outcomes, source, small_settings, tmp_path):
    outcomes += [(3, TrainingError(KILLED)), (1, TrainingError(KILLED)), (2, None)]
    epochs = []
    accuracy = train_trial(small_settings, source, tmp_path, SEED, epochs.append)
    assert accuracy.failure is None
    assert len(epochs) == 6


def test_being_killed_without_progress_means_too_little_memory(
    outcomes, source, small_settings, tmp_path
):
    outcomes += [(3, TrainingError(KILLED)), (0, TrainingError(KILLED))]
    accuracy = train_trial(small_settings, source, tmp_path, SEED)
    assert "perhaps because of too little memory" in accuracy.failure


def test_crashes_are_answers(outcomes, source, small_settings, tmp_path):
    outcomes += [(0, TrainingError("nequip-train was killed by SIGSEGV. The end of x:\n..."))]
    accuracy = train_trial(small_settings, source, tmp_path, SEED)
    assert accuracy.failure == "nequip-train was killed by SIGSEGV"


@pytest.mark.parametrize(
    ("log", "reason"),
    [
        (
            "    torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB",
            "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB",
        ),
        (
            "    FloatingPointError: the training loss is nan in epoch 2, batch 0\n    (hint)",
            "FloatingPointError: the training loss is nan in epoch 2, batch 0",
        ),
        ("    hm", "nequip-train ended with exit code 1. The end of nequip-train.log:"),
    ],
)
def test_the_reason_is_the_line_that_names_it(
    outcomes, source, small_settings, tmp_path, log, reason
):
    text = f"nequip-train ended with exit code 1. The end of nequip-train.log:\n{log}"
    outcomes += [(0, TrainingError(f"{text}\nWhat to do: lower `batch_size`."))]
    assert train_trial(small_settings, source, tmp_path, SEED).failure == reason


@pytest.mark.parametrize(
    "message",
    [
        "nequip-train ended with exit code 1. The end:\n    OSError: No space left on device",
        "nequip-train was killed by SIGTERM. The end of nequip-train.log:\n",
        "the training in x was asked to stop (SIGTERM) before its end: run the same command again",
        "val.extxyz was changed after dataset.json was written: collect the dataset again",
    ],
)
def test_what_is_no_answer_about_the_trial_is_raised(
    outcomes, source, small_settings, tmp_path, message
):
    outcomes += [(1, TrainingError(message))]
    with pytest.raises(TrainingError, match=r"again|No space|SIGTERM"):
        train_trial(small_settings, source, tmp_path, SEED)


def test_missing_data_is_no_answer(source, small_settings, emt_dataset, tmp_path):
    copy = tmp_path / "dataset"
    shutil.copytree(emt_dataset, copy)
    broken = DatasetSource(copy)
    next(copy.glob("val*")).unlink()
    with pytest.raises(TrainingError, match="collect the dataset again"):
        train_trial(small_settings, broken, tmp_path / "trial", SEED)


def test_an_error_that_is_not_finite_is_a_failure(
    outcomes, source, small_settings, tmp_path, monkeypatch
):
    result = RESULT.model_copy(update={"best_val_forces_mae": math.inf})
    monkeypatch.setattr(trial_training, "train", lambda *_: result)
    accuracy = train_trial(small_settings, source, tmp_path, SEED)
    assert (accuracy.accuracy, accuracy.failure) == (None, "the validation error is inf")


@pytest.mark.parametrize(
    ("hours", "own", "expected"),
    [
        (None, None, None),
        (None, "00:02:00:00", "00:02:00:00"),
        (1.5, None, "00:01:30:00"),
        (50.0, None, "02:02:00:00"),
        (0.001, None, "00:00:00:04"),
        (3.0, "00:02:00:00", "00:02:00:00"),
        (1.0, "00:02:00:00", "00:01:00:00"),
    ],
)
def test_the_sooner_of_two_time_limits_holds(hours, own, expected):
    limited = with_time_limit(AllegroTraining(max_time=own), LimitSettings(training_time=hours))
    assert limited == AllegroTraining(max_time=expected)
