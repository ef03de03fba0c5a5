"""Whether an engine's energies are the work of its forces, along a short path."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.calculators.calculator import Calculator
from ase.data import atomic_numbers, covalent_radii
from scipy.interpolate import CubicSpline

from analysis.validation.free_energy import free_energy
from cuprolith.arrays import FloatArray

STEPS = 12
STEP_LENGTH = 0.0025
"""Root mean square displacement of an atom in one step, Å."""

SMOOTH = 0.1
"""Largest mismatch of a smooth engine, meV in one step: rounding in single precision is below."""

_RATTLE = 0.15  # Å
_LAYERS = 4


@dataclass(frozen=True, eq=False)
class PathCheck:
    """What a path has shown.

    Attributes
    ----------
    n_atoms
        Of the cell.
    mismatches
        Differences between the steps of the energy and the work of the forces, shape (`STEPS`,),
        meV per cell, without signs.
    """

    n_atoms: int
    mismatches: FloatArray

    @property
    def largest(self) -> float:
        """Largest mismatch of a step, meV per cell."""
        return float(self.mismatches.max())

    @property
    def typical(self) -> float:
        """Median mismatch: far below the largest where few steps are wrong, meV per cell."""
        return float(np.median(self.mismatches))

    @property
    def smooth(self) -> bool:
        """Whether energies and forces belong together."""
        return self.largest <= SMOOTH


def mixed_crystal(elements: Sequence[str], seed: int = 0) -> Atoms:
    """Return a rattled fcc cell of 16 atoms whose layers are of the elements in turn.

    Neighbours are 2.1 mean covalent radii apart; the mean is that of the atoms' volumes. With more
    elements than layers, each element has a part of a layer; 16 elements find a place.
    """
    radii = covalent_radii[[atomic_numbers[element] for element in elements]]
    radius = float(np.cbrt((radii**3).mean()))
    atoms = bulk("X", "fcc", a=2 * 1.05 * radius * np.sqrt(2), cubic=True).repeat((2, 1, 2))
    parts = max(_LAYERS, len(elements))
    for rank, atom in enumerate(np.argsort(atoms.positions[:, 2].round(6), kind="stable")):
        atoms.symbols[atom] = elements[rank * parts // len(atoms) % len(elements)]
    atoms.rattle(_RATTLE, seed=seed)
    return atoms


def check_path(calculator: Calculator, start: Atoms, seed: int = 0) -> PathCheck:
    """Move all atoms along a random direction in small steps, and compare energy and work.

    The work is the integral of a cubic spline through the force along the path, 1e-6 meV off for
    EMT. The mean force of both ends would be off by 0.1 meV where forces are 10 eV/Å.
    """
    direction = np.random.default_rng(seed).normal(size=(len(start), 3))
    direction *= STEP_LENGTH / np.sqrt((direction**2).sum(axis=1).mean())
    atoms = start.copy()
    atoms.calc = calculator
    energies, pushes = [], []
    for _ in range(STEPS + 1):
        energies.append(free_energy(atoms))
        pushes.append(float((atoms.get_forces() * direction).sum()))
        atoms.positions += direction
    along = CubicSpline(np.arange(STEPS + 1), pushes).antiderivative()
    work = -np.diff(along(np.arange(STEPS + 1)))
    return PathCheck(len(start), 1000 * np.abs(np.diff(energies) - work))
