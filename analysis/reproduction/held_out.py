"""Errors of a training's best checkpoint on frames that no choice was based on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from cuprolith.json_files import write_atomically
from training.frame_sources.molecules import MoleculeSource
from training.nequip_runs.training_run import TrainingResult
from training.predict import predict_energies, predict_frames
from training.source import TrainingSource

HELD_OUT_FILE = "held_out.json"


class HeldOutErrors(BaseModel):
    """Errors on the test split.

    Attributes
    ----------
    input_hash
        The training's, as in its `TrainingResult`.
    n_frames
        Frames in the split.
    forces_mae
        Per component, eV/Å; None for energies alone.
    energy_mae
        Of whole structures, eV.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    input_hash: str
    n_frames: int
    forces_mae: float | None
    energy_mae: float


def evaluate_held_out(folder: Path, result: TrainingResult, source: TrainingSource) -> None:
    """Write ``held_out.json`` of a finished training, unless it is there.

    A source without test frames gets none.

    Raises
    ------
    TrainingError
        If the checkpoint cannot be loaded.
    """
    if source.n_frames("test") == 0 or read_held_out(folder, result.input_hash) is not None:
        return
    checkpoint, forces = folder / result.checkpoint, None
    if isinstance(source, MoleculeSource) and not source.has_forces:
        molecules = source.arrays("test")
        deviations = predict_energies(checkpoint, molecules) - molecules.energies
    else:
        found = predict_frames(checkpoint, source.frames("test"))
        deviations = found.energy_predicted - found.energy_reference
        forces = float(np.abs(found.forces_predicted - found.forces_reference).mean())
    errors = HeldOutErrors(
        input_hash=result.input_hash,
        n_frames=source.n_frames("test"),
        forces_mae=forces,
        energy_mae=float(np.abs(deviations).mean()),
    )
    write_atomically(folder / HELD_OUT_FILE, [errors.model_dump_json(indent=1), "\n"])


def read_held_out(folder: Path, input_hash: str) -> HeldOutErrors | None:
    """Return the test errors of the training with this hash; None where there are none."""
    try:
        errors = HeldOutErrors.model_validate_json((folder / HELD_OUT_FILE).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None
    return errors if errors.input_hash == input_hash else None
