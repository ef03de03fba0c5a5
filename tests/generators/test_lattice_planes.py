from __future__ import annotations

from math import gcd

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from generators.errors import GenerationError
from generators.lattice_planes import plane_cell, reduction

INDICES = st.tuples(*[st.integers(-6, 6)] * 3).filter(lambda hkl: gcd(*hkl) == 1)
FCC = np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]]) / 2
BCC = np.array([[-1, 1, 1], [1, -1, 1], [1, 1, -1]]) / 2
CUBIC = np.eye(3)


def unimodular(numbers) -> np.ndarray:
    a, b, c, d = numbers
    lower = np.array([[1, 0, 0], [a, 1, 0], [b, c, 1]])
    upper = np.array([[1, d, a], [0, 1, b], [0, 0, 1]])
    return lower @ upper


@pytest.mark.parametrize("primitive", [FCC, BCC, CUBIC], ids=["fcc", "bcc", "cubic"])
@settings(max_examples=60, deadline=None)
@given(hkl=INDICES, numbers=st.tuples(*[st.integers(-2, 2)] * 4))
def test_smallest_area_of_cubic_planes(primitive, hkl, numbers):
    cell = plane_cell(3.5 * CUBIC, 3.5 * unimodular(numbers) @ primitive, hkl)
    odd = [index % 2 == 1 for index in hkl]
    if primitive is FCC:
        share = 1 / 4 if all(odd) else 1 / 2
    elif primitive is BCC:
        share = 1 / 2 if sum(hkl) % 2 == 0 else 1
    else:
        share = 1
    assert cell.area == pytest.approx(3.5**2 * share * np.linalg.norm(hkl), rel=1e-9)
    assert cell.area * cell.spacing == pytest.approx(3.5**3 * np.linalg.det(primitive))


@settings(max_examples=100, deadline=None)
@given(
    hkl=INDICES,
    entries=st.lists(st.floats(-4, 4), min_size=9, max_size=9),
)
def test_any_lattice(hkl, entries):
    lattice = np.array(entries).reshape(3, 3) + 5 * np.eye(3)
    assume(np.linalg.det(lattice) > 5)
    cell = plane_cell(lattice, lattice, hkl)
    a, b, step = cell.indices @ lattice
    assert round(np.linalg.det(cell.indices)) == 1
    # In the plane, by the definition of Miller indices.
    reciprocal = np.linalg.inv(lattice).T
    g = np.array(hkl) @ reciprocal
    assert np.abs([a @ g, b @ g]).max() < 1e-9
    assert step @ g == pytest.approx(1)
    assert np.cross(a, b) @ g > 0
    assert cell.area == pytest.approx(np.linalg.det(lattice) * np.linalg.norm(g))
    # Reduced: no lattice vector of the plane is shorter.
    lengths = np.linalg.norm([a, b], axis=1)
    assert lengths[0] <= lengths[1] * (1 + 1e-6)
    for m, n in ((1, 1), (1, -1), (2, 1), (1, 2), (2, -1), (1, -2)):
        assert np.linalg.norm(m * a + n * b) >= lengths[1] * (1 - 1e-6)
    # The plane's own axes and the stacking give the same vectors.
    normal = g / np.linalg.norm(g)
    assert np.linalg.norm(cell.vectors, axis=1) == pytest.approx(lengths)
    assert cell.vectors[0] @ cell.vectors[1] == pytest.approx(a @ b)
    along = step - cell.stacking[0] * a - cell.stacking[1] * b
    assert along == pytest.approx(cell.spacing * normal, abs=1e-8)


def test_hexagonal_planes_have_120_degrees():
    for numbers in ((0, 0, 0, 0), (1, 0, 1, -1), (2, -1, 0, 1)):
        a, b = plane_cell(CUBIC, unimodular(numbers) @ FCC, (1, 1, 1)).vectors
        cosine = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
        assert cosine == pytest.approx(-0.5)


@pytest.mark.parametrize("hkl", [(0, 0, 0), (2, 0, 0), (2, -4, 6)])
def test_no_plane_is_refused(hkl):
    with pytest.raises(GenerationError, match="coprime"):
        plane_cell(CUBIC, FCC, hkl)


@settings(max_examples=100)
@given(
    entries=st.tuples(*[st.floats(-20, 20)] * 4),
)
def test_reduction_keeps_the_lattice_and_the_hand(entries):
    vectors = np.array(entries).reshape(2, 2)
    assume(abs(np.linalg.det(vectors)) > 0.1)
    matrix = reduction(vectors)
    assert round(np.linalg.det(matrix)) == 1
    a, b = matrix @ vectors
    assert np.linalg.norm(a) <= np.linalg.norm(b) * (1 + 1e-5)
    assert abs(a @ b) <= (0.5 + 1e-5) * (a @ a)
