"""Relaxation of the free components in the fixed cell, and the single point."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator
from ase.calculators.singlepoint import SinglePointCalculator
from ase.constraints import FixAtoms, FixScaled
from ase.optimize import BFGS, FIRE
from ase.optimize.optimize import Optimizer

from workflows.vasp_rehearsal.inputs import RunInputs
from workflows.vasp_rehearsal.motion import Continuation, Label, WalkStep, evaluate


def single_point(inputs: RunInputs, calculator: Calculator) -> Iterator[WalkStep]:
    """Label the configuration of POSCAR."""
    label = evaluate(inputs.atoms, calculator)
    yield WalkStep(label, Continuation(label.positions))


def relaxation(inputs: RunInputs, calculator: Calculator) -> Iterator[WalkStep]:
    """Walk towards zero force until EDIFFG is met or NSW steps are labelled.

    The path is ASE's, not VASP's: BFGS for IBRION = 1 and 2, FIRE for 3. EDIFFG < 0 bounds the
    force on the free components of every atom (eV/Å), EDIFFG > 0 the change of the energy (eV).
    """
    settings = inputs.settings
    atoms = inputs.atoms.copy()
    atoms.set_constraint(constraints(inputs))
    label = evaluate(atoms, calculator)
    optimizer = _optimizer(settings.ibrion, atoms, label)
    before: Label | None = None
    for step in range(1, settings.nsw + 1):
        converged = _reached(label, before, atoms, settings.ediffg)
        yield WalkStep(label, Continuation(label.positions), converged=converged)
        if converged or step == settings.nsw:
            return
        optimizer.step()
        before, label = label, evaluate(atoms, calculator)
        _attach(atoms, label)


def constraints(inputs: RunInputs) -> list[FixAtoms | FixScaled]:
    """Return ASE's form of selective dynamics, whose flags go by lattice vector."""
    if inputs.free is None:
        return []
    fixed = ~inputs.free
    partly = np.flatnonzero(fixed.any(axis=1) & ~fixed.all(axis=1))
    return [
        FixAtoms(mask=fixed.all(axis=1)),
        *(FixScaled(int(index), fixed[index], cell=inputs.atoms.cell) for index in partly),
    ]


def _optimizer(ibrion: int, atoms: Atoms, label: Label) -> Optimizer:
    _attach(atoms, label)
    if ibrion == 3:
        return FIRE(atoms, logfile=None)
    return BFGS(atoms, logfile=None, maxstep=0.1)


def _attach(atoms: Atoms, label: Label) -> None:
    """Give the optimiser the label that is written, so that no configuration is labelled twice."""
    atoms.calc = SinglePointCalculator(
        atoms, energy=label.energy, free_energy=label.energy, forces=label.forces
    )


def _reached(label: Label, before: Label | None, atoms: Atoms, ediffg: float) -> bool:
    if ediffg < 0:
        return bool(np.linalg.norm(atoms.get_forces(), axis=1).max() < -ediffg)
    return before is not None and abs(label.energy - before.energy) < ediffg
