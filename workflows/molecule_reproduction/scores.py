"""Scores of a trained model: squared errors, dynamics, and what it predicts for the test frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from analysis.reproduction.molecules.results import SeedScore
from analysis.validation.dynamics import ROOM_TEMPERATURE, time_step, total_energies
from analysis.validation.source import Source
from cuprolith.arrays import FloatArray
from cuprolith.json_files import write_atomically
from training.dataset.frames import Frame
from training.predict import predict, predict_frames, read_predictions
from training.predictions import Predictions

if TYPE_CHECKING:
    from ase.calculators.calculator import Calculator

    from training.nequip_runs.training_run import TrainingResult

_SCORE = "score.json"
_PREDICTIONS = "test_predictions.npz"
_NVE_STEPS = 200


class _StoredScore(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="strings")

    input_hash: str
    score: SeedScore


def score_of(
    folder: Path, result: TrainingResult, train: Sequence[Frame], test: Sequence[Frame]
) -> SeedScore:
    """Return the score of a finished training; computed once, then read.

    Parameters
    ----------
    folder
        Of the training.
    train, test
        Frames with their true labels.
    """
    path = folder / _SCORE
    try:
        stored = _StoredScore.model_validate_json(path.read_bytes())
        if stored.input_hash == result.input_hash:
            return stored.score
    except (FileNotFoundError, ValidationError):
        pass
    checkpoint = folder / result.checkpoint
    on_test = predict(checkpoint, test, folder / _PREDICTIONS)
    on_train = predict_frames(checkpoint, train)
    score = SeedScore(
        seed=result.seed,
        mse_energy_train=_mse_energy(on_train),
        mse_energy_test=_mse_energy(on_test),
        mse_forces_train=_mse_forces(on_train),
        mse_forces_test=_mse_forces(on_test),
        seconds=result.seconds,
        nve_drift=nve_drift(checkpoint, test[0], result.seed),
    )
    stored = _StoredScore(input_hash=result.input_hash, score=score)
    write_atomically(path, [stored.model_dump_json(indent=1), "\n"])
    return score


def test_predictions(folder: Path) -> Predictions:
    """Return what `score_of` has predicted.

    Raises
    ------
    ValueError, OSError
        If the file is damaged or missing.
    """
    return read_predictions(folder / _PREDICTIONS)


def nve_drift(checkpoint: Path, frame: Frame, seed: int) -> float | None:
    """Return the slope of the energy over 200 steps at 300 K, meV/atom/ps; None if it explodes."""
    from training.calculator import checkpoint_calculator

    atoms = frame.to_atoms()
    source = _ModelSource("potential", model=checkpoint_calculator(checkpoint, "cpu"))
    try:
        energies = total_energies(source, atoms, ROOM_TEMPERATURE, _NVE_STEPS, seed)
    except ArithmeticError:
        return None
    picoseconds = np.arange(len(energies)) * time_step(atoms) / 1000
    return float(abs(np.polyfit(picoseconds, 1000 * energies, 1)[0]))


@dataclass
class _ModelSource(Source):
    model: Calculator | None = field(default=None)

    def calculator(self) -> Calculator:
        assert self.model is not None
        return self.model


def _mse_energy(found: Predictions) -> float:
    return _mean_square(found.energy_predicted - found.energy_reference)


def _mse_forces(found: Predictions) -> float:
    return _mean_square(found.forces_predicted - found.forces_reference)


def _mean_square(errors: FloatArray) -> float:
    return float((errors**2).mean())
