"""Predict energies, forces and stresses of labelled frames with a trained model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator
from ase.data import chemical_symbols

from training.dataset.frames import Frame
from training.errors import TrainingError
from training.predictions import Predictions, read_predictions

if TYPE_CHECKING:
    from training.calculator import CheckpointCalculator
    from training.frame_sources.arrays import FloatArray, MoleculeArrays

__all__ = [
    "Predictions",
    "load_calculator",
    "predict",
    "predict_energies",
    "predict_frames",
    "read_predictions",
]

_Atomic = TypeVar("_Atomic", Frame, Atoms)

# Enough atoms to keep torch busy rather than Python; few enough for any memory.
_ATOMS_PER_BATCH = 1000


def load_calculator(checkpoint: Path, device: str | None = None) -> Calculator:
    """Load a training's checkpoint, with the averaged weights, as an ASE calculator.

    For long simulations compile the model with ``nequip-compile`` instead.

    Parameters
    ----------
    checkpoint
        ``best.ckpt`` of a training.
    device
        ``cpu``, ``cuda``, ...; by default a GPU where there is one.

    Returns
    -------
    Calculator of energy, forces and stress (eV, eV/Å, eV/Å³).

    Raises
    ------
    TrainingError
        If the checkpoint does not exist, or contains anything but a model.
    """
    from training.calculator import checkpoint_calculator

    return checkpoint_calculator(checkpoint, device)


def predict(checkpoint: Path, frames: Iterable[Frame], out: Path) -> Predictions:
    """Predict frames and write labels and predictions side by side.

    Parameters
    ----------
    checkpoint
        ``best.ckpt`` of a training.
    frames
        Labelled frames, as ``iter_frames`` or a `TrainingSource` yields them.
    out
        The npz file to write, see `Predictions`; its folder is made.

    Returns
    -------
    The predictions, as written.

    Raises
    ------
    TrainingError
        If the file is not a checkpoint, there are no frames, or a frame has a species that the
        model does not know.
    """
    predictions = predict_frames(checkpoint, frames)
    predictions.write(out)
    return predictions


def predict_frames(checkpoint: Path, frames: Iterable[Frame]) -> Predictions:
    """Predict frames, a thousand atoms at a time.

    Only the rows of the result stay in memory, at most 120 bytes per atom.

    Parameters
    ----------
    checkpoint
        ``best.ckpt`` of a training.
    frames
        Labelled frames, as ``iter_frames`` or a `TrainingSource` yields them.

    Returns
    -------
    Labels and predictions, in the order of the frames.

    Raises
    ------
    TrainingError
        As `predict`.
    """
    from training.calculator import checkpoint_calculator

    calculator = checkpoint_calculator(checkpoint)
    parts = [
        _predict_batch(calculator, batch)
        for batch in _batches(_known_species(frames, calculator.symbols))
    ]
    if not parts:
        raise TrainingError("there are no frames to predict")
    return Predictions(
        **{name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    )


def predict_energies(checkpoint: Path, molecules: MoleculeArrays) -> FloatArray:
    """Predict the energies of molecules; for models that were trained on energies alone, too.

    Parameters
    ----------
    checkpoint
        ``best.ckpt`` of a training.
    molecules
        One split of a `MoleculeSource`.

    Returns
    -------
    Energies, shape (n_molecules,), eV.

    Raises
    ------
    TrainingError
        If the file is not a checkpoint, or the model does not know a species.
    """
    from training.calculator import checkpoint_calculator

    calculator = checkpoint_calculator(checkpoint)
    if unknown := set(molecules.symbols) - set(calculator.symbols):
        raise TrainingError(
            f"the model of {checkpoint} knows {', '.join(calculator.symbols)} but not "
            f"{', '.join(sorted(unknown))}: train on molecules that have it"
        )
    structures = (
        Atoms(molecules.numbers[atoms], molecules.positions[atoms])
        for atoms in map(molecules.atoms_of, range(len(molecules)))
    )
    parts = [calculator.predict_energies(batch) for batch in _batches(structures)]
    return np.concatenate(parts) if parts else np.empty(0)


def _batches(frames: Iterable[_Atomic]) -> Iterator[list[_Atomic]]:
    batch: list[_Atomic] = []
    n_atoms = 0
    for frame in frames:
        if batch and n_atoms + len(frame) > _ATOMS_PER_BATCH:
            yield batch
            batch, n_atoms = [], 0
        batch.append(frame)
        n_atoms += len(frame)
    if batch:
        yield batch


def _known_species(frames: Iterable[Frame], symbols: tuple[str, ...]) -> Iterator[Frame]:
    for frame in frames:
        unknown = {chemical_symbols[number] for number, _ in frame.composition} - set(symbols)
        if unknown:
            raise TrainingError(
                f"{frame.structure_id}, step {frame.step}: the model knows {', '.join(symbols)} "
                f"but not {', '.join(sorted(unknown))}: train on frames that have it"
            )
        yield frame


def _predict_batch(calculator: CheckpointCalculator, frames: list[Frame]) -> dict[str, Any]:
    found = calculator.predict_batch([frame.to_atoms() for frame in frames])
    no_stress = np.full((3, 3), np.nan)
    stresses = [no_stress if frame.stress is None else frame.stress for frame in frames]
    masks = [
        np.ones(len(frame), dtype=bool) if frame.free_mask is None else frame.free_mask
        for frame in frames
    ]
    return {
        "structure_id": np.array([frame.structure_id for frame in frames]),
        "family": np.array([frame.family for frame in frames]),
        "n_atoms": np.array([len(frame) for frame in frames], dtype=np.int64),
        "energy_reference": np.array([frame.energy for frame in frames]),
        "energy_predicted": found.energies,
        "numbers": np.concatenate([frame.numbers for frame in frames]),
        "free_mask": np.concatenate(masks),
        "forces_reference": np.concatenate([frame.forces for frame in frames]),
        "forces_predicted": found.forces,
        "stress_reference": np.array(stresses),
        "stress_predicted": np.where(np.isnan(stresses), np.nan, found.stresses),
    }
