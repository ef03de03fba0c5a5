"""What must hold for a slab of any crystal along any plane, measured on its atoms alone."""

from __future__ import annotations

import math
from math import gcd

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.core import Lattice, Structure
from pymatgen.symmetry.analyzer import SpacegroupAnalyzer
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from generators.crystals import standard_crystal
from generators.slab import slab_terminations

NAMES = st.sampled_from(["Cu", "Li", "Mg", "C", "LiF", "ZnS", "Cu2O"])
COPRIME = st.tuples(*[st.integers(-4, 4)] * 3).filter(lambda hkl: gcd(*hkl) == 1)


def shells(structure: Structure, atoms, reach: float, periodic=(1, 1, 1)) -> list[np.ndarray]:
    """Sorted distances and atomic numbers of all neighbours within reach, for each atom."""
    matrix = structure.lattice.matrix
    heights = 1 / np.linalg.norm(np.linalg.inv(matrix), axis=0)
    repeats = [int(np.ceil(reach / height)) + 1 if p else 0
               for height, p in zip(heights, periodic, strict=True)]  # fmt: skip
    steps = np.stack(np.meshgrid(*[np.arange(-n, n + 1) for n in repeats]), -1).reshape(-1, 3)
    positions = (structure.frac_coords[None] + steps[:, None]).reshape(-1, 3) @ matrix
    numbers = np.tile(structure.atomic_numbers, len(steps))
    tree = cKDTree(positions)
    found = []
    for atom in atoms:
        near = np.array(tree.query_ball_point(structure.cart_coords[atom], reach))
        distances = np.linalg.norm(positions[near] - structure.cart_coords[atom], axis=1)
        distances = np.round(distances, 5)
        order = np.lexsort((numbers[near], distances))
        found.append(np.column_stack([distances, numbers[near]])[order])
    return found


def same(one: np.ndarray, other: np.ndarray) -> bool:
    return one.shape == other.shape and np.allclose(one, other, atol=1e-4)


@settings(max_examples=60, deadline=None)
@given(
    name=NAMES,
    hkl=COPRIME,
    thickness=st.floats(6, 14),
    prefer=st.sampled_from(["symmetric", "stoichiometric"]),
    data=st.data(),
)
def test_the_inside_is_bulk(crystals, name, hkl, thickness, prefer, data):
    crystal = crystals[name]
    slabs = slab_terminations(crystal, hkl, min_thickness=thickness, vacuum=8, prefer=prefer)
    structure = data.draw(st.sampled_from(slabs)).structure
    z = structure.cart_coords[:, 2]
    bulk = {
        (site.specie.Z, i): shells(crystal.primitive, [i], 7.0)[0]
        for i, site in enumerate(crystal.primitive)
    }
    bond = min(shell[1, 0] for shell in bulk.values())

    # Neighbours within `reach` of an atom deeper than that are all there.
    depth = np.minimum(z - z.min(), z.max() - z)
    reach = min(7.0, depth.max()) - 0.05
    inside = np.flatnonzero(depth >= reach)
    assert len(inside)
    for atom, shell in zip(inside, shells(structure, inside, reach), strict=True):
        assert any(
            number == structure[atom].specie.Z and same(shell, whole[whole[:, 0] <= reach + 1e-5])
            for (number, _), whole in bulk.items()
        )

    closest = shells(structure, range(len(structure)), 1.5 * bond)
    assert min(shell[1, 0] for shell in closest if len(shell) > 1) > 0.7 * bond

    # The atoms of one period weigh what the crystal does.
    middle = z.min() + np.ptp(z) / 2
    period = crystal.primitive.volume / np.linalg.det(structure.lattice.matrix[:2, :2])
    if np.ptp(z) > 1.2 * period:
        slice_ = (z > middle - period / 2 - 1e-3) & (z < middle + period / 2 - 1e-3)
        numbers = np.array(structure.atomic_numbers)[slice_]
        assert sorted(numbers) == sorted(crystal.primitive.atomic_numbers)


@pytest.mark.slow
@settings(max_examples=50, deadline=None)
@given(
    name=NAMES,
    hkl=COPRIME,
    angles=st.tuples(*[st.floats(0, 360)] * 3),
    shift=st.tuples(*[st.floats(0, 1)] * 3),
    primitive=st.booleans(),
    shear=st.tuples(*[st.integers(-1, 1)] * 3),
    repeats=st.tuples(*[st.integers(1, 2)] * 3),
)
def test_the_setting_of_the_crystal_does_not_matter(
    crystals, name, hkl, angles, shift, primitive, shear, repeats
):
    crystal = crystals[name]
    cell = (crystal.primitive if primitive else crystal.conventional).copy()
    a, b, c = shear
    cell = cell * (np.array([[1, a, b], [0, 1, c], [0, 0, 1]]) * np.array(repeats)[:, None])
    cell.translate_sites(range(len(cell)), shift)
    rotation = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    turned = Structure(Lattice(cell.lattice.matrix @ rotation), cell.species, cell.frac_coords)
    again = standard_crystal(name, turned)

    options = {"min_thickness": 8, "vacuum": 6}
    slabs = slab_terminations(crystal, hkl, **options)
    others = slab_terminations(again, hkl, **options)
    assert [slab.candidate.structure_id for slab in others] == [
        slab.candidate.structure_id for slab in slabs
    ]


@settings(max_examples=40, deadline=None)
@given(name=NAMES, hkl=COPRIME, operation=st.integers(0, 10_000))
def test_equivalent_planes_have_the_same_terminations(crystals, name, hkl, operation):
    # (hkl) and its image under any operation of the crystal's point group are the same plane.
    crystal = crystals[name]
    rotations = SpacegroupAnalyzer(crystal.conventional).get_symmetry_operations()
    rotation = rotations[operation % len(rotations)].rotation_matrix
    image = tuple(np.rint(np.array(hkl) @ rotation).astype(int).tolist())
    options = {"min_thickness": 8, "vacuum": 6}

    def on_grid(value):
        # Shifted, so that no simple multiple of a lattice constant sits on a border.
        return math.floor(value / 1e-4 + 1 / math.pi)

    kinds = [
        sorted(
            (slab.faces[1], on_grid(slab.thickness), len(slab.structure), slab.cut.stoichiometric,
             on_grid(slab.cut.broken_bonds))
            for slab in slab_terminations(crystal, index, **options)
        )
        for index in (hkl, image)
    ]  # fmt: skip
    assert kinds[0] == kinds[1]
