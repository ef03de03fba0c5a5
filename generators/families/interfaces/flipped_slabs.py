"""Flip slabs upside down."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from pymatgen.core import Lattice, Structure

from generators.parent_mapping import ParentMapping, as_matrix
from generators.slab import Slab

_HALF_TURN = (1.0, -1.0, -1.0)  # (x, y, z) goes to (x, -y, -z)


def flip_slab(slab: Slab) -> Slab:
    """Rotate a slab by 180° about its first in-plane vector.

    Its top face, which its termination names, points down, as do planes (hkl). Its attributes
    about the top face still mean that face.
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


def unflip_mapping(mapping: ParentMapping, slab: Slab) -> ParentMapping:
    """Trace atoms of a flipped slab back to the slab before the flip.

    Parameters
    ----------
    mapping
        Of atoms that are copies of those of ``flip_slab(slab)``; none is an added one.
    """
    last = len(slab.structure) - 1
    return ParentMapping(
        slab.candidate.structure_id,
        tuple(last - atom for atom in mapping.atoms),
        as_matrix(np.diag(_HALF_TURN) @ np.array(mapping.transform)),
    )
