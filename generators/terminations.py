"""Terminations: the distinct faces that a crystal can show along a plane, and the slabs between.

Along the normal of (hkl) a crystal is a pile of atomic planes that repeats with the *period*: the
distance of neighbouring lattice planes, d = V_prim / area. An element with one atom per primitive
cell has one atomic plane per period; crystals with more have several at unequal distances and of
unequal composition. A slab may end on any of them, and each is another face unless a symmetry
operation of the crystal that keeps the normal's direction maps one plane onto the other.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np

from cuprolith.arrays import FloatArray, IntArray
from generators.crystals import Crystal
from generators.lattice_planes import PlaneCell
from generators.layers import PLANE_TOLERANCE
from generators.stable_numbers import stable_round

Preference = Literal["symmetric", "stoichiometric"]

_NOISE = 1e-6  # Å; far above float noise, far below any distance that matters


class AtomicPlanes(NamedTuple):
    """Atomic planes of one period of the crystal along the normal.

    Attributes
    ----------
    coordinates
        Shape (sites, 3): primitive sites in units of a, b and the step t; the last in [0, 1).
    plane
        Shape (sites,): plane of each primitive site.
    heights
        Shape (planes,): in periods, in [0, 1), ascending.
    """

    coordinates: FloatArray
    plane: IntArray
    heights: FloatArray


class Cut(NamedTuple):
    """The crystal from one atomic plane to another.

    Attributes
    ----------
    bottom
        Lowest plane, of the first period.
    top
        Highest plane, `periods` periods farther up.
    periods
        See `top`.
    thickness
        Distance of the outermost planes, Å.
    gaps
        Distances of the outermost planes from the next ones that were cut off, Å, ascending.
    broken_bonds
        First-neighbour bonds that atoms lost at the top face, Å⁻².
    inversion_symmetric
        Whether an inversion of the crystal exchanges the faces.
    equal_faces
        Whether any operation of the crystal does.
    stoichiometric
        Whether the elements have the same ratio as in the crystal.
    """

    bottom: int
    top: int
    periods: int
    thickness: float
    gaps: tuple[float, float]
    broken_bonds: float
    inversion_symmetric: bool
    equal_faces: bool
    stoichiometric: bool


class _Symmetry(NamedTuple):
    """Operations that map the plane (hkl) onto itself.

    Each maps height z to s + z (kept) or s - z (flips, inversions among them); s in periods.
    """

    kept: FloatArray
    flips: FloatArray
    inversions: FloatArray


def atomic_planes(crystal: Crystal, cell: PlaneCell) -> AtomicPlanes:
    """Sort the primitive sites of a crystal into the atomic planes of one period."""
    coordinates = crystal.primitive.frac_coords @ np.linalg.inv(cell.indices)
    tolerance = PLANE_TOLERANCE / cell.spacing
    coordinates[:, 2] -= np.floor(coordinates[:, 2] + tolerance)
    height = coordinates[:, 2]
    order = np.argsort(height, kind="stable")
    new_plane = np.diff(height[order], prepend=-1.0) > tolerance
    plane = np.empty(len(order), dtype=np.int64)
    plane[order] = np.cumsum(new_plane) - 1
    return AtomicPlanes(coordinates, plane, height[order][new_plane])


def distinct_cuts(
    crystal: Crystal,
    cell: PlaneCell,
    planes: AtomicPlanes,
    min_thickness: float,
    prefer: Preference,
) -> list[Cut]:
    """One cut for each distinct top face.

    Parameters
    ----------
    crystal, cell, planes
        What is cut, the plane, and its `atomic_planes`.
    min_thickness
        Least thickness, Å; that of every cut is less than one period above it.
    prefer
        What decides between the planes that a cut with some top face may end on below: see
        `slab_terminations`.

    Returns
    -------
    list
        The preferred first. Where the cuts chosen for two faces are flipped images of each other,
        as of a stoichiometric polar slab that shows one of them on either side, one is listed.
    """
    symmetry = _symmetry(crystal, cell)
    kept = _nearest_plane(planes.heights, symmetry.kept[:, None] + planes.heights)
    flipped = _nearest_plane(planes.heights, symmetry.flips[:, None] - planes.heights)
    cuts = _cuts(crystal, cell, planes, symmetry, min_thickness)
    chosen: dict[int, Cut] = {}
    for cut in sorted(cuts, key=lambda cut: _rank(cut, prefer)):
        chosen.setdefault(int(kept[:, cut.top].min()), cut)
    distinct: dict[tuple[int, int], Cut] = {}
    for cut in chosen.values():
        images = [*zip(kept[:, cut.bottom], kept[:, cut.top], strict=True),
                  *zip(flipped[:, cut.top], flipped[:, cut.bottom], strict=True)]  # fmt: skip
        distinct.setdefault(min(images), cut)
    return list(distinct.values())


def _rank(cut: Cut, prefer: Preference) -> tuple[bool | float, ...]:
    symmetric = (not cut.inversion_symmetric, not cut.equal_faces)
    stoichiometric = (not cut.stoichiometric,)
    narrow, wide = map(stable_round, cut.gaps)
    return (
        *(symmetric + stoichiometric if prefer == "symmetric" else stoichiometric + symmetric),
        -narrow,
        -wide,
        stable_round(cut.thickness),
        cut.bottom,
        cut.top,
    )


def _cuts(
    crystal: Crystal,
    cell: PlaneCell,
    planes: AtomicPlanes,
    symmetry: _Symmetry,
    min_thickness: float,
) -> Iterator[Cut]:
    """All slabs with thickness in [min_thickness, min_thickness + one period)."""
    heights = planes.heights
    gaps = np.diff(heights, append=heights[0] + 1.0) * cell.spacing  # above each plane
    broken_bonds = _broken_bonds(crystal, cell, planes)
    numbers = np.array(crystal.primitive.atomic_numbers)
    tolerance = PLANE_TOLERANCE / cell.spacing
    for bottom, top in np.ndindex(len(heights), len(heights)):
        offset = heights[top] - heights[bottom]
        wanted = math.ceil((min_thickness - _NOISE) / cell.spacing - offset)
        periods = max(wanted, int(top < bottom))
        copies = 1 + periods - (planes.plane < bottom) - (planes.plane > top)
        phase = heights[bottom] + heights[top]
        narrow, wide = sorted((float(gaps[top]), float(gaps[bottom - 1])))
        yield Cut(
            bottom=bottom,
            top=top,
            periods=periods,
            thickness=float((offset + periods) * cell.spacing),
            gaps=(narrow, wide),
            broken_bonds=float(broken_bonds[top]),
            inversion_symmetric=_any_whole(symmetry.inversions - phase, tolerance),
            equal_faces=_any_whole(symmetry.flips - phase, tolerance),
            stoichiometric=_same_composition(numbers, copies),
        )


def _symmetry(crystal: Crystal, cell: PlaneCell) -> _Symmetry:
    rotations, translations = crystal.symmetry_operations
    images = cell.plane_indices @ rotations
    shifts = translations @ cell.plane_indices
    return _Symmetry(
        kept=shifts[(images == cell.plane_indices).all(axis=1)],
        flips=shifts[(images == -cell.plane_indices).all(axis=1)],
        inversions=shifts[(rotations == -np.eye(3)).all(axis=(1, 2))],
    )


def _nearest_plane(heights: FloatArray, images: FloatArray) -> IntArray:
    """Plane at each height, one of `heights` up to whole periods; same shape as `images`."""
    distances = images[..., None] - heights
    return np.abs(distances - np.rint(distances)).argmin(axis=-1)


def _broken_bonds(crystal: Crystal, cell: PlaneCell, planes: AtomicPlanes) -> FloatArray:
    """First-neighbour bonds of the atoms up to each plane that reach above it, Å⁻²."""
    sites, bonds = crystal.first_neighbours
    rises = bonds @ np.linalg.inv(crystal.primitive.lattice.matrix) @ cell.plane_indices
    # Copies of a site lie one period apart; those cut are below the plane, their partners above.
    below = planes.heights[:, None] - planes.coordinates[sites, 2] + PLANE_TOLERANCE / cell.spacing
    cut = np.floor(below) - np.floor(below - rises)
    return np.asarray(np.maximum(cut, 0).sum(axis=1) / cell.area)


def _any_whole(values: FloatArray, tolerance: float) -> bool:
    return bool((np.abs(values - np.rint(values)) < tolerance).any())


def _same_composition(numbers: IntArray, copies: IntArray) -> bool:
    """Whether `copies` of each site give the elements the same ratio as one copy of each."""
    bulk, cut = np.bincount(numbers), np.bincount(numbers, weights=copies)
    present = bulk > 0
    # Cross products of whole numbers: exact, whatever the ratio.
    return bool((cut[present] * bulk[present][0] == bulk[present] * cut[present][0]).all())
