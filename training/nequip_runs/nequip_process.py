"""NequIP's trainer as a child process: start or resume it, follow it, explain failures."""

from __future__ import annotations

import os
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from training.errors import TrainingError
from training.nequip_runs.checkpoint_check import refuse_foreign
from training.nequip_runs.child_process import (
    child_process,
    end_of_log,
    exit_description,
    python_command,
    remedy_for,
    with_passive_threads,
)
from training.nequip_runs.learning_curve import MetricsTail, epochs_of_rows, metrics_files
from training.nequip_runs.nequip_config import LAST_CHECKPOINT, METRICS_DIR

CONFIG_FILE = "config.yaml"
LOG_FILE = "nequip-train.log"

_SCRATCH = "scratch"
_POLL_SECONDS = 0.2
_REMEDIES = {
    "FloatingPointError": "lower `learning_rate`, or look for frames with extreme forces or "
    "energies in the training split",
    "out of memory": "lower `batch_size`, or use a smaller model",
    "No space left on device": "make room on the disk and run the same command again: it resumes "
    "after the last epoch",
}


@dataclass(frozen=True)
class EpochMetrics:
    """One finished epoch.

    Attributes
    ----------
    epoch, max_epochs
        The epoch, from 0, and how many were asked for.
    train_loss
        As in `LearningCurve`.
    val_forces_mae, val_per_atom_energy_mae
        On the validation split, eV/Å and eV/atom; no force error where frames carry energies only.
    seconds
        Training time so far.
    """

    epoch: int
    max_epochs: int
    train_loss: float
    val_forces_mae: float | None
    val_per_atom_energy_mae: float
    seconds: float

    def __str__(self) -> str:
        """Error on the validation split, of forces where there are any."""
        if self.val_forces_mae is None:
            return f"val energy MAE {1000 * self.val_per_atom_energy_mae:.2f} meV/atom"
        return f"val force MAE {self.val_forces_mae:.4f} eV/Å"


OnEpoch = Callable[[EpochMetrics], None]


def check_devices(devices: int, n_val: int) -> None:
    """Check that this machine can train on so many devices, and that each has frames to validate.

    Raises
    ------
    TrainingError
        If it has GPUs, but fewer; or if there are fewer validation frames.
    """
    if devices == 1:
        return
    import torch

    gpus = torch.cuda.device_count()
    if 0 < gpus < devices:
        raise TrainingError(
            f"`devices` is {devices}, but this machine has {gpus} GPU{'s' if gpus > 1 else ''} "
            "(CUDA_VISIBLE_DEVICES may hide some): lower `devices`, or train on a larger machine"
        )
    if n_val < devices:
        raise TrainingError(
            f"`devices` is {devices}, but there are only {n_val} frames to validate on: lower it"
        )


def run_nequip_train(
    folder: Path, max_epochs: int, on_epoch: OnEpoch | None, devices: int = 1
) -> None:
    """Run ``nequip-train`` on ``config.yaml`` in a folder, from ``last.ckpt`` if there is one.

    Parameters
    ----------
    folder
        Working directory; the log is appended to ``nequip-train.log``.
    max_epochs
        For `on_epoch`.
    on_epoch
        Called after every epoch.
    devices
        As in ``config.yaml``: so many processes train.

    Raises
    ------
    TrainingError
        If the trainer fails or is killed; with the end of its log and what to do.
    """
    scratch = folder / _SCRATCH
    shutil.rmtree(scratch, ignore_errors=True)  # of a killed run
    scratch.mkdir()
    n_earlier = len(metrics_files(folder / METRICS_DIR))
    with (folder / LOG_FILE).open("ab") as log:
        log_start = log.tell()
        command = _command(folder, devices)
        with child_process(command, folder, _environment(scratch), log) as process:
            _follow(process, folder / METRICS_DIR, n_earlier, max_epochs, on_epoch)
    shutil.rmtree(scratch, ignore_errors=True)
    if process.returncode != 0:
        raise _failure(process.returncode, folder / LOG_FILE, log_start)


def _environment(scratch: Path) -> dict[str, str]:
    """Return the trainer's environment: the user's, except for the temporary folder."""
    environment = with_passive_threads(os.environ)
    # Lightning writes checkpoints to the temporary folder and then moves them, which is atomic
    # only within one file system.
    environment["TMPDIR"] = str(scratch)
    return environment


def _command(folder: Path, devices: int) -> list[str]:
    command = python_command("training.nequip_runs.nequip_train", "main()")
    if devices > 1:
        launcher = "launch(int(sys.argv[1]), sys.argv[2:])"
        command = [
            *python_command("training.nequip_runs.nequip_train", launcher),
            str(devices),
            *command,
        ]
    command += ["--config-path", str(folder), "--config-name", Path(CONFIG_FILE).stem]
    command += ["hydra.run.dir=.", "hydra.output_subdir=null", "hydra/job_logging=stdout"]
    if zipfile.is_zipfile(folder / LAST_CHECKPOINT):  # not if it was cut short
        _refuse_foreign_start(folder / LAST_CHECKPOINT)
        command.append(f"++ckpt_path={LAST_CHECKPOINT}")
    return command


def _refuse_foreign_start(checkpoint: Path) -> None:
    """Check a checkpoint to resume from: Lightning loads it with all the code that it names."""
    try:
        refuse_foreign(checkpoint)
    except TrainingError as error:
        raise TrainingError(
            f"{error}. If the training is yours, remove this file: it then starts from its first "
            "epoch"
        ) from error


def _follow(
    process: subprocess.Popen[bytes],
    metrics_dir: Path,
    n_earlier: int,
    max_epochs: int,
    on_epoch: OnEpoch | None,
) -> None:
    """Wait for the process to end, and report epochs as they appear in its metrics file."""
    tail: MetricsTail | None = None
    epochs: dict[int, dict[str, float]] = {}
    while True:
        ended = process.poll() is not None
        if tail is None and (files := metrics_files(metrics_dir)[n_earlier:]):
            tail = MetricsTail(files[0])
        for epoch, row in epochs_of_rows(tail.rows() if tail else []).items():
            epochs.setdefault(epoch, {}).update(row)
        for metrics in _complete(epochs, max_epochs):
            if on_epoch is not None:
                on_epoch(metrics)
        if ended:
            return
        try:
            process.wait(_POLL_SECONDS)
        except subprocess.TimeoutExpired:
            continue


def _complete(epochs: dict[int, dict[str, float]], max_epochs: int) -> list[EpochMetrics]:
    """Remove and return the epochs that are complete."""
    found = []
    for epoch in sorted(epochs):
        row = epochs[epoch]
        # One row holds all errors of the validation, so that forces come with energies or never.
        if row.keys() >= {"train_loss", "val_per_atom_energy_mae", "seconds"}:
            found.append(
                EpochMetrics(
                    epoch=epoch,
                    max_epochs=max_epochs,
                    train_loss=row["train_loss"],
                    val_forces_mae=row.get("val_forces_mae"),
                    val_per_atom_energy_mae=row["val_per_atom_energy_mae"],
                    seconds=row["seconds"],
                )
            )
            del epochs[epoch]
    return found


def _failure(code: int, log: Path, log_start: int) -> TrainingError:
    tail = end_of_log(log, log_start)
    if code < 0:
        remedy = (
            "run the same command again: it resumes after the last epoch; if the system killed it "
            "because memory ran out, lower `batch_size` first"
        )
    else:
        remedy = remedy_for(
            tail,
            _REMEDIES,
            "fix what the message above says; the same command then resumes after the last epoch",
        )
    return TrainingError(
        f"nequip-train {exit_description(code)}. The end of {log}:\n{tail}\nWhat to do: {remedy}."
    )
