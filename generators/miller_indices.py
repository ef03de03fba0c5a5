"""Planes of one or two crystals that are distinct by symmetry."""

from __future__ import annotations

import math
from itertools import product

import numpy as np

from generators.crystals import Crystal
from generators.settings import MillerIndex


def distinct_miller_indices(crystal: Crystal, max_index: int) -> list[MillerIndex]:
    """Symmetrically distinct planes up to an index, lowest first (by h² + k² + l²).

    Planes are the same if a rotation of the crystal's point group, not merely of its lattice, maps
    one onto the other: (120) and (210) of pyrite differ, as do (012) and (102) of corundum. (hkl)
    and (-h-k-l) are the two sides of one plane, and so of one slab, in every crystal.

    Parameters
    ----------
    crystal
        The crystal; indices refer to its conventional cell.
    max_index
        Largest |h|, |k| and |l|.

    Returns
    -------
    list
        Of each set of equal planes the `representative`.
    """
    found = {representative(crystal, index) for index in _coprime_indices(max_index)}
    return sorted(found, key=_length)


def representative(crystal: Crystal, index: MillerIndex) -> MillerIndex:
    """Return the index that represents all planes equal to this one by symmetry.

    It is one of those whose largest number is least, so that it is within every box that holds
    any of them.
    """
    rotations = crystal.point_group
    images = np.array(index) @ rotations
    both_sides = np.concatenate([images, -images])
    h, k, l = max(map(tuple, both_sides.tolist()), key=_preference)  # noqa: E741
    return h, k, l


def shared_miller_indices(
    one: Crystal, other: Crystal, max_index: int
) -> list[tuple[MillerIndex, MillerIndex]]:
    """Pair the planes of two crystals that share their indices, each distinct pair once.

    A plane that is distinct in either crystal has a partner in the other: (001) of a hexagonal
    crystal goes with (001) of a cubic one, which is its (100).

    Parameters
    ----------
    one, other
        The crystals; indices refer to their conventional cells.
    max_index
        Largest |h|, |k| and |l|.

    Returns
    -------
    list
        Each plane by its `representative` in its own crystal.
    """
    indices = {
        index for crystal in (one, other) for index in distinct_miller_indices(crystal, max_index)
    }
    pairs = {(representative(one, index), representative(other, index)) for index in indices}
    return sorted(pairs, key=lambda pair: [_length(index) for index in pair])


def _coprime_indices(max_index: int) -> list[MillerIndex]:
    numbers = range(-max_index, max_index + 1)
    return [index for index in product(numbers, numbers, numbers) if math.gcd(*index) == 1]


def _preference(index: MillerIndex) -> tuple[object, ...]:
    """Few negative numbers, then l and k near 0: (210), not (102); (120) of pyrite, not (201)."""
    _, k, l = index  # noqa: E741  (the field's letters)
    negative = sum(number < 0 for number in index)
    return -max(map(abs, index)), -negative, -abs(l), -abs(k), index


def _length(index: MillerIndex) -> tuple[int, MillerIndex]:
    return index[0] ** 2 + index[1] ** 2 + index[2] ** 2, index
