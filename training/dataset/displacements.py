"""How far atoms have moved between two frames."""

from __future__ import annotations

import numpy as np

from cuprolith.arrays import FloatArray
from training.dataset.frames import Frame


def shortest_displacements(reference: Frame, frame: Frame) -> FloatArray:
    """Return displacements by the shortest way, shape (n, 3), Å; exact below half the cell."""
    displacements = frame.positions - reference.positions
    periodic = np.asarray(frame.pbc) & (np.abs(frame.cell).sum(axis=1) > 0)
    if not periodic.any():
        return displacements
    # Rows of the pseudo-inverse are the reciprocal vectors of the lattice vectors there are.
    cell = frame.cell[periodic]
    windings = np.round(displacements @ np.linalg.pinv(cell))
    shortest: FloatArray = displacements - windings @ cell
    return shortest
