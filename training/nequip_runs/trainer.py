"""Train with NequIP's own trainer, and resume interrupted trainings."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from cuprolith.hashes import file_sha256
from cuprolith.staged_file import StagedFile
from training.errors import TrainingError
from training.nequip_runs.learning_curve import read_learning_curve
from training.nequip_runs.nequip_config import (
    BEST_CHECKPOINT,
    LAST_CHECKPOINT,
    METRICS_DIR,
    RUN_FACTS,
    nequip_config,
)
from training.nequip_runs.nequip_process import (
    CONFIG_FILE,
    EpochMetrics,
    OnEpoch,
    check_devices,
    run_nequip_train,
)
from training.nequip_runs.training_checks import check_elements, check_neighbours, training_warnings
from training.nequip_runs.training_run import (
    RESULT_FILE,
    TrainingInputs,
    TrainingResult,
    load_result,
    prepare_folder,
    training_inputs,
)
from training.settings import TrainingSettings
from training.source import TrainingSource

__all__ = ["EpochMetrics", "TrainingError", "TrainingResult", "train"]


@dataclass(frozen=True)
class TrainingStart:
    """State and warnings when a training starts or resumes.

    Attributes
    ----------
    epochs_done
        Epochs that earlier calls have trained.
    warnings
        Problems of the frames that do not prevent a training.
    """

    epochs_done: int
    warnings: tuple[str, ...]


OnStart = Callable[[TrainingStart], None]


def train(
    settings: TrainingSettings,
    source: TrainingSource,
    out_dir: Path,
    seed: int,
    on_epoch: OnEpoch | None = None,
    on_start: OnStart | None = None,
) -> TrainingResult:
    """Train one model; or finish, or return, the training that is already there.

    ``nequip-train`` runs in a child process in `out_dir`, which ends with this process. It
    writes ``last.ckpt`` after every epoch: after any interruption the same call resumes there
    and gives the numbers of an uninterrupted run, up to rounding. A training that has finished with
    the same inputs (settings, frames to train and validate on, seed, versions) is returned as it
    is. A training from other inputs is moved to ``<out_dir>.<hash>``, never mixed; it is moved
    back when its inputs are used again.

    Parameters
    ----------
    settings
        The campaign's ``training`` section.
    source
        Frames to train and validate on.
    out_dir
        Folder of this training; gets ``config.yaml``, ``nequip-train.log``, ``metrics/``,
        ``best.ckpt``, ``last.ckpt`` and, last of all, ``result.json``.
    seed
        Of the initial weights and the order of frames.
    on_epoch
        Called after every epoch that is trained in this call.
    on_start
        Called before the trainer starts.

    Returns
    -------
    The result, as in ``result.json``.

    Raises
    ------
    TrainingError
        If frames are missing or damaged; if train lacks an element, or no atom has
        a neighbour; or if the trainer fails: with the end of its log and what to do.
    """
    out_dir = out_dir.resolve()
    check_devices(settings.devices, source.n_frames("val"))
    check_elements(settings, source)
    inputs = training_inputs(settings, source, seed)
    check_neighbours(settings, source)
    prepare_folder(out_dir, inputs)
    if (finished := load_result(out_dir)) is not None:
        return finished
    _write_config(settings, source, out_dir, seed)
    if on_start is not None:
        on_start(_start(settings, source, out_dir))
    run_nequip_train(out_dir, settings.max_epochs, on_epoch, settings.devices)
    facts = json.loads((out_dir / RUN_FACTS).read_text())
    if not facts["finished"]:
        raise TrainingError(
            f"the training in {out_dir} was asked to stop (SIGTERM) before its end: run the same "
            "command again, it resumes after the last epoch"
        )
    result = _result(settings, inputs, out_dir, facts)
    result.write(out_dir / RESULT_FILE)
    return result


def _start(settings: TrainingSettings, source: TrainingSource, out_dir: Path) -> TrainingStart:
    resumes = (out_dir / LAST_CHECKPOINT).is_file()
    epochs = len(read_learning_curve(out_dir / METRICS_DIR).epoch) if resumes else 0
    return TrainingStart(epochs, tuple(training_warnings(settings, source)))


def _write_config(
    settings: TrainingSettings, source: TrainingSource, out_dir: Path, seed: int
) -> None:
    data = source.training_data(
        stress=settings.stress_weight > 0, atomic_energies=settings.atomic_energies
    )
    config = nequip_config(settings, data, seed)
    with StagedFile(out_dir / CONFIG_FILE) as file:
        file.write(yaml.safe_dump(config, sort_keys=False).encode())
        file.commit()


def _result(
    settings: TrainingSettings, inputs: TrainingInputs, out_dir: Path, facts: dict[str, Any]
) -> TrainingResult:
    curve = read_learning_curve(out_dir / METRICS_DIR)
    best = curve.epoch.tolist().index(_epoch_of(out_dir / BEST_CHECKPOINT))
    forces_mae = float(curve.val_forces_mae[best])
    return TrainingResult(
        variant=settings.variant,
        input_hash=inputs.hash,
        seed=inputs.seed,
        checkpoint=BEST_CHECKPOINT,
        epochs=len(curve.epoch),
        max_epochs=settings.max_epochs,
        best_epoch=int(curve.epoch[best]),
        best_val_forces_mae=None if math.isnan(forces_mae) else forces_mae,
        best_val_per_atom_energy_mae=float(curve.val_per_atom_energy_mae[best]),
        n_parameters=facts["n_parameters"],
        seconds=float(curve.seconds[-1]),
        device=facts["device"],
        versions=inputs.versions,
        checkpoint_sha256=file_sha256(out_dir / BEST_CHECKPOINT),
    )


def _epoch_of(checkpoint: Path) -> int:
    import torch

    try:
        content = torch.load(checkpoint, map_location="cpu", weights_only=True)
        return int(content["epoch"])
    except FileNotFoundError:
        raise
    except Exception as error:  # torch and pickle raise errors of many types
        raise TrainingError(
            f"{checkpoint} is damaged ({error})\n  → make it again: move {checkpoint.parent} away "
            "and run the same command, which trains from the start"
        ) from error
