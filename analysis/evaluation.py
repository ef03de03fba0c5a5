"""Errors of a trained model, next to baselines that need no learning."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from analysis.baselines import Baselines, fit_baselines
from cuprolith.arrays import FloatArray, IntArray
from cuprolith.json_files import write_atomically
from training.dataset.extxyz import iter_frames
from training.dataset.splits import SPLITS
from training.predictions import Predictions, read_predictions

EVALUATION_FILE = "evaluation.json"
PREDICTIONS_DIR = "predictions"


class _Model(BaseModel):
    # NaN (a diverged model) must survive JSON, which has no NaN.
    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="strings")


class Errors(_Model):
    """Errors of one quantity: eV/atom for energies; per component, eV/Å for forces, eV/Å³ else."""

    mae: float
    rmse: float
    largest: float

    @classmethod
    def of(cls, residuals: FloatArray) -> Errors:
        """Return the errors of residuals of any shape, at least one."""
        values = np.abs(residuals).ravel()
        return cls(
            mae=float(values.mean()),
            rmse=float(np.sqrt(values @ values / values.size)),
            largest=float(values.max()),
        )


class GroupErrors(_Model):
    """Errors of a group of frames, the model's and the baselines'.

    Attributes
    ----------
    energy, composition_linear
        Energy per atom: the model, and the energies of the species added up (eV/atom).
    forces, zero_force, mean_force
        Force components: the model, no force at all, and the mean force of the species (eV/Å).
    stress, zero_stress
        Stress components of the frames that have one: the model, and no stress at all (eV/Å³);
        None where no frame has one.
    """

    n_frames: int
    n_atoms: int
    energy: Errors
    composition_linear: Errors
    forces: Errors
    zero_force: Errors
    mean_force: Errors
    stress: Errors | None = None
    zero_stress: Errors | None = None

    @property
    def force_ratio(self) -> float:
        """Force MAE of the model over that of the better baseline; below 1 is learning."""
        best = min(self.zero_force.mae, self.mean_force.mae)
        return self.forces.mae / best if best > 0 else float("inf")


class SplitErrors(_Model):
    """Errors of one split: all frames, and each family."""

    overall: GroupErrors
    families: dict[str, GroupErrors]


class Evaluation(_Model):
    """Errors of a trained model on every split that was predicted.

    Attributes
    ----------
    n_train_frames
        Frames the baselines were fitted to.
    species_energies
        Energy of an atom in the composition-linear baseline, eV, by atomic number.
    """

    n_train_frames: int
    species_energies: dict[int, float]
    splits: dict[str, SplitErrors]

    def write(self, path: Path) -> None:
        """Write as JSON, atomically."""
        write_atomically(path, [self.model_dump_json(indent=1), "\n"])


def evaluate(predictions: Iterable[tuple[str, Predictions]], baselines: Baselines) -> Evaluation:
    """Compare predictions with labels, next to baselines.

    Parameters
    ----------
    predictions
        Splits by name; one is in memory at a time.
    baselines
        Fitted to the training frames (`analysis.baselines.fit_baselines`).

    Raises
    ------
    ValueError
        If there are no predictions, a split is empty or its arrays do not fit together.
    """
    splits = {name: split_errors(split, baselines) for name, split in predictions}
    if not splits:
        raise ValueError("no split was predicted: train and predict first")
    return Evaluation(
        n_train_frames=baselines.n_frames,
        species_energies=dict(
            zip(baselines.species, baselines.species_energies.tolist(), strict=True)
        ),
        splits=splits,
    )


def evaluate_training(training_dir: Path, dataset_dir: Path) -> Evaluation:
    """Evaluate a training's predictions and write ``evaluation.json`` next to them.

    Parameters
    ----------
    training_dir
        Folder of the training, with ``predictions/<split>.npz``.
    dataset_dir
        Folder with ``train.extxyz``, read once, for the baselines.

    Returns
    -------
    What was written.

    Raises
    ------
    FileNotFoundError
        If there is no ``train.extxyz``.
    ValueError
        If no split was predicted, or predictions or frames cannot be read.
    """
    baselines = fit_baselines(iter_frames(dataset_dir / "train.extxyz"))
    evaluation = evaluate(iter_predictions(training_dir), baselines)
    evaluation.write(training_dir / EVALUATION_FILE)
    return evaluation


def iter_predictions(training_dir: Path) -> Iterator[tuple[str, Predictions]]:
    """Yield the splits that a training has predicted, in the order train, val, test.

    Raises
    ------
    ValueError
        If a file does not contain predictions.
    """
    for split in SPLITS:
        path = training_dir / PREDICTIONS_DIR / f"{split}.npz"
        if path.is_file():
            yield split, read_predictions(path)


def split_errors(split: Predictions, baselines: Baselines) -> SplitErrors:
    """Return the errors of one split, overall and by family.

    Raises
    ------
    ValueError
        If the split is empty or its arrays do not fit together.
    """
    _check(split)
    families = sorted(set(split.family.tolist()))
    groups: dict[str, dict[str, Errors]] = {name: {} for name in ("", *families)}
    for quantity, residuals, labels in _residuals(split, baselines):
        for name, errors in groups.items():
            chosen = residuals[labels == name] if name else residuals
            if chosen.size:  # a family may have no stresses
                errors[quantity] = Errors.of(chosen)
    return SplitErrors(
        overall=_group(split.n_atoms, groups[""]),
        families={
            name: _group(split.n_atoms[split.family == name], groups[name]) for name in families
        },
    )


def _residuals(
    split: Predictions, baselines: Baselines
) -> Iterator[tuple[str, FloatArray, NDArray[np.str_]]]:
    """Yield one quantity at a time: residuals of frames or atoms, and the family of each."""
    n_atoms, energy, forces = split.n_atoms, split.energy_reference, split.forces_reference
    linear = baselines.energies(split.numbers, n_atoms)
    yield "energy", (split.energy_predicted - energy) / n_atoms, split.family
    yield "composition_linear", (linear - energy) / n_atoms, split.family
    of_atoms = np.repeat(split.family, n_atoms)
    yield "forces", split.forces_predicted - forces, of_atoms
    yield "zero_force", -forces, of_atoms
    yield "mean_force", baselines.forces(split.numbers) - forces, of_atoms
    known = np.isfinite(split.stress_reference).all(axis=(1, 2))
    stress, family = split.stress_reference[known], split.family[known]
    yield "stress", split.stress_predicted[known] - stress, family
    yield "zero_stress", -stress, family


def _group(n_atoms: IntArray, errors: Mapping[str, Errors]) -> GroupErrors:
    return GroupErrors(n_frames=len(n_atoms), n_atoms=int(n_atoms.sum()), **errors)


def _check(split: Predictions) -> None:
    n_frames, n_atoms = len(split.n_atoms), int(np.sum(split.n_atoms))
    if n_frames == 0:
        raise ValueError("no frames were predicted: errors over nothing are undefined")
    shapes = {
        "family": (n_frames,),
        "energy_reference": (n_frames,),
        "energy_predicted": (n_frames,),
        "numbers": (n_atoms,),
        "forces_reference": (n_atoms, 3),
        "forces_predicted": (n_atoms, 3),
        "stress_reference": (n_frames, 3, 3),
        "stress_predicted": (n_frames, 3, 3),
    }
    for name, expected in shapes.items():
        found = np.shape(getattr(split, name))
        if found != expected:
            raise ValueError(f"predictions: {name} has shape {found}, expected {expected}")
