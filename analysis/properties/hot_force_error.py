"""Force error on crystals displaced as at the highest temperature of the data."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from ase import Atoms

from analysis.validation.dynamics import rattled
from analysis.validation.force_errors import compare_forces
from analysis.validation.material import Material
from analysis.validation.property import Case, Curve, Measurement, Property, Tolerance
from analysis.validation.source import Source
from analysis.validation.supercell import supercell_of

_SNAPSHOTS = 2
_AMPLITUDE = 0.06  # Å at 300 K, root mean square along an axis: between copper's and lithium's


def _cases(material: Material) -> Iterator[Case]:
    deviation = _AMPLITUDE * np.sqrt(material.highest_temperature / 300)
    for name, cell in material.crystals.items():
        supercell = supercell_of(cell)

        def measure(source: Source, supercell: Atoms = supercell) -> Measurement:
            forces = []
            for snapshot in range(_SNAPSHOTS):
                atoms = rattled(supercell, deviation, material.seed + snapshot)
                atoms.calc = source.calculator()
                forces.append(atoms.get_forces().ravel())
            found = np.concatenate(forces)
            return Measurement(curves={"": Curve.of(np.arange(len(found)), found)})

        yield Case(name, measure, atom_steps=float(_SNAPSHOTS * len(supercell)))


PROPERTY = Property(
    name="hot_force_error",
    title="Forces on hot crystals",
    unit="%",
    cases=_cases,
    tolerance=Tolerance(absolute=10.0),
    group="dynamics",
    about="Force MAE over the mean force, on supercells whose atoms are displaced at random as far "
    "as at the highest temperature of the data.",
    compare=compare_forces,
)
