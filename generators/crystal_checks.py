"""What cannot be a crystal, however it was read, and structures whose atoms overlap."""

from __future__ import annotations

import numpy as np
from ase.data import covalent_radii
from pymatgen.core import Element, Structure

from generators.errors import GenerationError

TOO_CLOSE = 0.5
"""Of the sum of covalent radii: no bond is this short (multiple bonds come down to 0.66)."""

_MOST_ATOMS = 1000  # symmetry takes 16 s; and no slab of so large a cell could be computed
_LONGEST = 1000.0  # Å
_FARTHEST = 1000.0  # cells; of larger numbers nothing is left behind the point
_LEAST_VOLUME = 1.0  # Å³ per atom; hydrogen at 500 GPa has about 1.2
_GREATEST_VOLUME = 500.0  # Å³ per atom; caesium has 116, open frameworks below 100


def check_crystal(name: str, structure: Structure) -> None:
    """Refuse what is no crystal, or none that can be computed.

    Parameters
    ----------
    name
        The crystal's name in the campaign.
    structure
        As read.

    Raises
    ------
    GenerationError
        If numbers are not finite, the cell has no volume, far too much or too many atoms, sites are
        partly occupied, an atom is no element, or two atoms lie on one another.
    """
    problem = (
        _number_problem(structure)
        or _size_problem(structure)
        or _sites_problem(structure)
        or _overlap_problem(structure)
    )
    if problem is not None:
        message, remedy = problem
        raise GenerationError(message, key=f"crystals.{name}", remedy=remedy)


def closest_pair(structure: Structure) -> tuple[int, int, float] | None:
    """Find the two atoms that are too close, periodic images included.

    Returns
    -------
    tuple
        Their numbers and distance (Å), of the pair shortest beside the sum of its covalent radii
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
    """Say which atoms are closer than any bond; "" if none are."""
    pair = closest_pair(structure)
    if pair is None:
        return ""
    first, second, distance = pair
    symbols = [structure[atom].specie.symbol for atom in (first, second)]
    return (
        f"atoms {first + 1} ({symbols[0]}) and {second + 1} ({symbols[1]}) are {distance:.2f} Å "
        "apart, closer than any bond"
    )


def _number_problem(structure: Structure) -> tuple[str, str] | None:
    """Numbers that symmetry and neighbours cannot be found with: spglib crashes of some."""
    matrix, fractions = structure.lattice.matrix, structure.frac_coords
    if not np.isfinite(matrix).all():
        return "its lattice vectors are not all finite numbers", "Correct the lattice vectors"
    if np.abs(matrix).max() > _LONGEST:
        return f"its lattice vectors are longer than {_LONGEST:g} Å", "Give lengths in Å"
    if not np.isfinite(fractions).all():
        return "its positions are not all finite numbers", "Correct the coordinates"
    if np.abs(fractions).max() > _FARTHEST:
        return f"an atom lies over {_FARTHEST:g} cells away from its own", "Correct the coordinates"
    return None


def _size_problem(structure: Structure) -> tuple[str, str] | None:
    if len(structure) > _MOST_ATOMS:
        return (
            f"its cell holds {len(structure)} atoms, more than {_MOST_ATOMS}",
            "Give the unit cell, not a supercell",
        )
    volume = structure.volume / len(structure)
    if volume < _LEAST_VOLUME:
        return (
            f"its cell holds {volume:.3g} Å³ per atom: the lattice vectors nearly lie in a plane, "
            "or lengths are not in Å",
            "Correct the lattice vectors",
        )
    if volume > _GREATEST_VOLUME:
        return (
            f"its cell holds {volume:.3g} Å³ per atom, mostly empty space",
            "Give a bulk crystal with lengths in Å; slabs and vacuum are made of it",
        )
    return None


def _sites_problem(structure: Structure) -> tuple[str, str] | None:
    if not structure.is_ordered:
        return (
            "it has partly occupied sites",
            "Give an ordered structure, such as a supercell with each site filled or empty",
        )
    for number, site in enumerate(structure, start=1):
        symbol = site.specie.symbol
        if not Element.is_valid_symbol(symbol):
            return f"atom {number} is {symbol!r}, which is no element", "Give element symbols"
    return None


def _overlap_problem(structure: Structure) -> tuple[str, str] | None:
    problem = overlap(structure)
    remedy = "Correct the positions or the lattice constants (Å), or keep one of alternative sites"
    return (problem, remedy) if problem else None
