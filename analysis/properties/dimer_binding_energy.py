"""Depth of the well of every pair of elements."""

from __future__ import annotations

from collections.abc import Iterator

from analysis.validation.dimer import N_DISTANCES, Pair, dimer_curve, pairs
from analysis.validation.material import Material
from analysis.validation.property import Case, Curve, Measurement, Property, Tolerance
from analysis.validation.source import Source

_SHOWN = 5.0  # eV; the wall beyond would hide the well


def _cases(material: Material) -> Iterator[Case]:
    for name, pair in pairs(material):

        def measure(source: Source, pair: Pair = pair) -> Measurement:
            curve = dimer_curve(source, pair)
            low = curve.y < _SHOWN
            return Measurement(
                {"": float(-curve.y.min())}, {"": Curve.of(curve.x[low], curve.y[low])}
            )

        yield Case(name, measure, atom_steps=2.0 * N_DISTANCES)


PROPERTY = Property(
    name="dimer_binding_energy",
    title="Binding energies of dimers",
    unit="eV",
    cases=_cases,
    tolerance=Tolerance(relative=0.2, absolute=0.3),
    group="atoms",
    about="Depth of the energy of two atoms in a box over their distance, from half the sum of "
    "their covalent radii on, relative to a distance of 10 Å.",
    figure="curves",
    axes=("distance, Å", "energy, eV"),
)
