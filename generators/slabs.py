"""Slabs: a crystal cut along a plane, in the smallest in-plane cell."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pymatgen.core import Lattice, Structure
from pymatgen.core.surface import get_symmetrically_distinct_miller_indices

from generators.candidate import Candidate
from generators.crystals import Crystal, FloatArray, IntArray
from generators.lattice_plane import PlaneCell, plane_cell
from generators.layers import PLANE_TOLERANCE, layer_depth, layer_numbers
from generators.provenance import crystal_parameters, stable_round
from generators.settings import MillerIndex

_NOISE = 1e-6  # Å; far above float noise, far below any distance that matters


@dataclass(frozen=True)
class Slab:
    """A slab, and what its defects and interfaces need to know about it.

    Attributes
    ----------
    crystal, miller_index
        Where it was cut from.
    structure
        a along x, b in the xy plane, c along the normal; the slab lies in the middle of c.
        Sites go from the bottom up; planes (hkl) face up.
    basis
        Shape (n,): primitive site of the crystal that each atom is a copy of.
    vacuum
        On each side, Å.
    free_layers
        Layers of each face that are free to relax.
    equal_faces
        Whether a symmetry operation of the slab exchanges its faces.
    inversion_symmetric
        Whether inversion does.
    """

    crystal: Crystal
    miller_index: MillerIndex
    structure: Structure
    basis: IntArray
    vacuum: float
    free_layers: int
    equal_faces: bool
    inversion_symmetric: bool

    @cached_property
    def heights(self) -> FloatArray:
        """Height of each atom above the bottom plane, shape (n,), Å."""
        z = self.structure.cart_coords[:, 2]
        return np.asarray(z - z.min())

    @property
    def thickness(self) -> float:
        """Distance of the outermost planes, Å."""
        return float(self.heights.max())

    @property
    def area(self) -> float:
        """Area of the in-plane cell, Å²."""
        return float(np.linalg.det(self.structure.lattice.matrix[:2, :2]))

    @cached_property
    def layer_depth(self) -> float:
        """Depth of a layer, Å (see `generators.layers`)."""
        conventional = self.crystal.conventional.lattice.reciprocal_lattice.matrix
        normal = np.array(self.miller_index) @ conventional
        return layer_depth(self.crystal, normal / np.linalg.norm(normal))

    @cached_property
    def layers_from_bottom(self) -> IntArray:
        """Layer of each atom counted from the bottom face, shape (n,), from 0."""
        return layer_numbers(self.heights, self.layer_depth)

    @cached_property
    def layers_from_top(self) -> IntArray:
        """Layer of each atom counted from the top face, shape (n,), from 0."""
        return layer_numbers(self.thickness - self.heights, self.layer_depth)

    @property
    def free_mask(self) -> NDArray[np.bool_]:
        """True for the atoms of the outermost `free_layers` layers of each face, shape (n,)."""
        return np.minimum(self.layers_from_bottom, self.layers_from_top) < self.free_layers

    @cached_property
    def coordination(self) -> IntArray:
        """Number of first neighbours of each atom, shape (n,)."""
        cutoffs = self.crystal.cutoffs[self.basis]
        alone = Lattice(self.structure.lattice.matrix, pbc=(True, True, False))
        slab = Structure(alone, self.structure.species, self.structure.frac_coords)
        centers, _, _, distances = slab.get_neighbor_list(float(cutoffs.max()))
        near = distances <= cutoffs[centers]
        return np.bincount(centers[near], minlength=len(self.structure))

    @property
    def undercoordinated(self) -> NDArray[np.bool_]:
        """True for atoms with fewer first neighbours than in the bulk, shape (n,)."""
        return self.coordination < self.crystal.coordination[self.basis]

    @property
    def plane_numbers(self) -> IntArray:
        """Plane of each atom counted from the bottom, shape (n,), from 0."""
        steps = np.diff(self.heights, prepend=0.0) > PLANE_TOLERANCE
        return np.cumsum(steps)

    @cached_property
    def candidate(self) -> Candidate:
        """The slab as a candidate; it is a root."""
        return Candidate(
            structure=self.structure,
            family="slab",
            free_mask=tuple(self.free_mask.tolist()),
            miller_index=self.miller_index,
            parameters={
                **crystal_parameters(self.crystal),
                "thickness": stable_round(self.thickness),
                "vacuum": stable_round(self.vacuum),
                "layers": int(self.layers_from_bottom.max()) + 1,
                "planes": int(self.plane_numbers.max()) + 1,
                "free_layers": self.free_layers,
                "termination": 0,
                "equal_faces": self.equal_faces,
                "inversion_symmetric": self.inversion_symmetric,
            },
        )


def cut_slab(
    crystal: Crystal,
    miller_index: MillerIndex,
    *,
    min_thickness: float,
    vacuum: float,
    free_layers: int = 2,
) -> Slab:
    """Cut a slab in the smallest in-plane cell there is.

    The thickness, between the outermost planes, is at least `min_thickness` and less than one
    lattice plane spacing above it. Where these bounds leave a choice of terminations (crystals
    with several atoms per primitive cell), the one made is the first by: inversion symmetry,
    faces equal by any other symmetry, bulk stoichiometry, the wider gap at the cuts (so that few
    bonds are broken), and least thickness. It is recorded as termination 0.

    Parameters
    ----------
    crystal
        The crystal.
    miller_index
        (h, k, l) of the conventional cell, without common divisor.
    min_thickness
        Least thickness, Å.
    vacuum
        On each side, Å; the cell is thickness + 2 vacuum high.
    free_layers
        Layers (see `generators.layers`) of each face that are free to relax.

    Raises
    ------
    GenerationError
        If `miller_index` is no plane.
    """
    cell = plane_cell(
        crystal.conventional.lattice.matrix, crystal.primitive.lattice.matrix, miller_index
    )
    planes = _atomic_planes(crystal, cell)
    cut = min(_cuts(crystal, cell, planes, min_thickness), key=_preference)
    structure, basis = _stack(crystal, cell, planes, cut, vacuum)
    return Slab(
        crystal=crystal,
        miller_index=miller_index,
        structure=structure,
        basis=basis,
        vacuum=vacuum,
        free_layers=free_layers,
        equal_faces=cut.equal_faces,
        inversion_symmetric=cut.inversion_symmetric,
    )


def distinct_miller_indices(crystal: Crystal, max_index: int) -> list[MillerIndex]:
    """Symmetrically distinct planes up to an index, lowest first (by h² + k² + l²)."""
    indices = get_symmetrically_distinct_miller_indices(crystal.conventional, max_index)
    planes = [(int(index[0]), int(index[1]), int(index[2])) for index in indices]
    return sorted(planes, key=lambda hkl: (hkl[0] ** 2 + hkl[1] ** 2 + hkl[2] ** 2, hkl))


class _Planes(NamedTuple):
    """Atomic planes of one period of the crystal along the normal."""

    coordinates: FloatArray  # (atoms, 3): in units of a, b and the step t; the last in [0, 1)
    plane: IntArray  # (atoms,): plane of each primitive site
    heights: FloatArray  # (planes,): in periods, in [0, 1), ascending


class _Cut(NamedTuple):
    """From plane `bottom` of the first period to plane `top`, `periods` periods farther up."""

    bottom: int
    top: int
    periods: int
    thickness: float
    gap: float
    inversion_symmetric: bool
    equal_faces: bool
    stoichiometric: bool


def _preference(cut: _Cut) -> tuple[bool, bool, bool, float, float, int, int]:
    return (
        not cut.inversion_symmetric,
        not cut.equal_faces,
        not cut.stoichiometric,
        -stable_round(cut.gap),
        stable_round(cut.thickness),
        cut.bottom,
        cut.top,
    )


def _atomic_planes(crystal: Crystal, cell: PlaneCell) -> _Planes:
    coordinates = crystal.primitive.frac_coords @ np.linalg.inv(cell.indices)
    tolerance = PLANE_TOLERANCE / cell.spacing
    coordinates[:, 2] -= np.floor(coordinates[:, 2] + tolerance)
    height = coordinates[:, 2]
    order = np.argsort(height, kind="stable")
    new_plane = np.diff(height[order], prepend=-1.0) > tolerance
    plane = np.empty(len(order), dtype=np.int64)
    plane[order] = np.cumsum(new_plane) - 1
    return _Planes(coordinates, plane, height[order][new_plane])


def _cuts(
    crystal: Crystal, cell: PlaneCell, planes: _Planes, min_thickness: float
) -> Iterator[_Cut]:
    """All slabs with thickness in [min_thickness, min_thickness + one period)."""
    heights = planes.heights
    gaps = np.diff(heights, append=heights[0] + 1.0)  # gap above each plane
    inversions, flips = _flips(crystal, cell)
    numbers = np.array(crystal.primitive.atomic_numbers)
    for bottom, top in np.ndindex(len(heights), len(heights)):
        offset = heights[top] - heights[bottom]
        wanted = math.ceil((min_thickness - _NOISE) / cell.spacing - offset)
        periods = max(wanted, int(top < bottom))
        copies = 1 + periods - (planes.plane < bottom) - (planes.plane > top)
        phase = heights[bottom] + heights[top]
        yield _Cut(
            bottom=bottom,
            top=top,
            periods=periods,
            thickness=float((offset + periods) * cell.spacing),
            gap=float(min(gaps[top], gaps[bottom - 1]) * cell.spacing),
            inversion_symmetric=_any_whole(inversions - phase, PLANE_TOLERANCE / cell.spacing),
            equal_faces=_any_whole(flips - phase, PLANE_TOLERANCE / cell.spacing),
            stoichiometric=_same_composition(numbers, copies),
        )


def _flips(crystal: Crystal, cell: PlaneCell) -> tuple[FloatArray, FloatArray]:
    """Shifts s, in periods, of the inversions and of all operations that map height z to s - z."""
    rotations, translations = crystal.symmetry_operations
    flips = (cell.plane_indices @ rotations == -cell.plane_indices).all(axis=1)
    inversions = (rotations == -np.eye(3)).all(axis=(1, 2))
    shifts = translations @ cell.plane_indices
    return shifts[inversions], shifts[flips]


def _any_whole(values: FloatArray, tolerance: float) -> bool:
    return bool((np.abs(values - np.rint(values)) < tolerance).any())


def _same_composition(numbers: IntArray, copies: IntArray) -> bool:
    """Whether `copies` of each site give the elements the same ratio as one copy of each."""
    bulk, cut = np.bincount(numbers), np.bincount(numbers, weights=copies)
    present = bulk > 0
    ratio = cut[present] / bulk[present]
    return bool((ratio == ratio[0]).all())


def _stack(
    crystal: Crystal, cell: PlaneCell, planes: _Planes, cut: _Cut, vacuum: float
) -> tuple[Structure, IntArray]:
    """Pile up the planes of a cut; the structure and the primitive site of each atom."""
    basis, period = np.divmod(np.arange(len(planes.plane) * (cut.periods + 1)), cut.periods + 1)
    plane = planes.plane[basis]
    inside = ~((period == 0) & (plane < cut.bottom)) & ~(
        (period == cut.periods) & (plane > cut.top)
    )
    basis, period, plane = basis[inside], period[inside], plane[inside]
    numbers = np.array(crystal.primitive.atomic_numbers)[basis]
    # By rank, not by float height, so that the order does not hang on noise.
    order = np.lexsort((basis, numbers, plane, period))
    basis, period, plane, numbers = basis[order], period[order], plane[order], numbers[order]

    heights = planes.coordinates[basis, 2] + period
    in_plane = planes.coordinates[basis, :2] + heights[:, None] * cell.stacking
    in_plane = wrapped(in_plane - in_plane[0])
    height = cut.thickness + 2 * vacuum
    z = vacuum + (heights - planes.heights[cut.bottom]) * cell.spacing
    lattice = np.zeros((3, 3))
    lattice[:2, :2] = cell.vectors
    lattice[2, 2] = height
    structure = Structure(Lattice(lattice), numbers, np.column_stack([in_plane, z / height]))
    return structure, basis


def wrapped(fractions: FloatArray) -> FloatArray:
    """Fractional coordinates in [0, 1), those a hair below 1 counted as 0."""
    return np.asarray(fractions - np.floor(fractions + 1e-6))
