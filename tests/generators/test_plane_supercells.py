from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.core.surface import SlabGenerator

from generators.plane_supercells import (
    in_plane_supercell,
    lateral_distances,
    pymatgen_plane_cell,
    supercell_matrix,
    supercell_size,
    supercell_structure,
)
from tests.candidates import cut_slab

MATRICES = [[[2, 0], [0, 2]], [[2, 1], [0, 3]], [[1, -1], [2, 1]], [[0, -1], [1, 0]]]


@pytest.mark.parametrize("matrix", MATRICES)
@pytest.mark.parametrize(("name", "hkl"), [("Cu", (2, 1, 1)), ("LiF", (1, 1, 1))])
def test_supercells_are_those_of_pymatgen(crystals, name, hkl, matrix):
    slab = cut_slab(crystals[name], hkl, min_thickness=6, vacuum=5)
    structure, copies = supercell_structure(slab, np.array(matrix))
    theirs = slab.structure.copy()
    theirs.make_supercell([[*matrix[0], 0], [*matrix[1], 0], [0, 0, 1]])
    assert len(structure) == len(theirs) == supercell_size(np.array(matrix)) * len(slab.structure)
    assert StructureMatcher(primitive_cell=False, scale=False, stol=1e-3).fit(structure, theirs)
    # a along x, b in the plane, c along the normal.
    lattice = structure.lattice.matrix
    assert lattice[0, 1:].tolist() == [0, 0]
    assert lattice[1, 2] == 0
    assert lattice[1, 1] > 0
    assert lattice[2].tolist() == [0, 0, slab.structure.lattice.c]
    # Copies keep the height and the element of their atom, and come in its order.
    assert (np.diff(copies) >= 0).all()
    assert structure.cart_coords[:, 2] == pytest.approx(slab.structure.cart_coords[copies, 2])
    assert [site.specie for site in structure] == [slab.structure[i].specie for i in copies]


def test_fractions_and_copies(cu):
    slab = cut_slab(cu, (1, 0, 0), min_thickness=5, vacuum=5)
    fractions, atoms = in_plane_supercell(slab, np.array([[1, 1], [-1, 1]]))
    assert np.bincount(atoms).tolist() == [2] * len(slab.structure)
    # c(2×2): the two copies of an atom are half the cell apart.
    apart = (fractions[1::2] - fractions[::2]) % 1
    assert apart == pytest.approx(np.full_like(apart, 0.5))


@settings(max_examples=60, deadline=None)
@given(
    a=st.floats(2, 9),
    bx=st.floats(-30, 30),
    by=st.floats(2, 9),
    fractions=st.tuples(st.floats(-2, 2), st.floats(-2, 2)),
)
def test_lateral_distances_are_the_shortest_of_many_images(a, bx, by, fractions):
    vectors = np.array([[a, 0.0], [bx, by]])
    images = np.array(list(np.ndindex(61, 61))) - 30
    brute = np.linalg.norm((np.array(fractions) % 1 + images) @ vectors, axis=1).min()
    assert lateral_distances(np.array([fractions]), vectors) == pytest.approx([brute], abs=1e-9)


@pytest.mark.parametrize(
    ("name", "hkl"),
    [("Cu", (1, 0, 0)), ("Cu", (1, 1, 1)), ("Cu", (2, 1, 1)), ("Cu", (3, 1, 1)), ("Li", (1, 1, 0)),
     ("Li", (3, 2, 1)), ("Mg", (0, 0, 1)), ("Mg", (1, 0, 1)), ("LiF", (2, 1, 0))],
)  # fmt: skip
def test_pymatgens_cell_is_that_of_its_oriented_unit_cell(crystals, name, hkl):
    slab = cut_slab(crystals[name], hkl, min_thickness=6, vacuum=5)
    oriented = SlabGenerator(crystals[name].conventional, hkl, 6, 5).oriented_unit_cell.lattice
    in_plane = oriented.matrix[:2]
    matrix = pymatgen_plane_cell(slab.crystal, slab.miller_index)
    vectors = matrix @ slab.structure.lattice.matrix[:2, :2]
    area = np.linalg.norm(np.cross(*in_plane))
    assert np.linalg.det(vectors) == pytest.approx(area)
    assert supercell_size(matrix) == round(area / slab.area)
    # The same lattice: their vectors have integer coordinates in ours, up to an isometry that
    # keeps all lengths; compare the lengths of all short lattice vectors.
    steps = np.array([(i, j) for i in range(-8, 9) for j in range(-8, 9)])
    ours, theirs = (np.sort(np.linalg.norm(steps @ v, axis=1))[:9] for v in (vectors, in_plane))
    assert ours == pytest.approx(theirs)
    # Gauss-reduced.
    (a, b), dot = np.linalg.norm(vectors, axis=1), vectors[0] @ vectors[1]
    assert a <= b + 1e-9
    assert abs(dot) <= a**2 / 2 + 1e-9


def test_repeats_of_either_cell(cu):
    slab = cut_slab(cu, (2, 1, 1), min_thickness=6, vacuum=5)
    assert supercell_matrix(slab, (2, 3), "smallest").tolist() == [[2, 0], [0, 3]]
    larger = supercell_matrix(slab, (2, 3), "pymatgen")
    assert (
        larger.tolist()
        == (np.diag([2, 3]) @ pymatgen_plane_cell(slab.crystal, slab.miller_index)).tolist()
    )
    assert supercell_size(larger) == 2 * 3 * 4
