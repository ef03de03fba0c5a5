"""Forces on labelled frames that the potential has not seen."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from ase import Atoms

from analysis.validation.force_errors import compare_forces
from analysis.validation.material import Material
from analysis.validation.property import Case, Curve, Measurement, Property, Tolerance
from analysis.validation.source import Source


def _cases(material: Material) -> Iterator[Case]:
    for name, frames in material.held_out.items():

        def measure(source: Source, frames: tuple[Atoms, ...] = frames) -> Measurement:
            found = np.concatenate([source.forces(frame).ravel() for frame in frames])
            return Measurement(curves={"": Curve.of(np.arange(len(found)), found)})

        yield Case(name, measure, atom_steps=float(sum(map(len, frames))))


PROPERTY = Property(
    name="held_out_forces",
    title="Forces on held-out frames",
    unit="%",
    cases=_cases,
    tolerance=Tolerance(absolute=20.0),
    group="dynamics",
    about="Force MAE over the mean force, on frames of a dataset that the potential was not "
    "trained on. Only of a potential judged by a dataset; campaigns have a table of errors.",
    compare=compare_forces,
)
