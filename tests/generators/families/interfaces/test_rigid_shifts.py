from __future__ import annotations

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from generators.families.interfaces.rigid_shifts import dsc_cell

MATRICES = (
    st.tuples(*[st.integers(-4, 4)] * 4)
    .map(lambda entries: np.array(entries).reshape(2, 2))
    .filter(lambda matrix: round(np.linalg.det(matrix)) > 0)
)
VECTORS = np.array([[7.3, 0.0], [-2.2, 9.1]])


def lattice_points(matrix: np.ndarray) -> set[tuple[Fraction, Fraction]]:
    """All points of a plane lattice in its supercell, as exact fractions of the supercell."""
    (a, b), (c, d) = matrix.tolist()
    size = a * d - b * c
    return {
        (Fraction(i * d - j * c, size) % 1, Fraction(j * a - i * b, size) % 1)
        for i, j in product(range(size), repeat=2)
    }


@settings(max_examples=60, deadline=None)
@given(substrate=MATRICES, film=MATRICES)
def test_cell_holds_each_distinct_shift_once(substrate, film):
    """Sums of the two lattices' vectors by brute force: as many as the cell fits in."""
    ours, theirs = lattice_points(substrate), lattice_points(film)
    assume(len(ours) * len(theirs) < 500)
    same = {((a + c) % 1, (b + d) % 1) for (a, b), (c, d) in product(ours, theirs)}
    cell = dsc_cell(substrate, film, VECTORS)
    assert np.linalg.det(cell) == pytest.approx(1 / len(same))
    in_cell = np.array(sorted(same), dtype=float) @ np.linalg.inv(cell)
    assert in_cell == pytest.approx(np.rint(in_cell), abs=1e-9)


@settings(max_examples=30, deadline=None)
@given(substrate=MATRICES, film=MATRICES)
def test_cell_is_reduced(substrate, film):
    a, b = dsc_cell(substrate, film, VECTORS) @ VECTORS
    assert a @ a <= b @ b * (1 + 1e-9)
    assert 2 * abs(a @ b) <= a @ a * (1 + 1e-9)


def test_equal_cells_shift_over_the_whole_cell():
    one = np.eye(2, dtype=np.int64)
    assert dsc_cell(one, one, np.diag([3.0, 4.0])) == pytest.approx(np.eye(2))


def test_coprime_repeats_leave_a_small_cell():
    """Two periods of one side on three of the other: shifts repeat after a sixth."""
    cell = dsc_cell(np.diag([2, 1]), np.diag([3, 1]), np.diag([6.0, 9.0]))
    assert cell == pytest.approx(np.diag([1 / 6, 1]))
