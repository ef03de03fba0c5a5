"""The in-plane cell that both sides of a coherent interface share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from cuprolith.arrays import FloatArray, IntArray
from generators.families.interfaces.lattice_match import MatchLimits, smallest_match
from generators.families.interfaces.supercell_pairs import principal_stretches, von_mises_strain
from generators.lattice_planes import upright
from generators.slab import Slab

Strained = Literal["film", "substrate", "both"]


@dataclass(frozen=True)
class Side:
    """One side of an interface in the common cell.

    Attributes
    ----------
    matrix
        Shape (2, 2), determinant > 0: the common cell's vectors in those of the slab's cell.
    principal_strains
        Relative changes of length in the plane, smallest first.
    von_mises_strain
        Equivalent strain, with none along the normal.
    """

    matrix: IntArray
    principal_strains: tuple[float, float]
    von_mises_strain: float


@dataclass(frozen=True)
class CommonCell:
    """In-plane cell of a coherent interface.

    Attributes
    ----------
    vectors
        Rows a = (a₁, 0) and b = (b₁, b₂), shape (2, 2), Å, b₂ > 0.
    substrate, film
        The sides.
    area_mismatch
        Difference of the sides' areas before straining, relative to the substrate's, or to the
        film's where the substrate is strained onto it.
    """

    vectors: FloatArray
    substrate: Side
    film: Side
    area_mismatch: float

    @property
    def area(self) -> float:
        """Area, Å²."""
        return float(self.vectors[0, 0] * self.vectors[1, 1])


def common_cell(
    substrate: Slab, film: Slab, limits: MatchLimits, strained: Strained, *, films: int = 1
) -> CommonCell:
    """Find the smallest common cell of two slabs, and strain one side or both onto it.

    Where both are strained, the film is turned so that a pure stretch V maps it onto the
    substrate (polar decomposition); the common cell is the mean of the two, to which the film is
    stretched by (1 + V)/2 and the substrate by (1 + V⁻¹)/2.

    Parameters
    ----------
    limits
        Limits of the match, for the side that is strained if it were to carry the strain alone
        (the film, where both are).
    films
        Number of films, for the number of atoms.

    Raises
    ------
    GenerationError
        If nothing fits within `limits`; names the nearest alternatives.
    """
    ours, theirs = _in_plane(substrate), _in_plane(film)
    atoms = len(substrate.structure), films * len(film.structure)
    if strained == "substrate":
        match = smallest_match(theirs, ours, atoms[::-1], limits)
        matrices = match.film_matrix, match.substrate_matrix
    else:
        match = smallest_match(ours, theirs, atoms, limits)
        matrices = match.substrate_matrix, match.film_matrix
    ours, theirs = matrices[0] @ ours, matrices[1] @ theirs
    if strained == "film":
        vectors = ours
    elif strained == "substrate":
        vectors = theirs
    else:
        left, stretches, _ = np.linalg.svd(np.linalg.inv(theirs) @ ours)
        vectors = theirs @ (left @ np.diag((1 + stretches) / 2) @ left.T)
    return CommonCell(
        vectors=upright(vectors),
        substrate=_side(matrices[0], ours, vectors),
        film=_side(matrices[1], theirs, vectors),
        area_mismatch=match.area_mismatch,
    )


def _in_plane(slab: Slab) -> FloatArray:
    return np.asarray(slab.structure.lattice.matrix[:2, :2])


def _side(matrix: IntArray, unstrained: FloatArray, vectors: FloatArray) -> Side:
    stretches = principal_stretches(unstrained, vectors)
    strains = float(stretches[0] - 1), float(stretches[1] - 1)
    return Side(matrix, strains, float(von_mises_strain(stretches)))
