"""Dimers: how two atoms bind."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations_with_replacement
from typing import Annotated

import numpy as np
from pydantic import Field

from cuprolith.settings import Listed
from generators.boxes import BoxSettings, box_edge, check_gap, in_box, species_of
from generators.candidate import Candidate
from generators.errors import GenerationError
from generators.family import BuildContext, Family, Kind
from generators.stable_numbers import stable_round


class DimerSettings(BoxSettings):
    """Two atoms of every pair of elements, at several distances."""

    distances: Annotated[tuple[Annotated[float, Field(gt=0.3, lt=10)], ...], Listed] = Field(
        default=(0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 1.75, 2.0, 2.5),
        min_length=1,
        max_length=1000,
        description="distances, as multiples of the sum of the two covalent radii",
    )


def dimer_candidates(elements: Iterable[str], settings: DimerSettings) -> list[Candidate]:
    """Place two atoms of each pair of elements at several distances, along the edge of a cube.

    Also pairs of an element with itself. Covalent radii are those of Cordero et al., Dalton Trans.
    2008, 2832. No atom is free: a relaxation labels the dimer as it is.

    Returns
    -------
    list
        By pair, then by distance. The parent of all dimers of a pair is the one at the sum of the
        radii, whether or not that one is among them.

    Raises
    ------
    GenerationError
        If the box is too small, or the radius of an element is not known.
    """
    box = settings.box
    candidates = []
    for pair in combinations_with_replacement(sorted(set(elements)), 2):
        bond = sum(map(_radius, pair))
        check_gap(f"the {'-'.join(pair)} dimer", bond * max(settings.distances), box)
        parent = _dimer(pair, stable_round(bond), box, "").structure_id
        for distance in settings.distances:
            scaled = stable_round(bond * distance)
            candidates.append(_dimer(pair, scaled, box, "" if distance == 1 else parent))
    return candidates


def _dimer(pair: tuple[str, str], distance: float, box: float | None, parent_id: str) -> Candidate:
    half = distance / 2
    return Candidate(
        structure=in_box(pair, np.array([[0.0, 0.0, -half], [0.0, 0.0, half]]), box),
        family="dimer",
        free_mask=(False, False),
        parent_id=parent_id,
        parameters={"elements": list(pair), "distance": distance, "box": box_edge(box)},
    )


def _radius(element: str) -> float:
    # A third of a second, which settings need not wait for.
    from pymatgen.analysis.molecule_structure_comparator import CovalentRadius

    try:
        return float(CovalentRadius.radius[element])
    except KeyError:
        raise GenerationError(
            f"the covalent radius of {element} is not known", remedy="Leave it out of `species`"
        ) from None


def _build(section: DimerSettings, context: BuildContext) -> list[Candidate]:
    return dimer_candidates(species_of(section, context), section)


FAMILY = Family(
    name="dimers",
    settings=DimerSettings,
    build=_build,
    kinds=(Kind("dimer", "two atoms in a box, at several distances", "#8c6d31"),),
    order=90,
)
