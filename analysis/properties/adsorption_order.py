"""Whether the sites of a face come in the right order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import combinations

from analysis.validation.adsorption import Adsorption, adsorptions
from analysis.validation.energies import numbered
from analysis.validation.material import Material
from analysis.validation.property import Case, Compared, Measurement, Property, Tolerance
from analysis.validation.source import Source

_CLEAR = 0.02  # eV; sites closer than this have no order


def _cases(material: Material) -> Iterator[Case]:
    faces: dict[str, list[Adsorption]] = defaultdict(list)
    for found in adsorptions(material):
        faces[found.adsorbate_and_face].append(found)
    for face, sites in faces.items():
        if len(sites) > 1:

            def measure(source: Source, sites: list[Adsorption] = sites) -> Measurement:
                named = numbered((found.site, found) for found in sites)
                return Measurement({name: found.energy(source, material) for name, found in named})

            yield Case(face, measure, atom_steps=sum(found.atom_steps for found in sites))


def _compare(potential: Measurement, reference: Measurement) -> list[Compared]:
    """Count the pairs that are clearly in one order, and in the other by the potential."""
    mine, theirs = potential.values, reference.values
    wrong = 0
    for one, other in combinations(theirs, 2):
        difference = theirs[one] - theirs[other]
        if abs(difference) > _CLEAR and not difference * (mine[one] - mine[other]) > 0:
            wrong += 1
    return [Compared("", float(wrong), 0.0)]


PROPERTY = Property(
    name="adsorption_order",
    title="Order of adsorption sites",
    unit="pairs",
    cases=_cases,
    tolerance=Tolerance(),
    group="surfaces",
    about="Pairs of sites of one face whose energies are in the wrong order. Sites that differ by "
    "less than 20 meV in the reference have no order.",
    compare=_compare,
)
