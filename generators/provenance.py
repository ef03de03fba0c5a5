"""Numbers and words that go into a candidate's parameters, and random numbers that follow."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from cuprolith.hashes import sha256
from generators.crystals import Crystal

# As in the id of a candidate: a grid shifted by an irrational fraction, so that numbers such as
# a/16 never sit on a rounding border, where float noise would decide.
_GRID = 1e-6
_GRID_SHIFT = 1 / math.pi


def stable_round(value: float) -> float:
    """Round to about 1e-6 such that float noise does not change the result."""
    return round(math.floor(value / _GRID + _GRID_SHIFT) * _GRID, 6)


def crystal_parameters(crystal: Crystal) -> dict[str, Any]:
    """Name and lattice constants (Å, degrees) of a crystal's conventional cell."""
    lattice = crystal.conventional.lattice
    names = ("a", "b", "c", "alpha", "beta", "gamma")
    return {
        "crystal": crystal.name,
        "lattice": {
            name: stable_round(value) for name, value in zip(names, lattice.parameters, strict=True)
        },
    }


def generator_of(content: str) -> np.random.Generator:
    """Random numbers that depend on a text alone, so that nothing else generated changes them."""
    return np.random.default_rng(int(sha256(content)[:16], 16))
