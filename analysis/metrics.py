"""Errors of predicted energies, forces and stresses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cuprolith.arrays import FloatArray


@dataclass
class ErrorSum:
    """Running sums of residuals, so that errors of any amount of data need no memory.

    Attributes
    ----------
    count
        Number of residuals seen.
    absolute, squared, largest
        Sum of |r|, sum of r² and largest |r|.
    """

    count: int = 0
    absolute: float = 0.0
    squared: float = 0.0
    largest: float = 0.0

    def add(self, residuals: ArrayLike) -> None:
        """Take in residuals of any shape."""
        values = np.abs(np.asarray(residuals, dtype=float)).ravel()
        if values.size == 0:
            return
        self.count += values.size
        self.absolute += float(values.sum())
        self.squared += float(values @ values)
        self.largest = float(np.maximum(self.largest, values.max()))  # keeps NaN, unlike max()

    @property
    def mae(self) -> float:
        """Mean absolute error; NaN where nothing was added."""
        return self.absolute / self.count if self.count else float("nan")

    @property
    def rmse(self) -> float:
        """Root mean square error; NaN where nothing was added."""
        return float(np.sqrt(self.squared / self.count)) if self.count else float("nan")


def per_atom_energy_mae(reference: ArrayLike, predicted: ArrayLike, n_atoms: ArrayLike) -> float:
    """Mean absolute error of the energy per atom.

    Parameters
    ----------
    reference, predicted
        Total energies, shape (n_frames,), eV.
    n_atoms
        Atoms of each frame, shape (n_frames,).

    Returns
    -------
    MAE in eV/atom, every frame with the same weight.

    Raises
    ------
    ValueError
        If the shapes differ or there are no frames.
    """
    return _error_sum(per_atom_energy_residuals(reference, predicted, n_atoms)).mae


def force_mae(reference: ArrayLike, predicted: ArrayLike) -> float:
    """Mean absolute error per Cartesian force component.

    Parameters
    ----------
    reference, predicted
        Forces, shape (..., 3), eV/Å.

    Returns
    -------
    MAE in eV/Å over all components of all atoms.

    Raises
    ------
    ValueError
        If the shapes differ, the last axis is not 3, or there are no atoms.
    """
    return _error_sum(_component_residuals(reference, predicted, (3,))).mae


def force_rmse(reference: ArrayLike, predicted: ArrayLike) -> float:
    """Root mean square error per Cartesian force component, eV/Å (see `force_mae`)."""
    return _error_sum(_component_residuals(reference, predicted, (3,))).rmse


def stress_rmse(reference: ArrayLike, predicted: ArrayLike) -> float:
    """Root mean square error per component of the full stress tensor.

    Parameters
    ----------
    reference, predicted
        Stresses, shape (..., 3, 3), eV/Å³.

    Returns
    -------
    RMSE in eV/Å³ over all nine components.

    Raises
    ------
    ValueError
        If the shapes differ, the last axes are not (3, 3), or there are no frames.
    """
    return _error_sum(_component_residuals(reference, predicted, (3, 3))).rmse


def per_atom_energy_residuals(
    reference: ArrayLike, predicted: ArrayLike, n_atoms: ArrayLike
) -> FloatArray:
    """Predicted minus reference energy per atom, shape (n_frames,), eV/atom.

    Raises
    ------
    ValueError
        If the three arrays do not have the same one-dimensional shape.
    """
    reference, predicted, n_atoms = (np.asarray(x) for x in (reference, predicted, n_atoms))
    if reference.ndim != 1 or not reference.shape == predicted.shape == n_atoms.shape:
        raise ValueError(
            "energies and atom counts must be vectors of one length, got shapes "
            f"{reference.shape}, {predicted.shape}, {n_atoms.shape}"
        )
    residuals: FloatArray = (predicted.astype(float) - reference.astype(float)) / n_atoms
    return residuals


def _component_residuals(
    reference: ArrayLike, predicted: ArrayLike, last_axes: tuple[int, ...]
) -> NDArray[Any]:
    reference, predicted = np.asarray(reference, dtype=float), np.asarray(predicted, dtype=float)
    if reference.shape != predicted.shape or reference.shape[-len(last_axes) :] != last_axes:
        raise ValueError(
            f"reference and predicted must have one shape (..., {', '.join(map(str, last_axes))}), "
            f"got {reference.shape} and {predicted.shape}"
        )
    return predicted - reference


def _error_sum(residuals: NDArray[Any]) -> ErrorSum:
    if residuals.size == 0:
        raise ValueError("no data: an error over nothing is undefined")
    errors = ErrorSum()
    errors.add(residuals)
    return errors
