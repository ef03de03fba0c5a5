"""Energy of the isolated atom of each element."""

from __future__ import annotations

from collections.abc import Iterator

from ase import Atoms

from analysis.validation.dimer import BOX
from analysis.validation.free_energy import free_energy
from analysis.validation.material import Material
from analysis.validation.property import Case, Measurement, Property, Tolerance
from analysis.validation.source import Source


def _cases(material: Material) -> Iterator[Case]:
    for element in material.elements:

        def measure(source: Source, element: str = element) -> Measurement:
            atoms = Atoms(element, [[BOX / 2] * 3], cell=[BOX] * 3, pbc=True)
            atoms.calc = source.calculator()
            return Measurement({"": free_energy(atoms)})

        yield Case(element, measure, atom_steps=1.0)


PROPERTY = Property(
    name="isolated_atom_energy",
    title="Isolated atoms",
    unit="eV",
    cases=_cases,
    tolerance=Tolerance(absolute=0.1),
    group="atoms",
    about="Energy of one atom in a box of 20 Å: the zero of cohesive energies.",
)
