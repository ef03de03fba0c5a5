"""What a walk through configurations yields after every ionic step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator

from workflows.vasp_rehearsal.thermostat import Thermostat


@dataclass(frozen=True)
class Label:
    """A labelled configuration.

    Attributes
    ----------
    positions
        Cartesian, Å, shape (n, 3).
    energy
        Free energy, eV.
    forces
        eV/Å, shape (n, 3).
    stress
        eV/Å³ with ASE's sign, shape (3, 3).
    """

    positions: np.ndarray
    energy: float
    forces: np.ndarray
    stress: np.ndarray


@dataclass(frozen=True)
class ThermalEnergies:
    """Energies of one step of molecular dynamics in eV, temperature in K."""

    temperature: float
    kinetic: float
    nose_potential: float
    nose_kinetic: float


@dataclass(frozen=True)
class Continuation:
    """From where a next run goes on, as CONTCAR holds it.

    Attributes
    ----------
    positions
        Cartesian, Å, shape (n, 3).
    velocities
        Cartesian, Å/fs, shape (n, 3), half a step before the positions; None unless in MD.
    """

    positions: np.ndarray
    velocities: np.ndarray | None = None
    thermostat: Thermostat | None = None
    time_step: float = 0.0


@dataclass(frozen=True)
class WalkStep:
    """One ionic step: its label, what follows it, and whether the walk ends converged here."""

    label: Label
    continuation: Continuation
    thermal: ThermalEnergies | None = None
    converged: bool = False


def evaluate(atoms: Atoms, calculator: Calculator) -> Label:
    """Label the atoms as they are; forces are those of the potential, constraints or not."""
    bare = Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=True)
    bare.calc = calculator
    return Label(
        positions=atoms.positions.copy(),
        energy=float(bare.get_potential_energy(force_consistent=True)),
        forces=np.array(bare.get_forces()),
        stress=np.array(bare.get_stress(voigt=False)),
    )
