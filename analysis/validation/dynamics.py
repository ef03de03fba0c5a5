"""Molecular dynamics of small supercells."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from ase import Atoms, units
from ase.data import covalent_radii
from ase.md.langevin import Langevin
from ase.md.velocitydistribution import MaxwellBoltzmannDistribution, Stationary
from ase.md.verlet import VelocityVerlet
from ase.optimize import BFGS
from matscipy.neighbours import neighbour_list

from analysis.validation.material import Material
from analysis.validation.source import Source
from analysis.validation.supercell import supercell_of
from cuprolith.arrays import FloatArray

ROOM_TEMPERATURE = 300.0
"""K; of potentials whose data say nothing of temperatures, too."""

_FRICTION = 0.02 / units.fs
_TOO_CLOSE = 0.5  # sums of covalent radii
_TOO_HOT = 3.0  # times the temperature asked for
_COOLING_STEP, _COOLING_STEPS = 0.1, 60  # Å, and of them
_COOL_FORCE = 0.1  # eV/Å


def temperatures(material: Material) -> list[float]:
    """Return room temperature and the highest of the data, K, each once."""
    return sorted({ROOM_TEMPERATURE, material.highest_temperature})


def time_step(atoms: Atoms) -> float:
    """Return a time step that the lightest atom follows, fs."""
    return 0.5 if atoms.get_masses().min() < 3 else 1.0 if atoms.get_masses().min() < 20 else 2.0


def total_energies(
    source: Source, atoms: Atoms, temperature: float, n_steps: int, seed: int
) -> FloatArray:
    """Return the total energy per atom after each step of NVE dynamics, shape (n_steps,), eV.

    Raises
    ------
    ArithmeticError
        If an energy is not finite.
    """
    start_moving(atoms, temperature, seed)
    atoms.calc = source.calculator()
    dynamics = VelocityVerlet(atoms, timestep=time_step(atoms) * units.fs)
    energies = []
    for _ in dynamics.irun(steps=n_steps):
        energies.append(atoms.get_total_energy() / len(atoms))
        if not np.isfinite(energies[-1]):
            raise ArithmeticError(f"the energy is {energies[-1]} after {len(energies)} steps")
    return np.array(energies)


def sane_share(
    source: Source, atoms: Atoms, temperature: float, n_steps: int, seed: int
) -> tuple[float, str]:
    """Run NVT dynamics and return the share of it that is sane, and what ended it.

    Sane: numbers are finite, no two atoms are closer than half the sum of their covalent radii,
    and the temperature is below three times the one asked for, more where few atoms fluctuate.
    """
    start_moving(atoms, temperature, seed)
    atoms.calc = source.calculator()
    dynamics = Langevin(
        atoms,
        timestep=time_step(atoms) * units.fs,
        temperature_K=temperature,
        friction=_FRICTION,
        rng=np.random.default_rng(seed),
    )
    for step, _ in enumerate(dynamics.irun(steps=n_steps)):
        if problem := _problem(atoms, temperature):
            return step / n_steps, f"{problem} after {step} steps"
    return 1.0, ""


def start_moving(atoms: Atoms, temperature: float, seed: int) -> None:
    """Give atoms random velocities of a temperature (K), and the whole none."""
    rng = np.random.default_rng(seed)
    # Half of the kinetic energy of a crystal at rest becomes potential energy.
    MaxwellBoltzmannDistribution(atoms, temperature_K=2 * temperature, force_temp=True, rng=rng)
    Stationary(atoms)


def rattled(atoms: Atoms, standard_deviation: float, seed: int) -> Atoms:
    """Return a copy whose atoms are displaced at random (Å)."""
    displaced = atoms.copy()
    displaced.rattle(standard_deviation, seed=seed)
    return displaced


def _problem(atoms: Atoms, temperature: float) -> str:
    if not (np.isfinite(atoms.positions).all() and np.isfinite(atoms.get_potential_energy())):
        return "a number is not finite"
    # Few atoms fluctuate: by sqrt(2/3n) of the temperature, and runs start at twice of it.
    if atoms.get_temperature() > (_TOO_HOT + 5 * (2 / (3 * len(atoms))) ** 0.5) * temperature:
        return f"{atoms.get_temperature():.0f} K"
    radii = _TOO_CLOSE * covalent_radii[atoms.numbers]
    placed = atoms if atoms.cell.rank == 3 else _in_a_box(atoms)
    first, second, distances = neighbour_list("ijd", placed, float(2 * radii.max()))
    if (distances < radii[first] + radii[second]).any():
        return "two atoms closer than half a bond"
    return ""


def _in_a_box(atoms: Atoms) -> Atoms:
    """Return a copy in a cell, which the neighbour list needs; no direction is periodic."""
    boxed = Atoms(atoms.numbers, atoms.positions)
    boxed.center(vacuum=1.0)
    return boxed


def moving_systems(material: Material) -> Iterator[tuple[str, Atoms]]:
    """Yield a supercell of each crystal, and the first frame of each group, with its name."""
    for name, cell in material.crystals.items():
        yield name, supercell_of(cell)
    for name, frames in material.held_out.items():
        yield name, frames[0].copy()


def cooled(source: Source, atoms: Atoms) -> Atoms:
    """Return a copy near its minimum: a frame of hot dynamics would heat a run at 300 K."""
    atoms = atoms.copy()
    atoms.calc = source.calculator()
    BFGS(atoms, logfile=None, maxstep=_COOLING_STEP).run(fmax=_COOL_FORCE, steps=_COOLING_STEPS)
    atoms.calc = None
    return atoms
