"""Slabs turned upside down."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from pymatgen.core import Lattice, Structure

from generators.slabs import Slab


def turned_over(slab: Slab) -> Slab:
    """Turn a slab by half a turn about its first in-plane vector.

    Its top face, which its termination names, comes to lie below; planes (hkl) face down. What it
    says about its top face still means that face.
    """
    order = np.arange(len(slab.structure))[::-1]  # sites go from the bottom up
    # (x, y, z) goes to (x, -y, -z); b reversed keeps the cell right-handed.
    lattice = slab.structure.lattice.matrix.copy()
    lattice[1, 0] *= -1
    fractions = slab.structure.frac_coords * [1, -1, -1] + [0, 0, 1]
    species = [slab.structure[atom].specie for atom in order]
    return replace(
        slab,
        structure=Structure(Lattice(lattice), species, fractions[order]),
        basis=slab.basis[order],
    )
