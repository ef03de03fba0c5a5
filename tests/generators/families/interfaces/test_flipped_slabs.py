from __future__ import annotations

import numpy as np
import pytest

from generators.families.interfaces.flipped_slabs import flip_slab
from tests.candidates import cut_slab


@pytest.mark.parametrize(
    ("name", "miller_index"), [("ZnS", (1, 1, 1)), ("ZnS", (2, 1, 1)), ("Cu", (2, 1, 0))]
)
def test_is_a_half_turn(crystals, name, miller_index):
    slab = cut_slab(crystals[name], miller_index, min_thickness=6, vacuum=3)
    turned = flip_slab(slab)
    rotation = np.diag([1, -1, -1])
    assert np.linalg.det(turned.structure.lattice.matrix) > 0
    vectors = turned.structure.lattice.matrix @ rotation @ slab.structure.lattice.inv_matrix
    assert vectors == pytest.approx(np.rint(vectors))
    assert abs(np.linalg.det(vectors)) == pytest.approx(1)
    images = slab.structure.cart_coords @ rotation @ turned.structure.lattice.inv_matrix
    numbers = np.array(slab.structure.atomic_numbers)
    for image, number, basis in zip(images, numbers, slab.basis, strict=True):
        apart = turned.structure.frac_coords - image
        [there] = np.flatnonzero((np.abs(apart - np.rint(apart)) < 1e-6).all(axis=1))
        assert turned.structure.atomic_numbers[there] == number
        assert turned.basis[there] == basis
    assert (np.diff(turned.heights) >= -1e-9).all()
    assert (turned.free_mask == slab.free_mask[::-1]).all()
    assert (turned.coordination == slab.coordination[::-1]).all()
