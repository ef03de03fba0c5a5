from __future__ import annotations

import numpy as np
import pytest

from generators.families.interfaces.slab_mirror_symmetry import find_face_exchange
from tests.candidates import cut_slab

ONE = np.eye(2, dtype=np.int64)


@pytest.mark.parametrize(
    ("name", "miller_index"),
    [
        ("Cu", (1, 1, 1)),
        ("Li", (3, 2, 1)),
        ("Mg", (1, 0, 0)),
        ("ZnS", (1, 1, 0)),
        ("ZnS", (1, 0, 0)),
    ],
)
@pytest.mark.parametrize("matrix", [((1, 0), (0, 1)), ((2, 0), (0, 2))])
def test_maps_the_slab_onto_itself_upside_down(crystals, name, miller_index, matrix):
    slab = cut_slab(crystals[name], miller_index, min_thickness=7, vacuum=3)
    supercell = np.array(matrix)
    vectors = supercell @ slab.structure.lattice.matrix[:2, :2]
    operation = find_face_exchange(slab, supercell, vectors)
    assert operation is not None
    rotation, translation = operation
    assert (rotation @ vectors) @ (rotation @ vectors).T == pytest.approx(vectors @ vectors.T)
    in_plane = slab.structure.frac_coords[:, :2]
    images = (in_plane @ np.linalg.inv(supercell) @ rotation + translation) @ supercell
    heights = slab.thickness - slab.heights
    numbers = np.array(slab.structure.atomic_numbers)
    for image, height, number in zip(images, heights, numbers, strict=True):
        there = (np.abs(slab.heights - height) < 1e-4) & (numbers == number)
        apart = in_plane[there] - image
        apart -= np.rint(apart)
        assert np.abs(apart).max(axis=1).min() < 1e-4


def test_inversion_comes_first(cu):
    slab = cut_slab(cu, (1, 0, 0), min_thickness=6, vacuum=3)
    operation = find_face_exchange(slab, ONE, slab.structure.lattice.matrix[:2, :2])
    assert operation is not None
    assert (operation[0] == -ONE).all()


def test_polar_face_has_none(zns):
    slab = cut_slab(zns, (1, 1, 1), min_thickness=6, vacuum=3)
    assert find_face_exchange(slab, ONE, slab.structure.lattice.matrix[:2, :2]) is None


def test_strain_and_supercell_may_break_it(zns):
    """Zincblende (100) has only quarter turns with inversion and half turns in the plane."""
    slab = cut_slab(zns, (1, 0, 0), min_thickness=6, vacuum=3)
    vectors = slab.structure.lattice.matrix[:2, :2]
    assert find_face_exchange(slab, ONE, vectors) is not None
    skew = np.array([[1, 0.05], [0, 1]])
    assert find_face_exchange(slab, np.diag([3, 1]), np.diag([3, 1]) @ vectors @ skew) is None
