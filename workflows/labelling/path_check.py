"""Whether an engine's energies are the work of its forces, along a short path."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.calculators.calculator import Calculator
from ase.data import atomic_numbers, covalent_radii

STEPS = 12
STEP_LENGTH = 0.0025
"""Root mean square displacement of an atom in one step, Å."""

SMOOTH = 0.1
"""Largest mismatch of a smooth engine, meV in one step: rounding in single precision is below."""

_RATTLE = 0.15  # Å


@dataclass(frozen=True)
class PathCheck:
    """What a path has shown.

    Attributes
    ----------
    n_atoms
        Of the cell.
    largest
        Largest difference between a step of the energy and the work of the forces, meV per cell.
    """

    n_atoms: int
    largest: float

    @property
    def smooth(self) -> bool:
        """Whether energies and forces belong together."""
        return self.largest <= SMOOTH


def mixed_crystal(elements: Sequence[str], seed: int = 0) -> Atoms:
    """Return a rattled fcc cell of 16 atoms whose layers are of the elements in turn.

    Neighbours are 1.05 sums of their mean covalent radius apart.
    """
    radius = float(np.mean([covalent_radii[atomic_numbers[element]] for element in elements]))
    atoms = bulk("X", "fcc", a=2 * 1.05 * radius * np.sqrt(2), cubic=True).repeat((2, 1, 2))
    layers = np.unique(atoms.positions[:, 2].round(6), return_inverse=True)[1]
    atoms.set_chemical_symbols([elements[layer % len(elements)] for layer in layers])
    atoms.rattle(_RATTLE, seed=seed)
    return atoms


def check_path(calculator: Calculator, start: Atoms, seed: int = 0) -> PathCheck:
    """Move all atoms along a random direction in small steps, and compare energy and work.

    The work of a step is that of the mean force, whose own error is far below `SMOOTH`.
    """
    direction = np.random.default_rng(seed).normal(size=(len(start), 3))
    direction *= STEP_LENGTH / np.sqrt((direction**2).sum(axis=1).mean())
    atoms = start.copy()
    atoms.calc = calculator
    consistent = "free_energy" in calculator.implemented_properties
    energies, pushes = [], []
    for _ in range(STEPS + 1):
        energies.append(float(atoms.get_potential_energy(force_consistent=consistent)))
        pushes.append(float((atoms.get_forces() * direction).sum()))
        atoms.positions += direction
    work = -(np.array(pushes[1:]) + np.array(pushes[:-1])) / 2
    mismatch = np.abs(np.diff(energies) - work).max()
    return PathCheck(len(start), float(1000 * mismatch))
