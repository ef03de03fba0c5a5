"""Errors of a trained model, next to baselines that need no learning."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase.data import chemical_symbols
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
UNSEEN_SPLITS = ("test", "val")
"""Splits that a verdict may use, the better one first."""

NO_FORCE = 1e-4  # eV/Å; forces that vanish by symmetry have no ratio
_NO_ENERGY = 1e-4  # eV/atom
_NO_STRESS = 1e-5  # eV/Å³, 1.6 MPa


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


class ForceErrors(_Model):
    """Force errors of some atoms, the model's and the baselines'.

    Attributes
    ----------
    forces, zero_force, mean_force
        Force components: the model, no force at all, and the mean force of the species (eV/Å).
    """

    n_atoms: int
    forces: Errors
    zero_force: Errors
    mean_force: Errors

    @property
    def best_force_baseline(self) -> float:
        """Force MAE of the better baseline, eV/Å."""
        return min(self.zero_force.mae, self.mean_force.mae)

    @property
    def force_ratio(self) -> float:
        """Force MAE of the model over that of the better baseline; below 1 is learning."""
        best = self.best_force_baseline
        return self.forces.mae / best if best > 0 else float("inf")

    @property
    def forces_vanish(self) -> bool:
        """Whether there is nothing to learn, as in a perfect crystal: a ratio means nothing."""
        return self.best_force_baseline < NO_FORCE

    @property
    def forces_behind(self) -> bool:
        """Whether the model's forces are no better than the better baseline; NaN is not."""
        return not self.forces.mae < max(self.best_force_baseline, NO_FORCE)


class ElementErrors(ForceErrors):
    """Force errors of the atoms of one element."""


class GroupErrors(ForceErrors):
    """Errors of a group of frames, the model's and the baselines'.

    Attributes
    ----------
    energy, composition_linear
        Energy per atom: the model, and the energies of the species added up (eV/atom).
    stress, zero_stress
        Stress components of the frames that have one: the model, and no stress at all (eV/Å³);
        None where no frame has one.
    """

    n_frames: int
    energy: Errors
    composition_linear: Errors
    stress: Errors | None = None
    zero_stress: Errors | None = None

    @property
    def energy_behind(self) -> bool:
        """Whether the model's energies are no better than the species' energies added up."""
        return not self.energy.mae < max(self.composition_linear.mae, _NO_ENERGY)

    @property
    def stress_behind(self) -> bool:
        """Whether the model's stresses are no better than no stress at all; False without any."""
        if self.stress is None or self.zero_stress is None:
            return False
        return not self.stress.mae < max(self.zero_stress.mae, _NO_STRESS)


class SplitErrors(_Model):
    """Errors of one split.

    Attributes
    ----------
    overall, families
        All frames, and each family.
    overall_elements
        All atoms of each element, by symbol.
    elements
        By family, then symbol. Both are empty in files of earlier versions.
    """

    overall: GroupErrors
    families: dict[str, GroupErrors]
    overall_elements: dict[str, ElementErrors] = {}
    elements: dict[str, dict[str, ElementErrors]] = {}


class Evaluation(_Model):
    """Errors of a trained model on every split that was predicted.

    Attributes
    ----------
    n_train_frames
        Frames the baselines were fitted to.
    species_energies
        Energy of an atom in the composition-linear baseline, eV, by atomic number.
    train_families
        Symbols of the elements in each family of the training frames; empty in files of earlier
        versions.
    """

    n_train_frames: int
    species_energies: dict[int, float]
    splits: dict[str, SplitErrors]
    train_families: dict[str, list[str]] = {}

    def lacking(self, split: str) -> dict[str, list[str]]:
        """Return what a split lacks of all that was trained on or predicted.

        Returns
        -------
        By family, the symbols of the elements that have no atom of that family in the split.
        """
        known = {family: set(symbols) for family, symbols in self.train_families.items()}
        for errors in self.splits.values():
            for family, found in errors.elements.items():
                known.setdefault(family, set()).update(found)
        there = self.splits[split].elements
        lacking = {
            family: sorted(symbols.difference(there.get(family, ())))
            for family, symbols in sorted(known.items())
        }
        return {family: symbols for family, symbols in lacking.items() if symbols}

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
        train_families={
            family: [chemical_symbols[z] for z in numbers]
            for family, numbers in baselines.families.items()
        },
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
    """Return the errors of one split: overall, by family, by element, and by both.

    Raises
    ------
    ValueError
        If the split is empty or its arrays do not fit together.
    """
    _check(split)
    errors = _errors_by_group(split, baselines)
    of_atoms = np.repeat(split.family, split.n_atoms)

    def of_frames(family: str) -> GroupErrors:
        n_atoms = split.n_atoms[split.family == family] if family else split.n_atoms
        n_frames = len(n_atoms)
        total = int(n_atoms.sum())
        return GroupErrors(n_frames=n_frames, n_atoms=total, **errors[_Group(family)])

    def of_elements(family: str) -> dict[str, ElementErrors]:
        numbers = split.numbers[of_atoms == family] if family else split.numbers
        return {
            chemical_symbols[z]: ElementErrors(n_atoms=int(n), **errors[_Group(family, int(z))])
            for z, n in zip(*np.unique(numbers, return_counts=True), strict=True)
        }

    families = sorted(set(split.family.tolist()))
    return SplitErrors(
        overall=of_frames(""),
        families={family: of_frames(family) for family in families},
        overall_elements=of_elements(""),
        elements={family: of_elements(family) for family in families},
    )


@dataclass(frozen=True)
class _Group:
    """Atoms of a family ("": of all) and of an element (0: of all)."""

    family: str = ""
    element: int = 0


@dataclass(frozen=True, eq=False)
class _Residuals:
    """Residuals of one quantity; its frames' or atoms' families, and its atoms' numbers."""

    quantity: str
    values: FloatArray
    families: NDArray[np.str_]
    numbers: IntArray | None = None

    def of(self, group: _Group) -> FloatArray:
        if not group.family and not group.element:
            return self.values
        chosen = np.ones(len(self.values), dtype=bool)
        if group.family:
            chosen &= self.families == group.family
        if group.element and self.numbers is not None:
            chosen &= self.numbers == group.element
        return self.values[chosen]


def _errors_by_group(split: Predictions, baselines: Baselines) -> dict[_Group, dict[str, Errors]]:
    """Return the errors of each quantity of everything, families, elements, and both."""
    of_atoms = np.repeat(split.family, split.n_atoms)
    errors: dict[_Group, dict[str, Errors]] = {}
    for family in ("", *sorted(set(split.family.tolist()))):
        numbers = split.numbers[of_atoms == family] if family else split.numbers
        errors |= {_Group(family, int(z)): {} for z in (0, *np.unique(numbers))}
    for residuals in _residuals(split, baselines):
        for group, found in errors.items():
            if group.element and residuals.numbers is None:
                continue  # energies and stresses belong to frames
            chosen = residuals.of(group)
            if chosen.size:  # a family may have no stresses
                found[residuals.quantity] = Errors.of(chosen)
    return errors


def _residuals(split: Predictions, baselines: Baselines) -> Iterator[_Residuals]:
    """Yield one quantity at a time, so that only one copy of the forces is in memory."""
    n_atoms, energy, forces = split.n_atoms, split.energy_reference, split.forces_reference
    linear = baselines.energies(split.numbers, n_atoms)
    yield _Residuals("energy", (split.energy_predicted - energy) / n_atoms, split.family)
    yield _Residuals("composition_linear", (linear - energy) / n_atoms, split.family)
    numbers, of_atoms = split.numbers, np.repeat(split.family, n_atoms)
    yield _Residuals("forces", split.forces_predicted - forces, of_atoms, numbers)
    yield _Residuals("zero_force", -forces, of_atoms, numbers)
    yield _Residuals("mean_force", baselines.forces(numbers) - forces, of_atoms, numbers)
    known = np.isfinite(split.stress_reference).all(axis=(1, 2))
    stress, family = split.stress_reference[known], split.family[known]
    yield _Residuals("stress", split.stress_predicted[known] - stress, family)
    yield _Residuals("zero_stress", -stress, family)


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
