"""Drift of the total energy in dynamics without a thermostat."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from ase import Atoms

from analysis.validation.dynamics import moving_systems, temperatures, time_step, total_energies
from analysis.validation.material import Material
from analysis.validation.property import Case, Measurement, Property, Tolerance
from analysis.validation.source import Source

_STEPS = 200


def _cases(material: Material) -> Iterator[Case]:
    for name, supercell in moving_systems(material):
        for temperature in temperatures(material):

            def measure(
                source: Source, supercell: Atoms = supercell, temperature: float = temperature
            ) -> Measurement:
                atoms = supercell.copy()
                energies = total_energies(source, atoms, temperature, _STEPS, material.seed)
                picoseconds = np.arange(len(energies)) * time_step(atoms) / 1000
                slope = np.polyfit(picoseconds, 1000 * energies, 1)[0]
                return Measurement({"": float(abs(slope))})

            yield Case(f"{name}, {temperature:.0f} K", measure, float(_STEPS * len(supercell)))


PROPERTY = Property(
    name="nve_drift",
    title="Energy drift",
    unit="meV/atom/ps",
    cases=_cases,
    tolerance=Tolerance(absolute=1.0),
    group="dynamics",
    about="Slope of the total energy in dynamics without a thermostat, of a supercell at room "
    "temperature and at the highest temperature of the data.",
    exact=0.0,
    one_sided=True,
)
