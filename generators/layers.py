"""Layers of a slab, with the same physical depth for close-packed and for stepped faces.

The planes of (111) in fcc copper are 2.1 Å apart, those of (332) 0.4 Å, so that "the first two
layers" cannot mean planes. Here a layer is as deep as a bond reaches:

    The layer depth l of a face is the largest component, along the face's normal, of any
    first-neighbour bond of the bulk crystal. The first layer holds the atoms less than l below
    the outermost plane; the next one starts at the first plane that is left; and so on.

In a crystal of one atom per primitive cell the first layer is thus exactly the atoms that lost a
neighbour to the surface, and the second those that would lose one if the first were taken away:
one plane on fcc (111) and (100) and bcc (110) and (100), two on fcc (110), six on fcc (332). A
layer is never thinner than a plane nor deeper than a bond, so that free layers hold about the
same number of atoms per area on every face. In diamond (111) it is the double plane. In compounds
too the first layer holds every atom that lost a neighbour. Drawn in ``docs/figures/layers.png``.
"""

from __future__ import annotations

import numpy as np

from cuprolith.arrays import FloatArray, IntArray
from generators.crystals import Crystal

PLANE_TOLERANCE = 1e-3  # Å; atoms closer in depth than this lie in one plane


def layer_depth(crystal: Crystal, normal: FloatArray) -> float:
    """Depth l of a layer, Å: the largest normal component of a first-neighbour bond.

    Parameters
    ----------
    normal
        Unit vector, shape (3,), in the crystal's orientation.
    """
    _, bonds = crystal.first_neighbours
    return float(np.abs(bonds @ normal).max())


def layer_numbers(depths: FloatArray, layer: float) -> IntArray:
    """Return the layer of each atom, counted from a face.

    Parameters
    ----------
    depths
        Depth of each atom below the outermost plane, shape (n,), Å, ≥ 0.

    Returns
    -------
    IntArray
        Shape (n,), from 0 at the face.
    """
    numbers = np.empty(len(depths), dtype=np.int64)
    left = np.ones(len(depths), dtype=np.bool_)
    number = 0
    while left.any():
        start = depths[left].min()
        # A plane on the far border belongs to the next layer; a layer holds at least one plane.
        end = max(start + layer - PLANE_TOLERANCE, start + PLANE_TOLERANCE)
        numbers[left & (depths < end)] = number
        left &= depths >= end
        number += 1
    return numbers
