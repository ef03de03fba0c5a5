"""Zur and McGill's lattice match: the smallest pair of in-plane supercells that fit.

A. Zur and T. C. McGill, J. Appl. Phys. 55 (1984) 378. The supercells of each lattice are listed
by Hermite normal forms, so that each comes once, and their reduced cells compared.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import numpy as np

from generators.crystals import FloatArray, IntArray
from generators.errors import GenerationError
from generators.lattice_plane import reduction

# Strains closer than this are equal, and the first found is taken, whatever the float noise.
_EQUAL_STRAIN = 1e-6
# Alternatives are looked for up to so many times the limit that refused.
_ALTERNATIVE_REACH = 3


@dataclass(frozen=True)
class LatticeMatch:
    """A supercell of the substrate's plane cell, and the film's that is strained onto it.

    Attributes
    ----------
    substrate_matrix, film_matrix
        Shape (2, 2), determinant > 0: the supercells' vectors in those of the plane cells. The
        film's vectors are strained and turned onto the substrate's, row by row.
    area
        Of the substrate's supercell, Å².
    area_mismatch
        |film area - substrate area| / substrate area, before straining.
    principal_strains
        Relative changes of length of the film in the plane, smallest first.
    von_mises_strain
        Equivalent strain of the film, with no strain along the normal.
    """

    substrate_matrix: IntArray
    film_matrix: IntArray
    area: float
    area_mismatch: float
    principal_strains: tuple[float, float]
    von_mises_strain: float

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
    limits
        The limits.

    Raises
    ------
    GenerationError
        If nothing fits; names the nearest alternatives, and which limit to loosen for each.
    """
    areas = (float(np.linalg.det(substrate)), float(np.linalg.det(film)))
    best: LatticeMatch | None = None
    for sizes in _sizes(areas, atoms, limits.area_tolerance, limits.max_atoms):
        if best is not None and sizes[0] * areas[0] > best.area * (1 + 1e-9):
            return best
        match = best_match(substrate, film, sizes, limits.max_strain)
        if match and (best is None or match.von_mises_strain < best.von_mises_strain):
            best = match
    if best is None:
        raise _refusal(substrate, film, atoms, limits)
    return best


def best_match(
    substrate: FloatArray, film: FloatArray, sizes: tuple[int, int], max_strain: float = np.inf
) -> LatticeMatch | None:
    """Least strained match of supercells of given sizes (numbers of plane cells).

    Parameters
    ----------
    substrate, film
        Plane cells as rows, shape (2, 2), Å, right-handed.
    sizes
        Plane cells in the substrate's and the film's supercell.
    max_strain
        Largest principal strain allowed by magnitude.

    Returns
    -------
    LatticeMatch or None
        None if every one exceeds `max_strain`.
    """
    ours = _reduced_supercells(substrate, sizes[0])
    theirs = _reduced_supercells(film, sizes[1])
    # Reduced cells that fit may still differ by a change of basis where lengths are nearly equal.
    theirs = (_unimodular()[None] @ theirs[:, None]).reshape(-1, 2, 2)
    stretches = _stretches((ours @ substrate)[:, None], (theirs @ film)[None])
    worst = np.abs(stretches - 1).max(axis=-1)
    equivalent = _von_mises(stretches - 1)
    equivalent[worst > max_strain] = np.inf
    if not np.isfinite(equivalent).any():
        return None
    first = int(np.argmax(equivalent < equivalent.min() + _EQUAL_STRAIN))
    i, j = divmod(first, len(theirs))
    smaller, larger = stretches[i, j] - 1
    area = sizes[0] * float(np.linalg.det(substrate))
    return LatticeMatch(
        substrate_matrix=ours[i],
        film_matrix=theirs[j],
        area=area,
        area_mismatch=abs(sizes[1] * float(np.linalg.det(film)) / area - 1),
        principal_strains=(float(smaller), float(larger)),
        von_mises_strain=float(equivalent[i, j]),
    )


def supercell_matrices(size: int) -> IntArray:
    """All distinct two-dimensional superlattices of an index, as Hermite normal forms.

    Returns
    -------
    IntArray
        Shape (σ(size), 2, 2), σ being the sum of divisors.
    """
    return np.array(
        [
            [[size // divisor, shift], [0, divisor]]
            for divisor in range(1, size + 1)
            if size % divisor == 0
            for shift in range(divisor)
        ]
    )


def _sizes(
    areas: tuple[float, float], atoms: tuple[int, int], area_tolerance: float, max_atoms: int
) -> Iterator[tuple[int, int]]:
    """Sizes of the two supercells whose areas match, smallest substrate first."""
    for ours in range(1, max_atoms // atoms[0] + 1):
        most = (max_atoms - ours * atoms[0]) // atoms[1]
        fewest = ours * areas[0] / areas[1] * (1 - area_tolerance)
        for theirs in range(max(1, int(fewest)), most + 1):
            mismatch = theirs * areas[1] / (ours * areas[0]) - 1
            if mismatch > area_tolerance:
                break
            if abs(mismatch) <= area_tolerance:
                yield ours, theirs


def _reduced_supercells(cell: FloatArray, size: int) -> IntArray:
    matrices = supercell_matrices(size)
    return np.array([reduction(matrix @ cell) @ matrix for matrix in matrices])


@lru_cache
def _unimodular() -> IntArray:
    """List changes of basis between nearly reduced cells, identity first; ± counts once."""
    matrices = np.array(list(product(range(-2, 3), repeat=4))).reshape(-1, 2, 2)
    determinants = matrices[:, 0, 0] * matrices[:, 1, 1] - matrices[:, 0, 1] * matrices[:, 1, 0]
    proper = [m for m in matrices[determinants == 1].tolist() if tuple(m[0]) > (0, 0)]
    proper.sort(key=lambda m: (m != [[1, 0], [0, 1]], sum(abs(x) for row in m for x in row), m))
    return np.array(proper)


def _stretches(ours: FloatArray, theirs: FloatArray) -> FloatArray:
    """Principal stretches (..., 2) of the map of one pair of vectors (rows) onto another."""
    deformation = np.linalg.inv(theirs) @ ours
    a, b = deformation[..., 0, 0], deformation[..., 0, 1]
    c, d = deformation[..., 1, 0], deformation[..., 1, 1]
    # Closed form of the singular values of a 2 × 2 matrix of positive determinant.
    total = np.hypot(a + d, b - c)
    difference = np.hypot(a - d, b + c)
    return np.stack([total - difference, total + difference], axis=-1) / 2


def _von_mises(strains: FloatArray) -> FloatArray:
    """Equivalent strain of principal strains (..., 2) and none along the third axis."""
    first, second = strains[..., 0], strains[..., 1]
    return np.asarray(2 / 3 * np.sqrt(first**2 + second**2 - first * second))


def _refusal(
    substrate: FloatArray, film: FloatArray, atoms: tuple[int, int], limits: MatchLimits
) -> GenerationError:
    """Say what would fit if one limit at a time were loosened."""
    areas = (float(np.linalg.det(substrate)), float(np.linalg.det(film)))
    reach = _ALTERNATIVE_REACH
    found: list[tuple[str, LatticeMatch, float]] = []

    def matches(area_tolerance: float, max_strain: float, max_atoms: int) -> Iterator[LatticeMatch]:
        for sizes in _sizes(areas, atoms, area_tolerance, max_atoms):
            match = best_match(substrate, film, sizes, max_strain)
            if match:
                yield match

    tolerance, strain, most = limits.area_tolerance, limits.max_strain, limits.max_atoms
    # At least a few plane cells of each side, where not even one fits the number of atoms.
    larger = matches(tolerance, strain, reach * max(most, 4 * sum(atoms)))
    strained = matches(tolerance, reach * strain, most)
    mismatched = matches(reach * tolerance, strain, most)
    if match := next(larger, None):
        found.append(("max_atoms", match, _atoms_in(match, atoms)))
    if match := min(strained, key=lambda m: m.max_strain, default=None):
        found.append(("max_strain", match, match.max_strain))
    if match := min(mismatched, key=lambda m: m.area_mismatch, default=None):
        found.append(("area_tolerance", match, match.area_mismatch))
    message = (
        f"no coherent interface has an area mismatch up to {limits.area_tolerance:.1%}, principal "
        f"strains up to {limits.max_strain:.1%} and at most {limits.max_atoms} atoms (one plane "
        f"cell of each side has {atoms[0]} + {atoms[1]} atoms)"
    )
    if not found:
        return GenerationError(
            f"{message}; none is near either",
            remedy="Choose other planes, thinner slabs, or loosen more than one of `max_atoms`, "
            "`max_strain` and `area_tolerance`",
        )
    ways = "; ".join(
        f"`{limit}` ≥ {_rounded_up(value)} gives area mismatch {match.area_mismatch:.1%}, strain "
        f"{match.max_strain:.1%}, {_atoms_in(match, atoms)} atoms"
        for limit, match, value in found
    )
    return GenerationError(message, remedy=f"Nearest alternatives: {ways}")


def _atoms_in(match: LatticeMatch, atoms: tuple[int, int]) -> int:
    sizes = (np.linalg.det(matrix) for matrix in (match.substrate_matrix, match.film_matrix))
    return sum(round(float(size)) * number for size, number in zip(sizes, atoms, strict=True))


def _rounded_up(value: float) -> str:
    """Write an integer, or a fraction rounded up to four decimals."""
    return str(value) if isinstance(value, int) else f"{np.ceil(value * 1e4) / 1e4:.4f}"
