"""Whether nothing jumps as an atom crosses the cutoff."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from analysis.validation.dimer import Pair, dimer, pairs
from analysis.validation.free_energy import free_energy
from analysis.validation.material import Material
from analysis.validation.property import Case, Measurement, Property, Tolerance
from analysis.validation.source import Source

_STEP = 0.002  # Å
_STEPS = 20  # on each side of the cutoff


def _cases(material: Material) -> Iterator[Case]:
    if material.r_max is None:
        return
    distances = material.r_max + _STEP * (np.arange(-_STEPS, _STEPS) + 0.5)
    for name, pair in pairs(material):

        def measure(source: Source, pair: Pair = pair) -> Measurement:
            points = np.array([_along_bond(source, pair, distance) for distance in distances])
            energies, forces = points.T
            work = -(forces[1:] + forces[:-1]) / 2 * _STEP
            return Measurement({"": 1000 * float(np.abs(np.diff(energies) - work).max())})

        yield Case(name, measure, atom_steps=2.0 * len(distances))


def _along_bond(source: Source, pair: Pair, distance: float) -> tuple[float, float]:
    """Return the energy (eV), and the force that opens the bond (eV/Å)."""
    atoms = dimer(pair, distance)
    atoms.calc = source.calculator()
    energy = free_energy(atoms)
    return energy, float(atoms.get_forces()[1, 2])


PROPERTY = Property(
    name="cutoff_smoothness",
    title="Smoothness at the cutoff",
    unit="meV",
    cases=_cases,
    tolerance=Tolerance(absolute=0.1),
    group="atoms",
    about="Largest difference between a step of the energy of two atoms and the work of their "
    "forces, in steps of 2 mÅ across the cutoff radius.",
    exact=0.0,
)
