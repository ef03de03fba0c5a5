"""Slabs: a crystal cut along a plane, in the smallest in-plane cell."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from pymatgen.core import Element, Lattice, Structure

from cuprolith.arrays import FloatArray, IntArray
from generators.candidate import Candidate
from generators.crystals import Crystal, wrapped
from generators.lattice_planes import PlaneCell, plane_cell, upright_lattice
from generators.layers import PLANE_TOLERANCE, layer_depth, layer_numbers
from generators.settings import MillerIndex
from generators.stable_numbers import stable_round
from generators.terminations import (
    AtomicPlanes,
    Cut,
    Preference,
    atomic_planes,
    distinct_cuts,
)


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
    termination
        Number among the distinct terminations of the plane, from 0 for the preferred one (see
        `slab_terminations`).
    cut
        Symmetry, stoichiometry and broken bonds.
    """

    crystal: Crystal
    miller_index: MillerIndex
    structure: Structure
    basis: IntArray
    vacuum: float
    free_layers: int
    termination: int
    cut: Cut

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

    @property
    def faces(self) -> tuple[str, str]:
        """Elements of the outermost plane at the bottom and at the top, such as Li or Cu2O."""
        plane = self.plane_numbers
        return self._formula(plane == 0), self._formula(plane == plane[-1])

    def _formula(self, chosen: NDArray[np.bool_]) -> str:
        counts = Counter(self.structure[int(atom)].specie.symbol for atom in np.flatnonzero(chosen))
        divisor = math.gcd(*counts.values())
        # Not pymatgen's reduced formula, which has oxygen as O2.
        shares = [(symbol, counts[symbol] // divisor) for symbol in sorted(counts, key=Element)]
        return "".join(f"{symbol}{share if share > 1 else ''}" for symbol, share in shares)

    @cached_property
    def candidate(self) -> Candidate:
        """The slab as a candidate; it is a root."""
        return Candidate(
            structure=self.structure,
            family="slab",
            free_mask=tuple(self.free_mask.tolist()),
            miller_index=self.miller_index,
            parameters={
                **self.crystal.parameters,
                "thickness": stable_round(self.thickness),
                "vacuum": stable_round(self.vacuum),
                "layers": int(self.layers_from_bottom.max()) + 1,
                "planes": int(self.plane_numbers.max()) + 1,
                "free_layers": self.free_layers,
                "termination": self.termination,
                "faces": list(self.faces),
                "equal_faces": self.cut.equal_faces,
                "inversion_symmetric": self.cut.inversion_symmetric,
                "stoichiometric": self.cut.stoichiometric,
                "broken_bonds": stable_round(self.cut.broken_bonds),
            },
        )


def slab_terminations(
    crystal: Crystal,
    miller_index: MillerIndex,
    *,
    min_thickness: float,
    vacuum: float,
    free_layers: int = 2,
    prefer: Preference = "symmetric",
) -> list[Slab]:
    """Cut one slab, in the smallest in-plane cell there is, for each distinct face of a plane.

    Faces are distinct unless a symmetry operation of the crystal that keeps the plane and its
    direction maps one onto the other. Each is the top face of one slab; a slab that is another's
    flipped image is left out.

    The thickness, between the outermost planes, is at least `min_thickness` and less than one
    period above it, the period being the distance of neighbouring lattice planes, V_prim / area.
    (In compounds it may hold several atomic planes; in hcp (0001) it is c.) Of the faces that this
    leaves open, those taken are the first by: inversion symmetry, faces equal by any symmetry,
    bulk stoichiometry, the wider gap at the cuts (few broken bonds), and least thickness.

    Parameters
    ----------
    miller_index
        (h, k, l) of the conventional cell, without common divisor.
    vacuum
        On each side, Å; the cell is thickness + 2 vacuum high.
    free_layers
        Layers (see `layers`) of each face that are free to relax.
    prefer
        ``"stoichiometric"`` puts bulk stoichiometry before symmetry: polar planes then get two
        different faces instead of two equal ones.

    Returns
    -------
    list
        The preferred first, by the rules above; one slab where the primitive cell has one atom.

    Raises
    ------
    GenerationError
        If `miller_index` is no plane.
    """
    cell = plane_cell(
        crystal.conventional.lattice.matrix, crystal.primitive.lattice.matrix, miller_index
    )
    planes = atomic_planes(crystal, cell)
    return [
        Slab(
            crystal,
            miller_index,
            *_stack(crystal, cell, planes, cut, vacuum),
            vacuum=vacuum,
            free_layers=free_layers,
            termination=number,
            cut=cut,
        )
        for number, cut in enumerate(distinct_cuts(crystal, cell, planes, min_thickness, prefer))
    ]


def _stack(
    crystal: Crystal, cell: PlaneCell, planes: AtomicPlanes, cut: Cut, vacuum: float
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
    lattice = upright_lattice(cell.vectors, height)
    return Structure(lattice, numbers, np.column_stack([in_plane, z / height])), basis
