"""Adsorption sites of a slab's top face, found on its smallest cell.

A ball as wide as the crystal's own atoms (its centre one bond length R from the atoms it touches)
rests on the face. Where it balances on one atom is an on-top site, on two a bridge, on three or
more a hollow. On low-index faces these are the textbook sites; on stepped faces the ball also
finds the step edges and the kinks at their feet, which a search among the outermost atoms alone
does not. Sites that the slab's symmetry maps onto each other count once.
"""

from __future__ import annotations

from itertools import combinations
from typing import NamedTuple

import numpy as np
import spglib

from generators.crystals import FloatArray, IntArray
from generators.provenance import stable_round
from generators.settings import Sites
from generators.slabs import Slab, wrapped

_TOUCH = 0.02  # of a bond: an atom this much farther than R still is touched
_SYMPREC = 0.01  # Å
_UNDER = 0.45  # of a bond: atoms at least this far below the ball's centre carry it
_KINDS: tuple[Sites, ...] = ("on_top", "bridge", "hollow")


class SurfaceSite(NamedTuple):
    """A place for an adatom.

    Attributes
    ----------
    kind
        By the number of atoms touched.
    fractions
        Shape (2,), in the slab's in-plane cell, in [0, 1).
    surface_height
        Height of the local surface above the slab's bottom plane, Å.
    touched
        Number of atoms the ball touches.
    """

    kind: Sites
    fractions: FloatArray
    surface_height: float
    touched: int


def surface_sites(slab: Slab) -> list[SurfaceSite]:
    """Find the symmetry-distinct on-top, bridge and hollow sites of the top face.

    The local surface of a site is the height of the highest of the atoms that carry the ball.
    Atoms beside it, such as those of a step above its foot, do not count.

    Parameters
    ----------
    slab
        The slab.

    Returns
    -------
    list
        On-top sites first, then bridges, then hollows; each from the top down.
    """
    radius = slab.crystal.bond_length
    first_layer, near = _atoms_near_top(slab, radius)
    sites: list[SurfaceSite] = []
    for center in _resting_places(first_layer, near, radius):
        distances = np.linalg.norm(near - center, axis=1)
        if distances.min() < radius * (1 - _TOUCH) or _roofed(center, near, radius):
            continue
        touched = near[distances < radius * (1 + _TOUCH)]
        carrying = touched[center[2] - touched[:, 2] > _UNDER * radius]
        local = touched if len(carrying) == 0 else carrying
        fractions = center[:2] @ np.linalg.inv(slab.structure.lattice.matrix[:2, :2])
        sites.append(
            SurfaceSite(
                kind=_KINDS[min(len(touched), 3) - 1],
                fractions=wrapped(fractions),
                surface_height=float(local[:, 2].max()),
                touched=len(touched),
            )
        )
    return _distinct(sites, slab)


def _atoms_near_top(slab: Slab, radius: float) -> tuple[FloatArray, FloatArray]:
    """First-layer atoms of the cell, and all atoms that a ball on them can meet, with images.

    Heights are above the slab's bottom plane.
    """
    positions = np.column_stack([slab.structure.cart_coords[:, :2], slab.heights])
    in_plane = slab.structure.lattice.matrix[:2]
    a, b = np.linalg.norm(in_plane, axis=1)
    reach = 3 * radius
    # Images needed to cover `reach` around the cell: heights of the cell are area/b and area/a.
    repeats = [int(np.ceil(reach * length / slab.area)) + 1 for length in (b, a)]
    images = np.array([(i, j) for i in range(-repeats[0], repeats[0] + 1)
                       for j in range(-repeats[1], repeats[1] + 1)])  # fmt: skip
    depth = slab.thickness - slab.heights
    near = positions[depth < slab.layer_depth + radius]
    near = (near[None] + (images @ in_plane)[:, None]).reshape(-1, 3)
    return positions[slab.layers_from_top == 0], near


def _resting_places(first_layer: FloatArray, near: FloatArray, radius: float) -> FloatArray:
    """Centres of balls on one, two and three atoms, one of them in the cell, shape (n, 3).

    Whether they meet yet other atoms is not looked at.
    """
    lowest = first_layer[:, 2].min() - _TOUCH
    top = near[near[:, 2] >= lowest]
    centers = [first_layer + np.array([0, 0, radius])]
    for atom in first_layer:
        bonds = top - atom
        distances = np.linalg.norm(bonds, axis=1)
        bonds = bonds[(distances > _TOUCH) & (distances < (2 - 1e-6) * radius)]
        centers.append(atom + _over_pairs(bonds, radius))
        centers.append(atom + _over_triples(bonds, radius))
    return np.concatenate(centers)


def _over_pairs(bonds: FloatArray, radius: float) -> FloatArray:
    """Highest places of a ball that touches the origin and the end of a bond."""
    squares = (bonds**2).sum(axis=1)
    upward = -bonds * (bonds[:, 2] / squares)[:, None] + [0, 0, 1]
    length = np.linalg.norm(upward, axis=1)
    slanted = length > 1e-3  # else one atom stands on the other
    height = np.sqrt(radius**2 - squares / 4)
    return (bonds / 2 + upward * (height / np.maximum(length, 1e-3))[:, None])[slanted]


def _over_triples(bonds: FloatArray, radius: float) -> FloatArray:
    """Upper places of a ball that touches the origin and the ends of two bonds."""
    pairs = np.array(list(combinations(range(len(bonds)), 2)), dtype=np.int64).reshape(-1, 2)
    one, two = bonds[pairs[:, 0]], bonds[pairs[:, 1]]
    normal = np.cross(one, two)
    square = (normal**2).sum(axis=1)
    spread = np.abs(normal[:, 2]) > 1e-3 * radius**2  # no upper side of an upright triangle
    one, two, normal, square = one[spread], two[spread], normal[spread], square[spread]
    difference = (one**2).sum(axis=1)[:, None] * two - (two**2).sum(axis=1)[:, None] * one
    center = np.cross(difference, normal) / (2 * square)[:, None]
    left = radius**2 - (center**2).sum(axis=1)
    fits = left > -1e-6 * radius**2
    upward = normal * (np.sign(normal[:, 2]) / np.sqrt(square))[:, None]
    return (center + upward * np.sqrt(np.maximum(left, 0))[:, None])[fits]


def _roofed(center: FloatArray, near: FloatArray, radius: float) -> bool:
    """Whether an atom above keeps an adatom from coming down on the place."""
    above = near[near[:, 2] > center[2]]
    lateral = np.linalg.norm(above[:, :2] - center[:2], axis=1)
    return bool((lateral < 0.7 * radius).any())


def _distinct(sites: list[SurfaceSite], slab: Slab) -> list[SurfaceSite]:
    """One site of each orbit under the plane group, in a reproducible order."""
    rotations, translations = _plane_group(slab)
    in_plane = slab.structure.lattice.matrix[:2, :2]
    tolerance = 0.1 * slab.crystal.bond_length
    kept: list[SurfaceSite] = []
    orbits: list[FloatArray] = []
    # Where places nearly coincide (a hollow of four atoms is also one of three), most atoms win.
    for site in sorted(sites, key=lambda s: (-s.touched, -stable_round(s.surface_height))):
        if any(_distance(orbit, site.fractions, in_plane) < tolerance for orbit in orbits):
            continue
        orbit = wrapped(rotations @ site.fractions + translations)
        orbits.append(orbit)
        first = min(orbit.tolist(), key=lambda f: (stable_round(f[0]), stable_round(f[1])))
        kept.append(site._replace(fractions=np.array(first)))
    return sorted(
        kept,
        key=lambda s: (
            _KINDS.index(s.kind),
            -stable_round(s.surface_height),
            *map(stable_round, s.fractions),
        ),
    )


def _plane_group(slab: Slab) -> tuple[IntArray, FloatArray]:
    """Operations of the slab that keep its top face up: (n, 2, 2) and (n, 2), in its cell."""
    structure = slab.structure
    operations = spglib.get_symmetry(
        (structure.lattice.matrix, structure.frac_coords, structure.atomic_numbers),
        symprec=_SYMPREC,
    )
    upright = operations["rotations"][:, 2, 2] == 1
    return (
        operations["rotations"][upright][:, :2, :2].astype(np.int64),
        operations["translations"][upright][:, :2],
    )


def _distance(orbit: FloatArray, point: FloatArray, in_plane: FloatArray) -> float:
    """Shortest distance of a point from the points of an orbit and their images, Å."""
    difference = orbit - point
    difference -= np.rint(difference)
    # The cell is Gauss-reduced, so that the nearest image is among the first ones around.
    images = np.array([(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1)])
    vectors = (difference[:, None] + images) @ in_plane
    return float(np.linalg.norm(vectors, axis=-1).min())
