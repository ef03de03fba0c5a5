"""A cell around molecules that have none, so that stresses are numbers."""

from __future__ import annotations

import torch
from nequip.data import AtomicDataDict

# Å beyond the atoms; its value has no meaning, since nothing repeats.
_MARGIN = 10.0


class CellAroundMolecules:
    """Put a box around frames without a cell, which stay without periodicity.

    Models of NequIP give a stress for each frame, which is the virial over the volume: without a
    volume it is not a number, and the check after compiling a model fails.
    """

    def __call__(self, data: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Return a frame, with a cell where all its lattice vectors are zero."""
        cell = data.get(AtomicDataDict.CELL_KEY)
        if cell is None or bool(cell.any()):
            return data
        positions = data[AtomicDataDict.POSITIONS_KEY]
        edge = float((positions.max(dim=0).values - positions.min(dim=0).values).max()) + _MARGIN
        box = torch.eye(3, dtype=cell.dtype).mul(edge).reshape(cell.shape)
        return {**data, AtomicDataDict.CELL_KEY: box}
