"""Isolated atoms: the zero of energy of each element."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from generators.boxes import BoxSettings, box_edge, check_gap, in_box, species_of
from generators.candidate import Candidate
from generators.family import BuildContext, Family, Kind


class IsolatedAtomSettings(BoxSettings):
    """Isolated atoms: their energies are the zero of energy of a model."""


def isolated_atom_candidates(elements: Iterable[str], box: float | None) -> list[Candidate]:
    """Isolated atoms, one for each element symbol, each in a cube with edges of `box` Å, or none.

    Raises
    ------
    GenerationError
        If the box is too small.
    """
    check_gap("isolated atoms", 0.0, box)
    return [
        Candidate(
            structure=in_box([element], np.zeros((1, 3)), box),
            family="isolated_atom",
            free_mask=(True,),
            parameters={"element": element, "box": box_edge(box)},
        )
        for element in sorted(set(elements))
    ]


def _build(section: IsolatedAtomSettings, context: BuildContext) -> list[Candidate]:
    return isolated_atom_candidates(species_of(section, context), section.box)


FAMILY = Family(
    name="isolated_atoms",
    settings=IsolatedAtomSettings,
    build=_build,
    kinds=(
        Kind("isolated_atom", "one atom in a box, the zero of energy of its element", "#000000"),
    ),
    order=80,
)
