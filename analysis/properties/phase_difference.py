"""Energies of bcc, fcc and hcp of each element, relative to its own crystal."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from ase import Atoms
from ase.build import bulk

from analysis.validation.equation_of_state import SCAN, equation_of_state, scanned
from analysis.validation.material import Material
from analysis.validation.property import Case, Measurement, Property, Tolerance
from analysis.validation.source import Source

_PHASES = ("bcc", "fcc", "hcp")


def _cases(material: Material) -> Iterator[Case]:
    for name, cell in material.crystals.items():
        if len(set(cell.get_chemical_symbols())) == 1:

            def measure(source: Source, name: str = name, cell: Atoms = cell) -> Measurement:
                own = equation_of_state(source, material, name).energy
                return Measurement(
                    {
                        phase: 1000 * (scanned(source, other).energy - own)
                        for phase, other in close_packed(cell).items()
                    }
                )

            yield Case(name, measure, atom_steps=2 * len(SCAN) * (1 + 1 + 2))


def close_packed(cell: Atoms) -> dict[str, Atoms]:
    """Return primitive bcc, fcc and hcp cells of an element at the volume per atom of its crystal.

    hcp has the ideal ratio of axes.
    """
    symbol = cell.get_chemical_symbols()[0]
    volume = cell.get_volume() / len(cell)
    edges = {
        "bcc": np.cbrt(2 * volume),
        "fcc": np.cbrt(4 * volume),
        "hcp": np.cbrt(np.sqrt(2) * volume),
    }
    return {
        phase: bulk(symbol, phase, a=float(edges[phase]))
        if phase != "hcp"
        else bulk(symbol, phase, a=float(edges[phase]), covera=float(np.sqrt(8 / 3)))
        for phase in _PHASES
    }


PROPERTY = Property(
    name="phase_difference",
    title="Differences between crystal structures",
    unit="meV/atom",
    cases=_cases,
    tolerance=Tolerance(relative=0.15, absolute=10.0),
    group="crystals",
    about="bcc, fcc and hcp (ideal ratio of axes) at their own equilibrium volumes, relative to "
    "the element's own crystal.",
)
