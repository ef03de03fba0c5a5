"""How close atoms of two elements come: spheres of covalent radii that touch.

Cordero et al., Dalton Trans. 2008, 2832 (as in ASE). What comes down on a surface, an adatom or
the first plane of a film, stops where the first two atoms touch.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ase.data import atomic_numbers, covalent_radii

from cuprolith.arrays import FloatArray
from generators.stable_numbers import stable_round

CONTACT = 0.95
"""Distance of atoms that touch, in sums of covalent radii: the mean over relaxed adatoms."""


def contact_distances(one: Sequence[str], other: Sequence[str]) -> FloatArray:
    """Return the distances at which atoms of two lists of elements touch.

    Parameters
    ----------
    one, other
        Element symbols, n and m of them.

    Returns
    -------
    FloatArray
        Shape (n, m), Å.
    """
    radii = [covalent_radii[[atomic_numbers[symbol] for symbol in side]] for side in (one, other)]
    return CONTACT * np.add.outer(*radii)


def height_at_contact(contact: FloatArray, lateral: FloatArray) -> FloatArray:
    """Return how far above another atom an atom stops that comes down next to it.

    Parameters
    ----------
    contact
        Distances at which the two touch, Å.
    lateral
        Their in-plane distances, Å; same shape.

    Returns
    -------
    FloatArray
        Same shape, Å; -inf where they pass each other.
    """
    passing = lateral >= contact
    heights = np.sqrt(np.where(passing, 0.0, contact**2 - lateral**2))
    return np.where(passing, -np.inf, heights)


def rounded_height(height: float) -> float:
    """Round a height to 0.01 Å, alike on every machine."""
    return round(stable_round(height), 2)
