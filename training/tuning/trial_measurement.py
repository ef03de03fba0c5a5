"""Measure the model of a trial: time, memory and cost before training, stability after it."""

from __future__ import annotations

import time
from pathlib import Path

from filelock import FileLock

from training.nequip_runs.nequip_config import BEST_CHECKPOINT
from training.settings import TrainingSettings
from training.source import TrainingSource
from training.tuning.compiled_models import compiled_file
from training.tuning.example_structure import example_structure
from training.tuning.machine import measuring_lock
from training.tuning.measuring_process import MeasuringError, run_task
from training.tuning.measuring_tasks import CompileTask, DriftTask, MeasureTask, ModelTask
from training.tuning.settings import InferenceSettings, LimitSettings
from training.tuning.trial import TrialMeasurements


def measure_model(
    training: TrainingSettings,
    source: TrainingSource,
    inference: InferenceSettings,
    device: str,
    compiled_dir: Path,
) -> TrialMeasurements:
    """Measure inference time, peak memory and cost of a model, which need not be trained.

    Waits until nothing else is trained or measured on this machine, and lets nothing else start
    meanwhile; compiling does not wait, since its time does not matter.

    Parameters
    ----------
    training
        Settings of the model.
    source
        Its frames; the model is measured on one of them.
    inference
        How to measure.
    device
        ``cpu``, ``cuda``, ...
    compiled_dir
        Folder where compiled models are kept for other trials with the same code; made if missing.

    Returns
    -------
    The measurements; if the model fails, its `failure` says why.

    Raises
    ------
    TrainingError
        If there are no frames, no such device, no compiler, or the disk is full.
    """
    model = ModelTask(
        structure=example_structure(source, inference.n_atoms),
        device=device,
        training=training,
        symbols=source.symbols,
        has_forces=source.has_forces,
    )
    seconds: float | None = None
    try:
        file: Path | None = None
        if inference.compiled:
            file, seconds = _compiled(model, compiled_dir)
        task = MeasureTask(**dict(model), inference=inference, compiled=file)
        with measuring_lock():
            measured = TrialMeasurements.model_validate_json(run_task(task))
    except MeasuringError as error:
        return TrialMeasurements(compile_seconds=seconds, failure=str(error))
    return measured.model_copy(update={"compile_seconds": seconds})


def with_stability(
    measured: TrialMeasurements,
    folder: Path,
    source: TrainingSource,
    limits: LimitSettings,
    device: str,
) -> TrialMeasurements:
    """Add the energy drift of the trained model, where a limit asks for it.

    Parameters
    ----------
    measured
        Measurements so far.
    folder
        Folder of the training; without a checkpoint, as after a failure, nothing is added.
    source, limits, device
        As in `measure_model`.

    Returns
    -------
    The measurements with `energy_drift`, or with a failure if the dynamics was unstable.
    """
    checkpoint = folder / BEST_CHECKPOINT
    if limits.energy_drift is None or not checkpoint.is_file():
        return measured
    task = DriftTask(
        structure=example_structure(source), device=device, checkpoint=checkpoint.resolve()
    )
    try:
        drift = float(run_task(task))
    except MeasuringError as error:
        failure = "; ".join(filter(None, (measured.failure, str(error))))
        return measured.model_copy(update={"failure": failure})
    return measured.model_copy(update={"energy_drift": drift})


def _compiled(model: ModelTask, folder: Path) -> tuple[Path, float | None]:
    """Return the compiled model, and the seconds it took if it was made now."""
    folder.mkdir(parents=True, exist_ok=True)
    file = compiled_file(
        folder.resolve(), model.training, model.symbols, model.device, has_forces=model.has_forces
    )
    with FileLock(file.with_name(f".{file.name}.lock")):
        if file.is_file():
            return file, None
        partial = file.with_name(f"partial-{file.name}")
        started = time.monotonic()
        run_task(CompileTask(**dict(model), out=partial))
        partial.replace(file)
        return file, time.monotonic() - started
