from __future__ import annotations

import numpy as np
import pytest

from generators.layers import layer_depth, layer_numbers
from generators.slab import slab_terminations
from tests.candidates import cut_slab

# Planes per layer, counted by hand from the first neighbours that stick out of the face.
PLANES_PER_LAYER = [
    ("Cu", (1, 1, 1), 1),
    ("Cu", (1, 0, 0), 1),
    ("Cu", (1, 1, 0), 2),
    ("Cu", (3, 1, 1), 2),
    ("Cu", (2, 1, 0), 3),
    ("Cu", (3, 3, 2), 6),
    ("Li", (1, 1, 0), 1),
    ("Li", (1, 0, 0), 1),
    ("Li", (2, 1, 1), 2),
    ("Li", (1, 1, 1), 3),
]


@pytest.mark.parametrize(("name", "hkl", "planes"), PLANES_PER_LAYER)
def test_planes_per_layer(crystals, name, hkl, planes):
    slab = cut_slab(crystals[name], hkl, min_thickness=20, vacuum=10)
    for layers in (slab.layers_from_bottom, slab.layers_from_top):
        counts = np.bincount(layers)
        assert (counts[:-1] == planes).all()  # one atom per plane
        assert 1 <= counts[-1] <= planes
    assert slab.layers_from_top[-1] == slab.layers_from_bottom[0] == 0


@pytest.mark.parametrize("name", ["Cu", "Li"])
@pytest.mark.parametrize("hkl", [(1, 0, 0), (1, 1, 0), (1, 1, 1), (2, 1, 0), (2, 1, 1), (3, 3, 2)])
def test_first_layer_is_what_lost_a_neighbour(crystals, name, hkl):
    slab = cut_slab(crystals[name], hkl, min_thickness=20, vacuum=10)
    first = (slab.layers_from_bottom == 0) | (slab.layers_from_top == 0)
    assert (first == slab.undercoordinated).all()


@pytest.mark.parametrize("name", ["Mg", "C", "LiF", "ZnS", "Cu2O"])
@pytest.mark.parametrize("hkl", [(1, 0, 0), (1, 1, 0), (1, 1, 1), (2, 1, 0), (3, 2, 1)])
def test_first_layer_holds_all_that_lost_a_neighbour(crystals, name, hkl):
    for slab in slab_terminations(crystals[name], hkl, min_thickness=12, vacuum=10):
        first = (slab.layers_from_bottom == 0) | (slab.layers_from_top == 0)
        assert first[slab.undercoordinated].all()
        assert (np.bincount(slab.layers_from_top) > 0).all()


def test_layers_of_diamond_are_double_planes(diamond):
    slab = cut_slab(diamond, (1, 1, 1), min_thickness=12, vacuum=10)
    assert slab.layers_from_top.tolist() == sorted(slab.layers_from_top.tolist(), reverse=True)
    assert set(np.bincount(slab.layers_from_top)) == {2}


def test_layer_depth_is_between_a_plane_and_a_bond(crystals):
    rng = np.random.default_rng(7)
    for crystal in crystals.values():
        for normal in rng.normal(size=(50, 3)):
            depth = layer_depth(crystal, normal / np.linalg.norm(normal))
            longest = crystal.cutoffs.max()
            assert 0 < depth <= longest


def test_layers_start_at_the_first_plane_left():
    depths = np.array([0.0, 0.5, 2.0, 2.5, 4.0])
    assert layer_numbers(depths, 1.5).tolist() == [0, 0, 1, 1, 2]
    assert layer_numbers(depths[::-1], 1.5).tolist() == [2, 1, 1, 0, 0]
    assert layer_numbers(depths, 0.0).tolist() == [0, 1, 2, 3, 4]  # no bond crosses planes
