"""Molecular dynamics as IBRION = 0 asks for it: constant energy or Nosé–Hoover, with a ramp."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from ase import units
from ase.calculators.calculator import Calculator

from workflows.vasp_rehearsal.incar import RunSettings
from workflows.vasp_rehearsal.inputs import RunInputs
from workflows.vasp_rehearsal.motion import (
    Continuation,
    Label,
    ThermalEnergies,
    WalkStep,
    evaluate,
)
from workflows.vasp_rehearsal.thermostat import Thermostat, nose_mass

_FORCE_TO_ACCELERATION = units._e / units._amu * 1e-10
"""eV/Å per u in Å/fs²."""


@dataclass(frozen=True)
class _Mobile:
    """The moving part of the atoms: masses (n, 1) in u, and a projector on the free components."""

    masses: np.ndarray
    cell: np.ndarray
    free: np.ndarray | None

    @property
    def degrees(self) -> int:
        """Degrees of freedom: three of the centre of mass are lost when nothing is fixed."""
        if self.free is None:
            return max(3 * len(self.masses) - 3, 1)
        return max(int(self.free.sum()), 1)

    def project(self, vectors: np.ndarray) -> np.ndarray:
        """Remove the components along lattice vectors that selective dynamics fixes."""
        if self.free is None:
            return vectors
        return np.where(self.free, vectors @ np.linalg.inv(self.cell), 0.0) @ self.cell

    def kinetic(self, velocities: np.ndarray) -> float:
        """Kinetic energy in eV of velocities in Å/fs."""
        return float((self.masses * velocities**2).sum() / 2 / _FORCE_TO_ACCELERATION)

    def temperature(self, kinetic: float) -> float:
        """Temperature in K."""
        return 2 * kinetic / (self.degrees * units.kB)


def molecular_dynamics(inputs: RunInputs, calculator: Calculator) -> Iterator[WalkStep]:
    """Walk NSW steps of time reversible leapfrog.

    Velocities in POSCAR and CONTCAR belong to half a step before the positions. Each step first
    brings them to the positions' time, where temperature and conserved quantity are taken, then
    moves on; so a run that starts from CONTCAR continues exactly, conserved quantity included.
    The target temperature of step k is TEBEG + (TEEND − TEBEG) k / NSW.
    """
    settings = inputs.settings
    atoms = inputs.atoms.copy()
    mobile = _Mobile(atoms.get_masses()[:, None], atoms.cell.array, inputs.free)
    bath = _bath(inputs)
    thermostat = inputs.thermostat or Thermostat()
    label = evaluate(atoms, calculator)
    velocities = inputs.velocities
    if velocities is None or not velocities.any():
        velocities = _initial_velocities(inputs, mobile, label)
    for step in range(1, settings.nsw + 1):
        velocities = velocities + _kick(label, mobile, settings.potim / 2)
        thermostat, velocities = _damp(thermostat, velocities, mobile, bath, settings, step)
        thermal = _thermal_energies(velocities, thermostat, mobile, bath)
        thermostat, velocities = _damp(thermostat, velocities, mobile, bath, settings, step)
        velocities = velocities + _kick(label, mobile, settings.potim / 2)
        atoms.positions += settings.potim * velocities
        yield WalkStep(
            label,
            Continuation(atoms.positions.copy(), velocities, thermostat, settings.potim),
            thermal,
        )
        if step < settings.nsw:
            label = evaluate(atoms, calculator)


def _bath(inputs: RunInputs) -> float | None:
    """Nosé mass in eV fs²; None at constant energy."""
    smass = inputs.settings.smass
    return None if smass < 0 else nose_mass(smass, float(inputs.atoms.cell.lengths()[0]))


def _initial_velocities(inputs: RunInputs, mobile: _Mobile, label: Label) -> np.ndarray:
    """Maxwell–Boltzmann velocities scaled to TEBEG at the first step, from the run's seed."""
    settings = inputs.settings
    noise = np.random.default_rng(inputs.seed).standard_normal(inputs.atoms.positions.shape)
    velocities = mobile.project(noise / np.sqrt(mobile.masses))
    if inputs.free is None:
        velocities -= (mobile.masses * velocities).sum(axis=0) / mobile.masses.sum()
    warm = mobile.temperature(mobile.kinetic(velocities))
    if warm > 0:  # a single atom has no motion but that of the centre of mass
        velocities *= np.sqrt(settings.tebeg / warm)
    return velocities - _kick(label, mobile, settings.potim / 2)


def _kick(label: Label, mobile: _Mobile, time_step: float) -> np.ndarray:
    """Change of the velocities (Å/fs) in a time (fs)."""
    return mobile.project(label.forces / mobile.masses) * _FORCE_TO_ACCELERATION * time_step


def _damp(
    thermostat: Thermostat,
    velocities: np.ndarray,
    mobile: _Mobile,
    bath: float | None,
    settings: RunSettings,
    step: int,
) -> tuple[Thermostat, np.ndarray]:
    """Let the thermostat act for half a step."""
    if bath is None:
        return thermostat, velocities
    target = settings.tebeg + (settings.teend - settings.tebeg) * step / settings.nsw
    thermostat, scale = thermostat.damp(
        mobile.kinetic(velocities), target, bath, mobile.degrees, settings.potim / 2
    )
    return thermostat, scale * velocities


def _thermal_energies(
    velocities: np.ndarray, thermostat: Thermostat, mobile: _Mobile, bath: float | None
) -> ThermalEnergies:
    kinetic = mobile.kinetic(velocities)
    return ThermalEnergies(
        temperature=mobile.temperature(kinetic),
        kinetic=kinetic,
        nose_potential=thermostat.work if bath is not None else 0.0,
        nose_kinetic=thermostat.kinetic(bath) if bath is not None else 0.0,
    )
