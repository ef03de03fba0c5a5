"""Numbers that are the same on every machine: rounding, grids, random numbers."""

from __future__ import annotations

import math

import numpy as np

from cuprolith.arrays import FloatArray, IntArray
from cuprolith.hashes import sha256

# A grid shifted by an irrational fraction: round numbers (a/16, 2.0 Å, 1/3) never lie on a rounding
# border, where float noise that differs between machines would decide.
_GRID_SHIFT = 1 / math.pi


def on_grid(values: FloatArray, step: float) -> IntArray:
    """Return values as integers on a grid, so that float noise does not change them; same shape."""
    return np.floor(np.asarray(values) / step + _GRID_SHIFT).astype(np.int64)


def stable_round(value: float) -> float:
    """Round to about 1e-6 such that float noise does not change the result."""
    return round(math.floor(value / 1e-6 + _GRID_SHIFT) * 1e-6, 6)


def random_generator(content: str) -> np.random.Generator:
    """Return random numbers that depend on a text alone, not on what else is generated."""
    return np.random.default_rng(int(sha256(content)[:16], 16))
