from __future__ import annotations

import re
from dataclasses import replace
from itertools import product
from math import hypot

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pymatgen.analysis.elasticity.strain import Strain

from generators.errors import GenerationError
from generators.lattice_match import (
    MatchLimits,
    best_match,
    smallest_match,
    supercell_matrices,
)

CELLS = st.tuples(
    st.floats(2.4, 4.0), st.floats(1.0, 1.6), st.floats(60, 120)
).map(lambda abc: cell(abc[0], abc[0] * abc[1], abc[2]))  # fmt: skip


def cell(a: float, b: float, gamma: float) -> np.ndarray:
    angle = np.radians(gamma)
    return np.array([[a, 0], [b * np.cos(angle), b * np.sin(angle)]])


def brute_force(substrate, film, limits, atoms):
    """Smallest match by trying all integer matrices: (size, least von Mises strain) or None."""
    every = np.array(list(product(range(-5, 6), repeat=4))).reshape(-1, 2, 2)
    sizes = np.rint(np.linalg.det(every)).astype(int)
    area, film_area = np.linalg.det(substrate), np.linalg.det(film)
    for size in range(1, limits.max_atoms // atoms[0] + 1):
        fits = (np.abs(sizes * film_area / (size * area) - 1) <= limits.area_tolerance) & (
            size * atoms[0] + sizes * atoms[1] <= limits.max_atoms
        )
        best = np.inf
        for d in (d for d in range(1, size + 1) if size % d == 0):
            for shift in range(d):
                target = np.array([[size // d, shift], [0, d]]) @ substrate
                deformations = np.linalg.inv(every[fits] @ film) @ target
                strains = np.linalg.svd(deformations, compute_uv=False) - 1
                allowed = np.abs(strains).max(axis=1, initial=0) <= limits.max_strain
                if allowed.any():
                    first, second = strains[allowed].T
                    equivalent = 2 / 3 * np.sqrt(first**2 + second**2 - first * second)
                    best = min(best, equivalent.min())
        if np.isfinite(best):
            return size, best
    return None


@settings(max_examples=40, deadline=None)
@given(substrate=CELLS, film=CELLS, max_strain=st.floats(0.01, 0.15))
def test_smallest_match_agrees_with_brute_force(substrate, film, max_strain):
    # Few atoms per cell: up to 4 cells of the substrate.
    limits = MatchLimits(area_tolerance=0.09, max_strain=max_strain, max_atoms=10)
    expected = brute_force(substrate, film, limits, (2, 1))
    if expected is None:
        with pytest.raises(GenerationError, match="no coherent interface"):
            smallest_match(substrate, film, (2, 1), limits)
        return
    match = smallest_match(substrate, film, (2, 1), limits)
    assert round(np.linalg.det(match.substrate_matrix)) == expected[0]
    assert match.von_mises_strain <= expected[1] + 1e-6
    assert match.area_mismatch <= 0.09
    assert match.max_strain <= max_strain


@settings(max_examples=50, deadline=None)
@given(substrate=CELLS, film=CELLS, ours=st.integers(1, 6), theirs=st.integers(1, 6))
def test_reported_strains_are_those_of_the_map(substrate, film, ours, theirs):
    match = best_match(substrate, film, (ours, theirs))
    assert match is not None
    to = match.substrate_matrix @ substrate
    deformation = (np.linalg.inv(match.film_matrix @ film) @ to).T
    assert np.linalg.det(match.film_matrix) == pytest.approx(theirs)
    assert np.linalg.det(to) == pytest.approx(match.area)
    stretches = np.linalg.svd(deformation, compute_uv=False)
    assert sorted(match.principal_strains) == pytest.approx(sorted(stretches - 1), abs=1e-9)
    assert np.prod(stretches) == pytest.approx(match.area / (theirs * np.linalg.det(film)))
    strain = Strain(np.diag([*match.principal_strains, 0.0]))
    assert match.von_mises_strain == pytest.approx(float(strain.von_mises_strain), abs=1e-9)


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


def test_a_lattice_matches_itself_turned_without_strain():
    lattice = cell(2.53, 4.1, 75)
    turn = np.array([[np.cos(1), np.sin(1)], [-np.sin(1), np.cos(1)]])
    other = np.array([[2, 1], [1, 1]]) @ lattice @ turn
    match = smallest_match(lattice, other, (3, 3), MatchLimits(0.05, 0.05, 100))
    assert match.area == pytest.approx(np.linalg.det(lattice))
    assert match.principal_strains == pytest.approx((0, 0), abs=1e-9)


@pytest.mark.parametrize(
    ("limits", "named"),
    [
        (MatchLimits(0.09, 0.01, 60), "max_atoms"),
        (MatchLimits(0.09, 0.02, 60), "max_strain"),
        (MatchLimits(0.05, 0.09, 60), "area_tolerance"),
        (MatchLimits(0.09, 0.09, 5), "max_atoms"),
    ],
)
def test_refusal_names_alternatives_that_work(limits, named):
    # Cu (100) and Li (100): one film cell on two substrate cells, 2.3 % apart in length.
    substrate, film, atoms = cell(2.528, 2.528, 90), cell(3.456, 3.456, 90), (6, 6)
    with pytest.raises(GenerationError, match="no coherent interface") as error:
        smallest_match(substrate, film, atoms, limits)
    ways = re.findall(r"`(\w+)` ≥ ([\d.]+) gives area mismatch ([\d.]+)%, strain ([\d.]+)%, (\d+)",
                      error.value.remedy)  # fmt: skip
    assert named in [way[0] for way in ways]
    for limit, value, mismatch, strain, number in ways:
        loosened = replace(limits, **{limit: int(value) if limit == "max_atoms" else float(value)})
        match = smallest_match(substrate, film, atoms, loosened)
        sizes = [np.linalg.det(m) for m in (match.substrate_matrix, match.film_matrix)]
        assert 6 * sum(sizes) == pytest.approx(int(number))
        assert 100 * match.area_mismatch == pytest.approx(float(mismatch), abs=0.06)
        assert 100 * match.max_strain == pytest.approx(float(strain), abs=0.06)


def test_refusal_where_nothing_is_near():
    with pytest.raises(GenerationError, match="none is near") as error:
        smallest_match(
            cell(2.5, 2.5, 90), cell(3.1, 4.7, 70), (40, 40), MatchLimits(1e-4, 1e-4, 100)
        )
    assert "max_strain" in error.value.remedy


def test_equal_strains_do_not_hang_on_noise():
    square, film = cell(2.528, 2.528, 90), cell(3.456, 3.456, 90)
    match = best_match(square, film, (4, 2))
    assert match is not None
    rng = np.random.default_rng(3)
    for _ in range(20):
        noisy = best_match(square + 1e-12 * rng.normal(size=(2, 2)), film, (4, 2))
        assert noisy is not None
        assert (noisy.substrate_matrix == match.substrate_matrix).all()
        assert (noisy.film_matrix == match.film_matrix).all()


@settings(max_examples=30)
@given(substrate=CELLS)
def test_no_film_cell_is_left_out_for_being_skew(substrate):
    skew = np.array([[3, 2], [4, 3]]) @ substrate
    assume(hypot(*skew[0]) > 0)
    match = best_match(substrate, skew, (1, 1))
    assert match is not None
    assert match.max_strain == pytest.approx(0, abs=1e-7)
