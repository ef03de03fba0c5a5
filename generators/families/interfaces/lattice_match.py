"""Zur and McGill's lattice match: the smallest pair of in-plane supercells that fit.

A. Zur and T. C. McGill, J. Appl. Phys. 55 (1984) 378. In what follows the film is strained onto
the substrate; where the substrate is to be strained, exchange the two.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from cuprolith.arrays import FloatArray, IntArray
from generators.errors import GenerationError
from generators.families.interfaces.supercell_pairs import (
    SupercellPairs,
    supercell_pairs,
    von_mises_strain,
)

# Slack of limits, far above float noise.
_SLACK = 1e-9
# Alternatives are looked for up to so many times the limit that refused, and if none is found, as
# many times that, and so on; of numbers of atoms, which cost, only once.
_ALTERNATIVE_REACH = 3
_WIDEST_STRAIN = 0.5


@dataclass(frozen=True)
class LatticeMatch:
    """A supercell of the substrate's plane cell, and the film's that is strained onto it.

    Attributes
    ----------
    substrate_matrix, film_matrix
        Shape (2, 2), determinant > 0: the supercells' vectors in those of the plane cells. The
        film's vectors are strained and turned onto the substrate's, row by row.
    area_mismatch
        |film area - substrate area| / substrate area, before straining.
    principal_strains
        Relative changes of length of the film in the plane, smallest first.
    """

    substrate_matrix: IntArray
    film_matrix: IntArray
    area_mismatch: float
    principal_strains: tuple[float, float]

    @property
    def max_strain(self) -> float:
        """Largest principal strain by magnitude."""
        return max(map(abs, self.principal_strains))


@dataclass(frozen=True)
class MatchLimits:
    """What a match must keep to.

    Attributes
    ----------
    area_tolerance
        Largest area mismatch.
    max_strain
        Largest principal strain of the film by magnitude.
    max_atoms
        Most atoms in the interface.
    """

    area_tolerance: float
    max_strain: float
    max_atoms: int


def smallest_match(
    substrate: FloatArray,
    film: FloatArray,
    atoms: tuple[int, int],
    limits: MatchLimits,
) -> LatticeMatch:
    """Find the match of least area within the limits; of equal area, the least strained one.

    Parameters
    ----------
    substrate, film
        Plane cells as rows, shape (2, 2), Å, right-handed.
    atoms
        Number of atoms above one plane cell of substrate and film.

    Raises
    ------
    GenerationError
        If nothing fits; names the nearest alternatives, and which limit to loosen for each.
    """
    for pairs in _pairs_by_area(substrate, film, atoms, limits):
        return _least_strained(substrate, film, pairs)
    raise _refusal(substrate, film, atoms, limits)


def _pairs_by_area(
    substrate: FloatArray, film: FloatArray, atoms: tuple[int, int], limits: MatchLimits
) -> Iterator[SupercellPairs]:
    """All pairs within the limits, those of one area of the substrate at a time, least first."""
    ratio = float(np.linalg.det(substrate) / np.linalg.det(film))
    # Small strains change areas little: a narrow limit spares most sizes.
    least = max(1 - limits.area_tolerance, (1 + limits.max_strain) ** -2) - _SLACK
    largest = min(1 + limits.area_tolerance, (1 - min(limits.max_strain, 0.99)) ** -2) + _SLACK
    for size in range(1, limits.max_atoms // atoms[0] + 1):
        fewest = max(1, math.ceil(size * ratio * least))
        most = (limits.max_atoms - size * atoms[0]) // atoms[1]
        film_sizes = range(fewest, min(most, math.floor(size * ratio * largest)) + 1)
        if film_sizes:
            pairs = supercell_pairs(substrate, film, size, film_sizes, limits.max_strain)
            if len(pairs):
                yield pairs


def _least_strained(substrate: FloatArray, film: FloatArray, pairs: SupercellPairs) -> LatticeMatch:
    first = pairs.first_of_least(von_mises_strain(pairs.stretches))
    ours, theirs = pairs.substrate[first], pairs.film[first]
    smaller, larger = (pairs.stretches[first] - 1).tolist()
    mismatch = np.linalg.det(theirs @ film) / np.linalg.det(ours @ substrate) - 1
    return LatticeMatch(ours, theirs, abs(float(mismatch)), (smaller, larger))


def _refusal(
    substrate: FloatArray, film: FloatArray, atoms: tuple[int, int], limits: MatchLimits
) -> GenerationError:
    """Return an error that names the matches which one looser limit would allow."""
    message = (
        f"no coherent interface has an area mismatch up to {limits.area_tolerance:.1%}, principal "
        f"strains up to {limits.max_strain:.1%} and at most {limits.max_atoms} atoms (one plane "
        f"cell of each side has {atoms[0]} + {atoms[1]} atoms)"
    )
    ways = []
    for limit, loosened in _loosened_limits(substrate, film, atoms, limits).items():
        for pairs in islice(_pairs_by_area(substrate, film, atoms, loosened), 1):
            match = _least_strained(substrate, film, pairs)
            ways.append(
                f"`{limit}` ≥ {getattr(loosened, limit)} gives area mismatch "
                f"{match.area_mismatch:.1%}, strain {match.max_strain:.1%}, "
                f"{_atoms_in(match, atoms)} atoms"
            )
    if not ways:
        return GenerationError(
            f"{message}; none is near either",
            remedy="Choose other planes, thinner slabs, or loosen more than one of `max_atoms`, "
            "`max_strain` and `area_tolerance`",
        )
    return GenerationError(message, remedy=f"Nearest alternatives: {'; '.join(ways)}")


def _loosened_limits(
    substrate: FloatArray, film: FloatArray, atoms: tuple[int, int], limits: MatchLimits
) -> dict[str, MatchLimits]:
    """One limit at a time loosened as little as admits a match, where one is in reach."""

    def pairs(loosened: MatchLimits) -> Iterator[SupercellPairs]:
        return _pairs_by_area(substrate, film, atoms, loosened)

    found: dict[str, MatchLimits] = {}
    # At least a few plane cells of each side, where not even one fits the number of atoms.
    most = _ALTERNATIVE_REACH * max(limits.max_atoms, 4 * sum(atoms))
    for smallest in islice(pairs(replace(limits, max_atoms=most)), 1):
        # Its number of atoms is enough; a larger cell may need fewer, with fewer of the film's.
        enough = replace(limits, max_atoms=_fewest_atoms(smallest, atoms))
        fewest = min(_fewest_atoms(some, atoms) for some in pairs(enough))
        found["max_atoms"] = replace(limits, max_atoms=fewest)
    for reach in _wider(limits.max_strain, _WIDEST_STRAIN):
        wider = pairs(replace(limits, max_strain=reach))
        if strains := [float(some.largest_strains.min()) for some in wider]:
            found["max_strain"] = replace(limits, max_strain=_rounded_up(min(strains)))
            break
    for reach in _wider(limits.area_tolerance, 1.0):
        wider = pairs(replace(limits, area_tolerance=reach))
        if mismatches := [_least_mismatch(some) for some in wider]:
            found["area_tolerance"] = replace(limits, area_tolerance=_rounded_up(min(mismatches)))
            break
    return found


def _atoms_in(match: LatticeMatch, atoms: tuple[int, int]) -> int:
    sizes = (np.linalg.det(matrix) for matrix in (match.substrate_matrix, match.film_matrix))
    return sum(round(float(size)) * number for size, number in zip(sizes, atoms, strict=True))


def _wider(limit: float, most: float) -> Iterator[float]:
    """Yield wider and wider limits; a narrow search that finds something spares a wide one."""
    while limit < most:
        limit = min(_ALTERNATIVE_REACH * limit, most)
        yield limit


def _least_mismatch(pairs: SupercellPairs) -> float:
    return float(np.abs(1 / pairs.stretches.prod(axis=1) - 1).min())


def _fewest_atoms(pairs: SupercellPairs, atoms: tuple[int, int]) -> int:
    sizes = np.rint(np.linalg.det(np.stack([pairs.substrate, pairs.film], axis=1)))
    return int((sizes @ np.array(atoms)).min())


def _rounded_up(value: float) -> float:
    """Round a fraction up to four decimals."""
    return math.ceil(value * 1e4 - 1e-6) / 1e4
