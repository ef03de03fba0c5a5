"""Isolated atoms and dimers: the zero of energy of each element, and how two atoms bind."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations_with_replacement

from pymatgen.analysis.molecule_structure_comparator import CovalentRadius
from pymatgen.core import Lattice, Structure

from generators.candidate import Candidate
from generators.errors import GenerationError
from generators.provenance import stable_round

# Å. Atoms of neighbouring boxes are farther apart than any interaction of a potential reaches.
_LEAST_GAP = 8.0


def isolated_atom_candidates(elements: Iterable[str], box: float) -> list[Candidate]:
    """Isolated atoms, one per element, each in a cube.

    Parameters
    ----------
    elements
        Symbols.
    box
        Edge of the cube, Å.

    Raises
    ------
    GenerationError
        If the box is too small.
    """
    _check_gap("isolated atoms", 0.0, box)
    return [
        Candidate(
            structure=Structure(Lattice.cubic(box), [element], [[0.5, 0.5, 0.5]]),
            family="isolated_atom",
            free_mask=(True,),
            parameters={"element": element, "box": float(box)},
        )
        for element in sorted(set(elements))
    ]


def dimer_candidates(
    elements: Iterable[str], distances: Sequence[float], box: float
) -> list[Candidate]:
    """Two atoms of each pair of elements at several distances, along the third vector of a cube.

    No atom is free: a relaxation labels the dimer as it is.

    Parameters
    ----------
    elements
        Symbols; also pairs of an element with itself.
    distances
        In units of the sum of the two covalent radii (Cordero et al., Dalton Trans. 2008, 2832).
    box
        Edge of the cube, Å.

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
    candidates = []
    for pair in combinations_with_replacement(sorted(set(elements)), 2):
        bond = sum(map(_radius, pair))
        _check_gap(f"the {'-'.join(pair)} dimer", bond * max(distances), box)
        parent = _dimer(pair, stable_round(bond), box, "").structure_id
        for distance in distances:
            scaled = stable_round(bond * distance)
            candidates.append(_dimer(pair, scaled, box, "" if distance == 1 else parent))
    return candidates


def _dimer(pair: tuple[str, str], distance: float, box: float, parent_id: str) -> Candidate:
    half = distance / 2
    middle = box / 2
    return Candidate(
        structure=Structure(
            Lattice.cubic(box),
            pair,
            [[middle, middle, middle - half], [middle, middle, middle + half]],
            coords_are_cartesian=True,
        ),
        family="dimer",
        free_mask=(False, False),
        parent_id=parent_id,
        parameters={"elements": list(pair), "distance": distance, "box": float(box)},
    )


def _radius(element: str) -> float:
    try:
        return float(CovalentRadius.radius[element])
    except KeyError:
        raise GenerationError(
            f"the covalent radius of {element} is not known", remedy="Leave it out of `species`"
        ) from None


def _check_gap(what: str, length: float, box: float) -> None:
    if box - length < _LEAST_GAP:
        raise GenerationError(
            f"{what}: a box of {box:g} Å leaves {box - length:.1f} Å to the next image, less than "
            f"{_LEAST_GAP:g} Å",
            remedy=f"Give a `box` of at least {length + _LEAST_GAP:.1f} Å",
        )
