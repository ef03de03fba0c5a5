"""Slabs turned upside down."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from pymatgen.core import Lattice, Structure

from generators.origins import Origin, as_matrix
from generators.slabs import Slab

_HALF_TURN = (1.0, -1.0, -1.0)  # (x, y, z) goes to (x, -y, -z)


def turned_over(slab: Slab) -> Slab:
    """Turn a slab by half a turn about its first in-plane vector.

    Its top face, which its termination names, comes to lie below; planes (hkl) face down. What it
    says about its top face still means that face.
    """
    order = np.arange(len(slab.structure))[::-1]  # sites go from the bottom up
    # b reversed keeps the cell right-handed.
    lattice = slab.structure.lattice.matrix.copy()
    lattice[1, 0] *= -1
    fractions = slab.structure.frac_coords * _HALF_TURN + [0, 0, 1]
    species = [slab.structure[atom].specie for atom in order]
    return replace(
        slab,
        structure=Structure(Lattice(lattice), species, fractions[order]),
        basis=slab.basis[order],
    )


def before_turn(origin: Origin, slab: Slab) -> Origin:
    """Trace atoms of a slab turned over back to the slab as it was.

    Parameters
    ----------
    origin
        Of atoms that are copies of those of ``turned_over(slab)``; none is an added one.
    slab
        The slab before it was turned.
    """
    last = len(slab.structure) - 1
    return Origin(
        slab.candidate.structure_id,
        tuple(last - atom for atom in origin.atoms),
        as_matrix(np.diag(_HALF_TURN) @ np.array(origin.transform)),
    )
