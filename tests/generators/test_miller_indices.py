from __future__ import annotations

from itertools import product
from math import gcd

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure
from pymatgen.core.surface import get_symmetrically_distinct_miller_indices
from pymatgen.symmetry.analyzer import SpacegroupAnalyzer

from generators.crystals import standard_crystal
from generators.miller_indices import (
    distinct_miller_indices,
    representative,
    shared_miller_indices,
)

CORUNDUM = Structure.from_spacegroup(
    "R-3c", Lattice.hexagonal(4.76, 12.99), ["Al", "O"], [[0, 0, 0.352], [0.306, 0, 0.25]]
)
LINIO2 = Structure.from_spacegroup(
    "R-3m", Lattice.hexagonal(2.88, 14.2), ["Ni", "Li", "O"],
    [[0, 0, 0], [0, 0, 0.5], [0, 0, 0.2584]],
)  # fmt: skip
PYRITE = Structure.from_spacegroup(
    "Pa-3", Lattice.cubic(5.42), ["Fe", "S"], [[0, 0, 0], [0.385, 0.385, 0.385]]
)
CRYSTALS = {
    "corundum": CORUNDUM,
    "LiNiO2": LINIO2,
    "pyrite": PYRITE,
    # No inversion: (hkl) and (-h-k-l) are two sides of one slab all the same.
    "zincblende": Structure.from_spacegroup(
        "F-43m", Lattice.cubic(5.41), ["Zn", "S"], [[0, 0, 0], [0.25, 0.25, 0.25]]
    ),
    "quartz": Structure.from_spacegroup(
        "P3_221", Lattice.hexagonal(4.91, 5.4), ["Si", "O"],
        [[0.47, 0, 2 / 3], [0.413, 0.267, 0.786]],
    ),
    "scheelite": Structure.from_spacegroup(
        "I4_1/a", Lattice.tetragonal(5.24, 11.38), ["Ca", "W", "O"],
        [[0, 0.25, 0.625], [0, 0.25, 0.125], [0.15, 0.009, 0.211]],
    ),
    "monoclinic": Structure.from_spacegroup(
        "P2_1", Lattice.monoclinic(5, 6.1, 7, 102), ["Li", "O"], [[0.1, 0.2, 0.3], [0.35, 0.1, 0.8]]
    ),
}  # fmt: skip


def orbits(structure: Structure, max_index: int) -> list[set[tuple[int, ...]]]:
    """Sets of equal planes by brute force, from the rotations that pymatgen finds."""
    operations = SpacegroupAnalyzer(structure, 0.01).get_symmetry_operations()
    rotations = np.unique([np.rint(o.rotation_matrix) for o in operations], axis=0).astype(int)
    numbers = range(-max_index, max_index + 1)
    left = {hkl for hkl in product(numbers, repeat=3) if gcd(*hkl) == 1}
    found = []
    while left:
        images = np.array(next(iter(left))) @ rotations
        orbit = set(map(tuple, np.concatenate([images, -images]).tolist()))
        found.append(orbit)
        left -= orbit
    return found


@pytest.mark.parametrize("name", CRYSTALS)
def test_one_index_of_each_set_of_equal_planes(name):
    distinct = distinct_miller_indices(standard_crystal(name, CRYSTALS[name]), 2)
    sets = orbits(CRYSTALS[name], 2)
    assert len(distinct) == len(sets)
    assert all(sum(index in orbit for index in distinct) == 1 for orbit in sets)


@pytest.mark.parametrize(("name", "number"), [("corundum", 17), ("LiNiO2", 17), ("pyrite", 7)])
def test_known_numbers_of_planes(name, number):
    distinct = distinct_miller_indices(standard_crystal(name, CRYSTALS[name]), 2)
    assert len(distinct) == number
    pair = {(1, 2, 0), (2, 1, 0)} if name == "pyrite" else {(0, 1, 2), (1, 0, 2)}
    assert pair <= set(distinct)


def test_where_crystal_and_lattice_share_their_symmetry_pymatgen_agrees(cu, li, mg, lif):
    for crystal in (cu, li, mg, lif):
        theirs = get_symmetrically_distinct_miller_indices(crystal.conventional, 3)
        assert len(distinct_miller_indices(crystal, 3)) == len(theirs)
        ours = {representative(crystal, tuple(map(int, index))) for index in theirs}
        assert sorted(ours) == sorted(distinct_miller_indices(crystal, 3))


def test_planes_that_two_crystals_share(cu, li, mg):
    distinct = distinct_miller_indices(cu, 3)
    assert shared_miller_indices(cu, li, 3) == [(index, index) for index in distinct]
    # Each plane of hexagonal magnesium has its like in cubic copper.
    assert set(shared_miller_indices(cu, mg, 1)) == {
        ((1, 0, 0), (0, 0, 1)), ((1, 0, 0), (1, 0, 0)), ((1, 1, 0), (1, 0, 1)),
        ((1, 1, 0), (1, 1, 0)), ((1, 1, 1), (1, 1, 1)),
    }  # fmt: skip
    pyrite = standard_crystal("FeS2", PYRITE)
    assert {((2, 1, 0), (2, 1, 0)), ((2, 1, 0), (1, 2, 0))} <= set(
        shared_miller_indices(cu, pyrite, 2)
    )
