"""Check crystals, however they were read, and find atoms that overlap."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from ase.data import covalent_radii
from pymatgen.core import Element, Structure

from generators.errors import GenerationError

TOO_CLOSE = 0.5
"""Of the sum of covalent radii: no bond is this short (multiple bonds come down to 0.66)."""

_MOST_ATOMS = 1000  # symmetry takes 16 s, and no slab of so large a cell could be labelled
_LONGEST = 1000.0  # Å
_FARTHEST = 1000.0  # cells; larger numbers have no digits left for fractions
_LEAST_VOLUME = 1.0  # Å³ per atom; hydrogen at 500 GPa has about 1.2
_GREATEST_VOLUME = 500.0  # Å³ per atom; caesium has 116, open frameworks below 100


def check_crystal(name: str, structure: Structure) -> None:
    """Refuse a structure that is no crystal, or that cannot be computed.

    Raises
    ------
    GenerationError
        If numbers are not finite, the cell has no volume, far too much or too many atoms, sites are
        partly occupied, an atom is no element, or two atoms overlap. Its ``key`` has the crystal's
        `name` in the campaign.
    """
    for message, remedy in _problems(structure):
        raise GenerationError(message, key=f"crystals.{name}", remedy=remedy)


def closest_pair(structure: Structure) -> tuple[int, int, float] | None:
    """Find the two atoms that are too close, periodic images included.

    Returns
    -------
    tuple
        Their numbers and distance (Å), of the pair that is shortest relative to its covalent radii
        (Cordero et al., Dalton Trans. 2008, 2832); None if no pair is closer than `TOO_CLOSE`
        times that sum.
    """
    radii = covalent_radii[list(structure.atomic_numbers)]
    first, second, _, distances = structure.get_neighbor_list(2 * TOO_CLOSE * float(radii.max()))
    ratios = distances / (radii[first] + radii[second])
    if not len(ratios) or ratios.min() >= TOO_CLOSE:
        return None
    worst = int(ratios.argmin())
    return int(first[worst]), int(second[worst]), float(distances[worst])


def overlap(structure: Structure) -> str:
    """Name two atoms that are closer than any bond; "" if none are."""
    pair = closest_pair(structure)
    if pair is None:
        return ""
    first, second, distance = pair
    symbols = [structure[atom].specie.symbol for atom in (first, second)]
    return (
        f"atoms {first + 1} ({symbols[0]}) and {second + 1} ({symbols[1]}) are {distance:.2f} Å "
        "apart, closer than any bond"
    )


def _problems(structure: Structure) -> Iterator[tuple[str, str]]:
    """Yield messages and remedies; only the first is sure, since later checks rely on earlier ones.

    Some numbers crash spglib, so that they are checked first.
    """
    matrix, fractions = structure.lattice.matrix, structure.frac_coords
    if not np.isfinite(matrix).all():
        yield "its lattice vectors are not all finite numbers", "Correct the lattice vectors"
    if np.abs(matrix).max() > _LONGEST:
        yield f"its lattice vectors are longer than {_LONGEST:g} Å", "Give lengths in Å"
    if not np.isfinite(fractions).all():
        yield "its positions are not all finite numbers", "Correct the coordinates"
    if np.abs(fractions).max() > _FARTHEST:
        yield f"an atom lies over {_FARTHEST:g} cells away from its own", "Correct the coordinates"
    if len(structure) > _MOST_ATOMS:
        message = f"its cell holds {len(structure)} atoms, more than {_MOST_ATOMS}"
        yield message, "Give the unit cell, not a supercell"
    volume = structure.volume / len(structure)
    density = f"its cell holds {volume:.3g} Å³ per atom"
    if volume < _LEAST_VOLUME:
        cause = "the lattice vectors nearly lie in a plane, or lengths are not in Å"
        yield f"{density}: {cause}", "Correct the lattice vectors"
    if volume > _GREATEST_VOLUME:
        remedy = "Give a bulk crystal with lengths in Å; slabs and vacuum are made of it"
        yield f"{density}, mostly empty space", remedy
    if not structure.is_ordered:
        remedy = "Give an ordered structure, such as a supercell with each site filled or empty"
        yield "it has partly occupied sites", remedy
    for number, site in enumerate(structure, start=1):
        if not Element.is_valid_symbol(symbol := site.specie.symbol):
            yield f"atom {number} is {symbol!r}, which is no element", "Give element symbols"
    if problem := overlap(structure):
        remedy = "Correct the positions or lattice constants (Å), or keep one of alternative sites"
        yield problem, remedy
