"""Adsorption sites of a slab's faces, found on its smallest cell.

A ball as wide as the crystal's own atoms (its centre one distance R from the atoms it touches)
rests on the face. Where it balances on one atom is an on-top site, on two a bridge, on three or
more a hollow. On low-index faces these are the textbook sites; on stepped faces the ball also
finds the step edges and the kinks at their feet, which a search among the outermost atoms alone
does not. Sites that the slab's symmetry maps onto each other count once.

R is the bond length in close-packed crystals, so that an atom that continues the crystal sits
on a site. In others it is longer than the bond: as long as the nearest distance in a bcc crystal
with the same number of atoms per volume. With the short bond between unlike atoms of an oxide,
the ball would sink between like atoms into voids that are interstices and no adsorption sites.
"""

from __future__ import annotations

from itertools import combinations
from typing import Literal, NamedTuple, get_args

import numpy as np
import spglib

from cuprolith.arrays import FloatArray, IntArray
from generators.conventional_cell import SYMPREC, spglib_cell
from generators.crystals import Crystal, wrapped
from generators.plane_supercells import lateral_distances
from generators.slab import Slab
from generators.stable_numbers import stable_round

_TOUCH = 0.02  # of R: an atom this much farther than R still is touched
_UNDER = 0.45  # of R: atoms at least this far below the ball's centre carry it
_BCC_DISTANCE = 3**0.5 / 2 * 2 ** (1 / 3)  # of nearest neighbours, in cube roots of volume/atom
Sites = Literal["on_top", "bridge", "hollow"]
Face = Literal["top", "bottom"]
_KINDS: tuple[Sites, ...] = get_args(Sites)


class SurfaceSite(NamedTuple):
    """A place for an adatom.

    Attributes
    ----------
    kind
        By the number of atoms touched.
    fractions
        Shape (2,), in the slab's in-plane cell, in [0, 1).
    depth
        Of the local surface below the face's outermost plane, Å.
    touched
        Number of atoms the ball touches.
    """

    kind: Sites
    fractions: FloatArray
    depth: float
    touched: int


def surface_sites(slab: Slab, face: Face = "top") -> list[SurfaceSite]:
    """Find the symmetry-distinct on-top, bridge and hollow sites of a face.

    The local surface of a site is the height of the highest of the atoms that carry the ball.
    Atoms beside it, such as those of a step above its foot, do not count.

    Returns
    -------
    list
        On-top sites first, then bridges, then hollows; each from the face inwards.
    """
    from scipy.spatial import cKDTree  # a third of a second, which settings need not wait for

    radius = _ball_radius(slab.crystal)
    outer, near = _atoms_near_face(slab, face, radius)
    sites: list[SurfaceSite] = []
    centers = _resting_places(outer, near, radius)
    nearest, _ = cKDTree(near).query(centers)
    for center in centers[nearest > radius * (1 - _TOUCH)]:
        if _roofed(center, near, radius):
            continue
        distances = np.linalg.norm(near - center, axis=1)
        touched = near[distances < radius * (1 + _TOUCH)]
        carrying = touched[center[2] - touched[:, 2] > _UNDER * radius]
        local = touched if len(carrying) == 0 else carrying
        fractions = center[:2] @ np.linalg.inv(slab.structure.lattice.matrix[:2, :2])
        sites.append(
            SurfaceSite(
                kind=_KINDS[min(len(touched), 3) - 1],
                fractions=wrapped(fractions),
                depth=float(-local[:, 2].max()),
                touched=len(touched),
            )
        )
    return _distinct(sites, slab)


def _ball_radius(crystal: Crystal) -> float:
    """Distance R of the ball's centre from the atoms it touches, Å."""
    volume = crystal.primitive.volume / len(crystal.primitive)
    return max(crystal.bond_length, _BCC_DISTANCE * volume ** (1 / 3))


def _atoms_near_face(slab: Slab, face: Face, radius: float) -> tuple[FloatArray, FloatArray]:
    """Atoms of the cell's first two layers, and all that a ball on them can meet, with images.

    In open crystals a ball can come down between the atoms of the first layer. Heights are above
    the face's outermost plane and outwards, so that the bottom face is seen as in a mirror.
    """
    if face == "top":
        depths, layers = slab.thickness - slab.heights, slab.layers_from_top
    else:
        depths, layers = slab.heights, slab.layers_from_bottom
    positions = np.column_stack([slab.structure.cart_coords[:, :2], -depths])
    in_plane = slab.structure.lattice.matrix[:2]
    a, b = np.linalg.norm(in_plane, axis=1)
    reach = 3 * radius
    # Images needed to cover `reach` around the cell: heights of the cell are area/b and area/a.
    repeats = [int(np.ceil(reach * length / slab.area)) + 1 for length in (b, a)]
    images = np.array([(i, j) for i in range(-repeats[0], repeats[0] + 1)
                       for j in range(-repeats[1], repeats[1] + 1)])  # fmt: skip
    near = positions[depths < 2 * slab.layer_depth + radius]
    near = (near[None] + (images @ in_plane)[:, None]).reshape(-1, 3)
    return positions[layers < 2], near


def _resting_places(outer: FloatArray, near: FloatArray, radius: float) -> FloatArray:
    """Centres of balls on one, two and three atoms, one of them in the cell, shape (n, 3).

    Whether they meet yet other atoms is not looked at.
    """
    lowest = outer[:, 2].min() - _TOUCH
    top = near[near[:, 2] >= lowest]
    centers = [outer + np.array([0, 0, radius])]
    for atom in outer:
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
    slanted = length > 1e-3  # else one atom is above the other
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
    """Whether an atom above blocks the way down to a place."""
    above = near[near[:, 2] > center[2]]
    lateral = np.linalg.norm(above[:, :2] - center[:2], axis=1)
    return bool((lateral < 0.7 * radius).any())


def _distinct(sites: list[SurfaceSite], slab: Slab) -> list[SurfaceSite]:
    """One site of each orbit under the plane group, in a reproducible order."""
    rotations, translations = _plane_group(slab)
    in_plane = slab.structure.lattice.matrix[:2, :2]
    tolerance = 0.1 * slab.crystal.bond_length
    orbits = [
        _orbit(site.fractions, rotations, translations, in_plane, tolerance) for site in sites
    ]
    first = [min(map(_rounded, orbit.tolist())) for orbit in orbits]
    # Where places nearly coincide (a hollow of four atoms is also one of three), most atoms win.
    order = sorted(
        range(len(sites)), key=lambda i: (-sites[i].touched, stable_round(sites[i].depth), first[i])
    )
    kept: list[int] = []
    for i in order:
        start = np.array(first[i])
        distances = [lateral_distances(orbits[j] - start, in_plane).min() for j in kept]
        if min(distances, default=np.inf) > tolerance:
            kept.append(i)
    kept.sort(key=lambda i: (_KINDS.index(sites[i].kind), stable_round(sites[i].depth), first[i]))
    return [sites[i]._replace(fractions=np.array(first[i])) for i in kept]


def _orbit(
    point: FloatArray,
    rotations: IntArray,
    translations: FloatArray,
    in_plane: FloatArray,
    tolerance: float,
) -> FloatArray:
    """Images of a point under the plane group, shape (n, 2).

    A point nearer to some of its images than `tolerance` is first put in their midst, on the
    symmetry element: a ball between four atoms touches any three of them a little beside it.
    """
    shifts = rotations @ point + translations - point
    shifts -= np.rint(shifts)
    close = lateral_distances(shifts, in_plane) < tolerance
    return wrapped(rotations @ (point + shifts[close].mean(axis=0)) + translations)


def _rounded(fractions: list[float]) -> list[float]:
    return [stable_round(fraction) for fraction in fractions]


def _plane_group(slab: Slab) -> tuple[IntArray, FloatArray]:
    """Operations of the slab that keep each face where it is: (n, 2, 2), (n, 2), in its cell."""
    operations = spglib.get_symmetry(spglib_cell(slab.structure), symprec=SYMPREC)
    upright = operations["rotations"][:, 2, 2] == 1
    return (
        operations["rotations"][upright][:, :2, :2].astype(np.int64),
        operations["translations"][upright][:, :2],
    )
