from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.analysis.elasticity.strain import Strain

from generators.families.interfaces.supercell_pairs import (
    principal_stretches,
    supercell_matrices,
    supercell_pairs,
    von_mises_strain,
)

CELLS = st.tuples(
    st.floats(2.4, 4.0), st.floats(1.0, 1.6), st.floats(60, 120)
).map(lambda abc: cell(abc[0], abc[0] * abc[1], abc[2]))  # fmt: skip


def cell(a: float, b: float, gamma: float) -> np.ndarray:
    angle = np.radians(gamma)
    return np.array([[a, 0], [b * np.cos(angle), b * np.sin(angle)]])


@pytest.mark.parametrize("size", range(1, 13))
def test_supercells_are_all_and_distinct(size):
    matrices = supercell_matrices(size)
    divisors = sum(d for d in range(1, size + 1) if size % d == 0)
    assert len(matrices) == divisors
    assert np.linalg.det(matrices) == pytest.approx(size)
    for i, one in enumerate(matrices):
        for other in matrices[:i]:
            change = other @ np.linalg.inv(one)
            assert not np.allclose(change, np.rint(change))


@settings(max_examples=40, deadline=None)
@given(substrate=CELLS, film=CELLS, size=st.integers(1, 5), max_strain=st.floats(0.02, 0.3))
def test_stretches_are_those_of_the_map(substrate, film, size, max_strain):
    pairs = supercell_pairs(substrate, film, size, range(1, 8), max_strain)
    for ours, theirs, stretches in zip(pairs.substrate, pairs.film, pairs.stretches, strict=True):
        assert np.linalg.det(ours) == pytest.approx(size)
        deformation = np.linalg.inv(theirs @ film) @ ours @ substrate
        expected = np.linalg.svd(deformation, compute_uv=False)[::-1]
        assert stretches == pytest.approx(expected, abs=1e-9)
        assert np.abs(expected - 1).max() <= max_strain + 1e-8
        strain = Strain(np.diag([*(expected - 1), 0.0]))
        assert von_mises_strain(stretches) == pytest.approx(
            float(strain.von_mises_strain), abs=1e-9
        )


def test_long_cells_with_large_shear():
    """A cell of 1 × 30 takes up a shear of 10 % by a shift of three vectors of its short side."""
    square = cell(3.0, 3.0, 90)
    sheared = np.array([[30, 0], [0, 1]]) @ square @ np.array([[1, 0.1], [0, 1]])
    pairs = supercell_pairs(sheared, square, 1, range(30, 31), 1e-6)
    assert [[30, 3], [0, 1]] in [
        (np.rint(np.linalg.inv(ours) @ theirs)).astype(int).tolist()
        for ours, theirs in zip(pairs.substrate, pairs.film, strict=True)
    ]
    assert len(pairs) > 0


def test_pure_turn_is_no_strain():
    turn = np.array([[np.cos(0.7), np.sin(0.7)], [-np.sin(0.7), np.cos(0.7)]])
    vectors = cell(2.5, 3.5, 80)
    assert principal_stretches(vectors, vectors @ turn) == pytest.approx([1, 1])


@settings(max_examples=30, deadline=None)
@given(substrate=CELLS, rows=st.sampled_from([(3, 2, 4, 3), (5, 2, 2, 1), (1, 7, 0, 1)]))
def test_no_film_cell_is_left_out_for_being_skew(substrate, rows):
    skew = np.array(rows).reshape(2, 2) @ substrate
    pairs = supercell_pairs(substrate, skew, 1, range(1, 2), 1e-6)
    assert len(pairs) > 0
