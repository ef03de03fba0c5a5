"""Whether twice the crystal has twice the energy."""

from __future__ import annotations

from collections.abc import Iterator

from ase import Atoms

from analysis.validation.dynamics import rattled
from analysis.validation.free_energy import free_energy
from analysis.validation.material import Material
from analysis.validation.property import Case, Measurement, Property, Tolerance
from analysis.validation.source import Source

_RATTLE = 0.1  # Å


def _cases(material: Material) -> Iterator[Case]:
    for name, cell in material.crystals.items():

        def measure(source: Source, cell: Atoms = cell) -> Measurement:
            once = rattled(cell, _RATTLE, material.seed)
            energies = [_per_atom(source, once.repeat(n)) for n in ((1, 1, 1), (2, 1, 1))]
            return Measurement({"": 1000 * (energies[1] - energies[0])})

        yield Case(name, measure, atom_steps=3.0 * len(cell))


def _per_atom(source: Source, atoms: Atoms) -> float:
    atoms.calc = source.calculator()
    return free_energy(atoms) / len(atoms)


PROPERTY = Property(
    name="extensivity",
    title="Extensivity",
    unit="meV/atom",
    cases=_cases,
    tolerance=Tolerance(absolute=0.1),
    group="atoms",
    about="Energy per atom of a displaced cell repeated twice, minus that of the cell itself.",
    exact=0.0,
)
