"""Find the k-point density that meshes of different cells have in common.

A mesh of length L has nᵢ ≈ L/aᵢ divisions, rounded up by some programs and down by others. One
mesh therefore fixes L only to an interval, which is wide for large cells; the meshes of one
campaign are those whose intervals share a length.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from cuprolith.arrays import FloatArray
from workflows.kpoints import LEAST_VACUUM, PAPER_KPOINT_LENGTH, widest_gap


class KpointLengths(NamedTuple):
    """Lengths L that lead to a mesh: ``above`` < L ≤ ``up_to``, Å."""

    above: float
    up_to: float

    def admit(self, length: float) -> bool:
        """Whether the mesh may have been made with this length (Å)."""
        return self.above - 1e-6 < length <= self.up_to + 1e-6


def kpoint_lengths(
    mesh: tuple[int, int, int], cell: FloatArray, positions: FloatArray
) -> KpointLengths:
    """Return the lengths that lead to a mesh.

    Along a lattice vector that crosses vacuum one division is right at any length. Both common
    measures of a lattice vector are allowed for, its norm and 1/|b| (as KSPACING takes it), which
    differ in oblique cells.

    Parameters
    ----------
    mesh
        Divisions along the reciprocal lattice vectors.
    cell, positions
        (3, 3) and (n, 3), Å.
    """
    norms = np.linalg.norm(cell, axis=1)
    heights = 1.0 / np.linalg.norm(np.linalg.inv(cell), axis=0)
    scaled = positions @ np.linalg.inv(cell)
    above, up_to = 0.0, float("inf")
    for axis, divisions in enumerate(mesh):
        if divisions == 1 and widest_gap(scaled[:, axis]) * heights[axis] > LEAST_VACUUM:
            continue
        above = max(above, (divisions - 1) * float(min(norms[axis], heights[axis])))
        up_to = min(up_to, (divisions + 1) * float(max(norms[axis], heights[axis])))
    return KpointLengths(above, up_to)


def common_length(intervals: Iterable[KpointLengths]) -> float | None:
    """Return the length (Å) that most meshes admit, the paper's 32 Å if that is one; else None.

    Of several equally good lengths the greatest is taken, rounded down to whole Å if possible.
    """
    known = [interval for interval in intervals if interval.above < interval.up_to]
    if not known:
        return None
    ends = sorted({each.up_to for each in known if np.isfinite(each.up_to)})
    lengths = [PAPER_KPOINT_LENGTH, *reversed(ends)]
    best = max(lengths, key=lambda length: sum(each.admit(length) for each in known))
    whole = float(np.floor(best))
    admitted = [each for each in known if each.admit(best)]
    return whole if all(each.admit(whole) for each in admitted) else round(best, 3)
