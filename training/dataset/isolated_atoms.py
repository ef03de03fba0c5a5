"""Recognise isolated atoms, whose energies are the zeros of their elements."""

from __future__ import annotations

import numpy as np
from ase import Atoms

from training.dataset.frames import Frame

# Twice the longest bond of any elemental crystal is above 10 Å (caesium: 5.2 Å); at 7 Å no crystal
# has its nearest neighbours, and boxes for isolated atoms are larger.
_LEAST_DISTANCE = 7.0


def is_isolated_atom(frame: Frame | Atoms) -> bool:
    """Whether a frame is one atom at least 7 Å away from its own periodic images."""
    if len(frame) != 1:
        return False
    vectors = np.asarray(frame.cell)[np.asarray(frame.pbc)]
    if not len(vectors):
        return True
    shifts = np.stack(np.meshgrid(*[(-1, 0, 1)] * len(vectors)), -1).reshape(-1, len(vectors))
    images = shifts[shifts.any(axis=1)] @ vectors
    return bool(np.linalg.norm(images, axis=1).min() >= _LEAST_DISTANCE)
