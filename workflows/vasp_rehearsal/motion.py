"""Paths through configurations: relaxations and single points."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator
from ase.calculators.singlepoint import SinglePointCalculator
from ase.constraints import FixAtoms, FixScaled
from ase.optimize import BFGS

from workflows.vasp_rehearsal.inputs import RunInputs
from workflows.vasp_rehearsal.thermostat import Thermostat


@dataclass(frozen=True)
class Label:
    """A configuration, (n, 3) in Å, with energy (eV), forces (eV/Å) and stress (3, 3), eV/Å³."""

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
    """Start of a next run, as in CONTCAR.

    Attributes
    ----------
    positions
        Cartesian, Å, shape (n, 3).
    velocities
        Cartesian, Å/fs, shape (n, 3), half a step before the positions; None unless in MD.
    thermostat, time_step
        Its state, and fs; of MD.
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


def single_point(inputs: RunInputs, calculator: Calculator) -> Iterator[WalkStep]:
    """Label the configuration of POSCAR."""
    label = evaluate(inputs.atoms, calculator)
    yield WalkStep(label, Continuation(label.positions))


def relaxation(inputs: RunInputs, calculator: Calculator) -> Iterator[WalkStep]:
    """Walk towards zero force until EDIFFG is met or NSW steps are labelled.

    The path is that of ASE's BFGS, not VASP's. EDIFFG < 0 bounds the force on the free components
    of every atom (eV/Å), EDIFFG > 0 the change of the energy (eV).
    """
    settings = inputs.settings
    atoms = inputs.atoms.copy()
    atoms.set_constraint(_constraints(inputs))
    label = evaluate(atoms, calculator)
    _attach(atoms, label)
    optimizer = BFGS(atoms, logfile=None, maxstep=0.1)
    before: Label | None = None
    for step in range(1, settings.nsw + 1):
        converged = _reached(label, before, atoms, settings.ediffg)
        yield WalkStep(label, Continuation(label.positions), converged=converged)
        if converged or step == settings.nsw:
            return
        optimizer.step()
        before, label = label, evaluate(atoms, calculator)
        _attach(atoms, label)


def _constraints(inputs: RunInputs) -> list[FixAtoms | FixScaled]:
    """Return ASE's form of selective dynamics, whose flags go by lattice vector."""
    if inputs.free is None:
        return []
    fixed = ~inputs.free
    partly = np.flatnonzero(fixed.any(axis=1) & ~fixed.all(axis=1))
    return [
        FixAtoms(mask=fixed.all(axis=1)),
        *(FixScaled(int(index), fixed[index], cell=inputs.atoms.cell) for index in partly),
    ]


def _attach(atoms: Atoms, label: Label) -> None:
    """Give the optimiser the label that is written, so that no configuration is labelled twice."""
    atoms.calc = SinglePointCalculator(
        atoms, energy=label.energy, free_energy=label.energy, forces=label.forces
    )


def _reached(label: Label, before: Label | None, atoms: Atoms, ediffg: float) -> bool:
    if ediffg < 0:
        return bool(np.linalg.norm(atoms.get_forces(), axis=1).max() < -ediffg)
    return before is not None and abs(label.energy - before.energy) < ediffg
