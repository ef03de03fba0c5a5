"""Fit the kernel model to frames within a limit of work, and measure its errors."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols

from analysis.baselines import Baselines, Labelled, fit_baselines
from analysis.evaluation import Errors
from analysis.kernel_baseline.features import Features
from analysis.kernel_baseline.kernel_ridge import (
    ENERGY_WEIGHT,
    Design,
    KernelModel,
    NormalEquations,
)
from analysis.kernel_baseline.record import KernelErrors
from analysis.kernel_baseline.sparse_points import farthest_points
from cuprolith.arrays import FloatArray, IntArray
from cuprolith.progress import ProgressBar, SilentBar

RIDGES = tuple(10.0**power for power in range(-7, 1))  # (eV/Å)²
N_SPARSE = 600  # shared by the elements
_MAX_CANDIDATES = 4_000  # environments of an element that the sparse ones are chosen from
_MAX_PRODUCTS = 2.5e11  # some 20 s of one core


class JudgedFrame(Labelled, Protocol):
    """What the kernel model needs of a frame."""

    @property
    def family(self) -> str:
        """The candidate's."""

    def to_atoms(self) -> Atoms:
        """Return the structure."""


@dataclass(frozen=True, eq=False)
class FittedKernel:
    """A kernel model of the energy beyond the composition-linear baseline.

    Attributes
    ----------
    n_frames
        Training frames it was fitted to; fewer than there were if the limit of work was reached.
    ridge
        Chosen on the validation frames, (eV/Å)².
    seconds
        Processor time of the fit, with the choice of the ridge.
    """

    model: KernelModel
    baselines: Baselines
    n_frames: int
    ridge: float
    seconds: float

    @property
    def n_sparse(self) -> dict[str, int]:
        """Sparse environments by chemical symbol of the centre."""
        sparse = self.model.design.sparse
        return {chemical_symbols[number]: len(rows) for number, rows in sparse.items()}

    def predict(self, atoms: Atoms) -> tuple[float, FloatArray]:
        """Return the energy, eV, and the forces, shape (n_atoms, 3), eV/Å."""
        energy, forces = self.model.predict(atoms)
        return energy + _linear(self.baselines, atoms.numbers), forces


def fit_kernel(
    train: Sequence[JudgedFrame],
    val: Sequence[JudgedFrame],
    r_max: float,
    seed: int,
    *,
    n_sparse: int = N_SPARSE,
    max_products: float = _MAX_PRODUCTS,
    bar: ProgressBar | None = None,
) -> FittedKernel:
    """Fit the model to training frames, and choose the ridge on validation frames.

    Parameters
    ----------
    train, val
        At least one frame each.
    r_max
        Cutoff radius, Å.
    seed
        Of the order in which frames are taken and of the sparse environments.
    n_sparse
        Sparse environments, shared equally by the elements.
    max_products
        Limit of work on training frames, see `DesignRows.n_products`; at least one is taken.
    bar
        Told of each training frame.

    Raises
    ------
    ImportError
        If featomic is not installed.
    ValueError
        If there are no frames.
    """
    if not train or not val:
        raise ValueError("a kernel model needs training frames and validation frames")
    started = time.process_time()
    rng = np.random.default_rng(seed)
    train = [train[index] for index in rng.permutation(len(train))]
    baselines = fit_baselines(train)
    features = Features(baselines.species, r_max)
    n_each = max(1, n_sparse // len(baselines.species))
    design = Design(features, _sparse_environments(features, train, n_each, rng))
    equations, n_frames, n_products = NormalEquations(design), 0, 0
    bar = bar or SilentBar()
    for frame in train:
        rows = design.rows(frame.to_atoms())
        equations.add(rows, frame.energy - _linear(baselines, frame.numbers), frame.forces)
        n_frames, n_products = n_frames + 1, n_products + rows.n_products
        bar.advance(1)
        if n_products >= max_products:
            break
    coefficients = equations.solve(RIDGES)
    best = int(np.argmin(_losses(design, coefficients, baselines, val)))
    return FittedKernel(
        KernelModel(design, coefficients[:, best]),
        baselines,
        n_frames,
        RIDGES[best],
        time.process_time() - started,
    )


def kernel_errors(
    fitted: FittedKernel, frames: Sequence[JudgedFrame]
) -> tuple[KernelErrors, dict[str, KernelErrors]]:
    """Return the errors on frames, of all and by family.

    Raises
    ------
    ValueError
        If there are no frames.
    """
    if not frames:
        raise ValueError("errors over no frames are undefined")
    families = np.array([frame.family for frame in frames])
    n_atoms = np.array([len(frame.numbers) for frame in frames])
    of_energies, of_forces = [], []
    for frame in frames:
        energy, forces = fitted.predict(frame.to_atoms())
        of_energies.append((energy - frame.energy) / len(forces))
        of_forces.append(forces - frame.forces)
    energies, all_forces = np.array(of_energies), np.concatenate(of_forces)
    of_atoms = np.repeat(families, n_atoms)

    def errors(kept: IntArray, kept_atoms: IntArray) -> KernelErrors:
        return KernelErrors(
            n_frames=len(kept),
            n_atoms=len(kept_atoms),
            energy=Errors.of(energies[kept]),
            forces=Errors.of(all_forces[kept_atoms]),
        )

    return errors(np.arange(len(frames)), np.arange(len(all_forces))), {
        family: errors(np.flatnonzero(families == family), np.flatnonzero(of_atoms == family))
        for family in sorted(set(families.tolist()))
    }


def _sparse_environments(
    features: Features, frames: Sequence[JudgedFrame], n_each: int, rng: np.random.Generator
) -> dict[int, FloatArray]:
    """Choose environments of each element, from frames until there are enough candidates."""
    found: dict[int, list[FloatArray]] = {number: [] for number in features.numbers}
    counts = dict.fromkeys(features.numbers, 0)
    for frame in frames:
        if min(counts.values()) >= _MAX_CANDIDATES:
            break
        for number, rows in features.environments(frame.to_atoms()).items():
            if counts[number] < _MAX_CANDIDATES:
                found[number].append(rows / np.linalg.norm(rows, axis=1, keepdims=True))
                counts[number] += len(rows)
    return {
        number: rows[farthest_points(rows, n_each, rng)]
        for number, parts in found.items()
        for rows in [np.concatenate(parts)]
    }


def _losses(
    design: Design, coefficients: FloatArray, baselines: Baselines, frames: Sequence[JudgedFrame]
) -> FloatArray:
    """Return mean absolute errors weighed as in the fit, shape (n_ridges,)."""
    pushed, lifted = np.zeros(coefficients.shape[1]), np.zeros(coefficients.shape[1])
    n_components = 0
    for frame in frames:
        rows = design.rows(frame.to_atoms())
        forces = rows.forces @ coefficients - frame.forces[..., None]
        pushed += np.abs(forces).sum(axis=(0, 1))
        n_components += 3 * len(forces)
        energy = frame.energy - _linear(baselines, frame.numbers)
        lifted += np.abs(rows.energy @ coefficients - energy) / len(forces)
    losses: FloatArray = pushed / n_components + ENERGY_WEIGHT * lifted / len(frames)
    return losses


def _linear(baselines: Baselines, numbers: IntArray) -> float:
    return float(baselines.energies(numbers, [len(numbers)])[0])
