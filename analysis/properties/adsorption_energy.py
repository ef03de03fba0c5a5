"""Adsorption energy of every adatom."""

from __future__ import annotations

from collections.abc import Iterator

from analysis.validation.adsorption import Adsorption, adsorptions
from analysis.validation.energies import not_converged, numbered
from analysis.validation.material import Material
from analysis.validation.property import Case, Measurement, Property, Tolerance
from analysis.validation.source import Source


def _cases(material: Material) -> Iterator[Case]:
    named = ((f"{found.adsorbate_and_face} {found.site}", found) for found in adsorptions(material))
    for name, found in numbered(named):

        def measure(source: Source, found: Adsorption = found) -> Measurement:
            relaxed = source.relaxed(found.structure)
            notes = not_converged(("slab with the adatom", relaxed.converged))
            return Measurement({"": found.energy(source, material)}, notes=notes)

        yield Case(name, measure, atom_steps=found.atom_steps)


PROPERTY = Property(
    name="adsorption_energy",
    title="Adsorption energies",
    unit="eV",
    cases=_cases,
    tolerance=Tolerance(relative=0.15, absolute=0.05),
    group="surfaces",
    about="Relaxed slab with one atom on it, minus the relaxed slab and one atom of the adatom's "
    "own crystal (of the isolated atom, if the campaign has no such crystal). Below zero: the atom "
    "prefers the surface.",
    figure="bars",
)
