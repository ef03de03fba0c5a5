from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from itertools import islice, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.analysis.interfaces.zsl import ZSLGenerator

from generators.errors import GenerationError
from generators.families.interfaces.lattice_match import LatticeMatch, MatchLimits, smallest_match
from generators.miller_indices import distinct_miller_indices
from tests.candidates import cut_slab

A_CU, A_LI, A_LIF, A_MG = 3.58, 3.48, 4.02, 3.20


def cell(a: float, b: float, gamma: float) -> np.ndarray:
    angle = np.radians(gamma)
    return np.array([[a, 0], [b * np.cos(angle), b * np.sin(angle)]])


CELLS = st.tuples(
    st.floats(2.4, 4.0), st.floats(1.0, 1.6), st.floats(60, 120)
).map(lambda abc: cell(abc[0], abc[0] * abc[1], abc[2]))  # fmt: skip
# Plane lattices from the lattice constants, by hand.
CU_100 = cell(A_CU / 2**0.5, A_CU / 2**0.5, 90)
CU_110 = cell(A_CU / 2**0.5, A_CU, 90)
CU_111 = cell(A_CU / 2**0.5, A_CU / 2**0.5, 120)
LI_110 = np.array([[A_LI, 0], [A_LI / 2, A_LI / 2**0.5]])
LI_111 = cell(A_LI * 2**0.5, A_LI * 2**0.5, 120)
MG_0001 = cell(A_MG, A_MG, 120)
LIF_100 = cell(A_LIF / 2**0.5, A_LIF / 2**0.5, 90)
PAIRS = {
    "Cu(111) Li(110)": (CU_111, LI_110),
    "Cu(100) Li(110)": (CU_100, LI_110),
    "Cu(110) Li(111)": (CU_110, LI_111),
    "Mg(0001) Cu(111)": (MG_0001, CU_111),
    "LiF(100) Cu(100)": (LIF_100, CU_100),
}


@cache
def integer_matrices(most: int) -> tuple[np.ndarray, np.ndarray]:
    """All 2 × 2 matrices with entries up to a bound and positive determinant, and that."""
    every = np.array(list(product(range(-most, most + 1), repeat=4))).reshape(-1, 2, 2)
    sizes = every[:, 0, 0] * every[:, 1, 1] - every[:, 0, 1] * every[:, 1, 0]
    return every[sizes > 0], sizes[sizes > 0]


def gram(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    a, b = vectors[..., 0, :], vectors[..., 1, :]
    return (a * a).sum(-1), (a * b).sum(-1), (b * b).sum(-1)


def strains_of(film: np.ndarray, substrate: np.ndarray) -> np.ndarray:
    """Principal strains by the eigenvalues of the metrics' ratio."""
    f11, f12, f22 = gram(film)
    s11, s12, s22 = gram(substrate)
    determinant = f11 * f22 - f12**2
    half = (f22 * s11 - 2 * f12 * s12 + f11 * s22) / determinant / 2
    product_ = (s11 * s22 - s12**2) / determinant
    root = np.sqrt(np.maximum(half**2 - product_, 0))
    return np.sqrt(np.stack([half - root, half + root], axis=-1)) - 1


def von_mises(strains: np.ndarray) -> np.ndarray:
    """From the deviator of the strain tensor."""
    tensor = np.zeros((*strains.shape[:-1], 3))
    tensor[..., :2] = strains
    deviator = tensor - tensor.mean(axis=-1, keepdims=True)
    return np.sqrt(2 / 3 * (deviator**2).sum(axis=-1))


def brute_force(substrate, film, limits, max_area, most):
    """Smallest match by trying all integer matrices: (size, least von Mises strain) or None.

    Of the substrate's matrices those are taken whose cells have sides that no sum or difference
    of them shortens: every lattice has such a cell.
    """
    matrices, sizes = integer_matrices(most)
    area, film_area = np.linalg.det(substrate), np.linalg.det(film)
    for size in range(1, int(max_area / area * (1 + 1e-9)) + 1):
        ours = matrices[sizes == size] @ substrate
        aa, ab, bb = gram(ours)
        ours = ours[(aa <= bb * (1 + 1e-9)) & (2 * np.abs(ab) <= aa * (1 + 1e-9))]
        fits = np.abs(sizes * film_area / (size * area) - 1) <= limits.area_tolerance
        theirs = matrices[fits] @ film
        best = np.inf
        for target in ours:
            strains = strains_of(theirs, target)
            strains = strains[np.abs(strains).max(axis=-1, initial=0) <= limits.max_strain]
            best = min(best, von_mises(strains).min(initial=np.inf))
        if np.isfinite(best):
            return size, best
    return None


def largest_entry(film, substrate, size: int) -> int:
    """Bound on the entries of a film's matrix that fits a reduced cell of so many substrate cells.

    The longer side of a reduced cell is at most its area over the height of the shorter one.
    """
    shortest = np.linalg.norm(substrate, axis=1).min()
    longest = max(shortest, size * np.linalg.det(substrate) / (shortest * np.sin(np.pi / 3)))
    unstrained = longest / (1 - 0.15)
    return int(np.ceil(unstrained * np.linalg.norm(np.linalg.inv(film), 2)))


def area_of(match: LatticeMatch, substrate) -> float:
    return float(np.linalg.det(match.substrate_matrix @ substrate))


def assert_true_minimum(match: LatticeMatch, substrate, film, limits, expected):
    assert round(np.linalg.det(match.substrate_matrix)) == expected[0]
    strains = np.array(match.principal_strains)
    assert von_mises(strains) == pytest.approx(expected[1], abs=2e-6)
    ours, theirs = match.substrate_matrix @ substrate, match.film_matrix @ film
    assert match.principal_strains == pytest.approx(strains_of(theirs, ours), abs=1e-7)
    assert match.max_strain <= limits.max_strain + 1e-9
    mismatch = np.linalg.det(theirs) / np.linalg.det(ours) - 1
    assert match.area_mismatch == pytest.approx(abs(mismatch))
    assert match.area_mismatch <= limits.area_tolerance + 1e-9


@settings(max_examples=40, deadline=None)
@given(substrate=CELLS, film=CELLS, max_strain=st.floats(0.01, 0.15))
def test_random_lattices_against_brute_force(substrate, film, max_strain):
    limits = MatchLimits(area_tolerance=0.09, max_strain=max_strain, max_atoms=10**4)
    max_area = 3 * np.linalg.det(substrate)
    expected = brute_force(substrate, film, limits, max_area, largest_entry(film, substrate, 3))
    # So few atoms that the substrate has three cells at most.
    limits = replace(limits, max_atoms=3999)
    if expected is None:
        with pytest.raises(GenerationError, match="no coherent interface"):
            smallest_match(substrate, film, (1000, 1), limits)
        return
    match = smallest_match(substrate, film, (1000, 1), limits)
    assert_true_minimum(match, substrate, film, limits, expected)


@pytest.mark.parametrize("max_strain", [0.09, 0.03, 0.015])
@pytest.mark.parametrize("pair", PAIRS)
def test_real_pairs_against_brute_force(pair, max_strain):
    substrate, film = PAIRS[pair]
    limits = MatchLimits(area_tolerance=0.09, max_strain=max_strain, max_atoms=100)
    # 60 Å² over a shortest vector of 2.46 Å: no side of a compact cell needs entries above 12.
    expected = brute_force(substrate, film, limits, max_area=60, most=12)
    try:
        match = smallest_match(substrate, film, (1, 1), limits)
    except GenerationError:
        assert expected is None
        return
    if expected is None:
        assert area_of(match, substrate) > 60
    else:
        assert_true_minimum(match, substrate, film, limits, expected)


@pytest.mark.parametrize("area_tolerance", [0.09, 0.05])
@pytest.mark.parametrize("number", range(13))
def test_same_index_pairs_against_brute_force(number, area_tolerance, cu, li):
    miller_index = distinct_miller_indices(cu, 3)[number]
    slabs = [cut_slab(side, miller_index, min_thickness=5, vacuum=1) for side in (cu, li)]
    substrate, film = (
        constant / slab.crystal.conventional.lattice.a * slab.structure.lattice.matrix[:2, :2]
        for slab, constant in zip(slabs, (A_CU, A_LI), strict=True)
    )
    limits = MatchLimits(area_tolerance=area_tolerance, max_strain=0.09, max_atoms=100)
    match = smallest_match(substrate, film, (1, 1), limits)
    expected = brute_force(substrate, film, limits, max_area=area_of(match, substrate), most=12)
    assert expected is not None
    assert_true_minimum(match, substrate, film, limits, expected)


@pytest.mark.slow
@pytest.mark.parametrize("pair", PAIRS)
def test_never_larger_than_pymatgen(pair):
    """Each of its matches against ours under the mismatch and strain which that one has."""
    substrate, film = PAIRS[pair]
    generator = ZSLGenerator(max_area_ratio_tol=0.09, max_area=200, max_length_tol=0.03)
    found = list(
        islice(generator(*(np.pad(c, ((0, 0), (0, 1))) for c in (film, substrate))), 40)
    )  # fmt: skip
    assert found
    for theirs in found:
        vectors = theirs.film_sl_vectors, theirs.substrate_sl_vectors
        areas = [np.linalg.norm(np.cross(*sides)) for sides in vectors]
        limits = MatchLimits(
            area_tolerance=abs(areas[0] / areas[1] - 1) + 1e-6,
            max_strain=float(np.abs(strains_of(*vectors)).max()) + 1e-6,
            max_atoms=1000,
        )
        match = smallest_match(substrate, film, (1, 1), limits)
        assert area_of(match, substrate) <= areas[1] * (1 + 1e-9)


def test_a_lattice_matches_itself_turned_without_strain():
    lattice = cell(2.53, 4.1, 75)
    turn = np.array([[np.cos(1), np.sin(1)], [-np.sin(1), np.cos(1)]])
    other = np.array([[2, 1], [1, 1]]) @ lattice @ turn
    match = smallest_match(lattice, other, (3, 3), MatchLimits(0.05, 0.05, 100))
    assert area_of(match, lattice) == pytest.approx(np.linalg.det(lattice))
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
@pytest.mark.parametrize("pair", [(CU_100, cell(3.456, 3.456, 90)), *PAIRS.values()])
def test_refusal_names_alternatives_that_work(limits, named, pair):
    substrate, film = pair
    atoms = (6, 6)
    try:
        smallest_match(substrate, film, atoms, limits)
    except GenerationError as error:
        ways = re.findall(
            r"`(\w+)` ≥ ([\d.]+) gives area mismatch ([\d.]+)%, strain ([\d.]+)%, (\d+)",
            error.remedy,
        )
    else:
        # The first pair, one film cell on two of the substrate's, refuses under every limit.
        assert pair[0] is not CU_100 or pair[1] is LI_110
        return
    assert ways
    if pair[0] is CU_100 and pair[1] is not LI_110:
        assert named in [way[0] for way in ways]
    for limit, value, mismatch, strain, number in ways:
        loosened = replace(limits, **{limit: int(value) if limit == "max_atoms" else float(value)})
        match = smallest_match(substrate, film, atoms, loosened)
        sizes = [np.linalg.det(m) for m in (match.substrate_matrix, match.film_matrix)]
        assert 6 * sum(sizes) == pytest.approx(int(number))
        assert 100 * match.area_mismatch == pytest.approx(float(mismatch), abs=0.06)
        assert 100 * match.max_strain == pytest.approx(float(strain), abs=0.06)
        # A little less is not enough.
        step = 1 if limit == "max_atoms" else 2e-4
        with pytest.raises(GenerationError):
            tightened = getattr(loosened, limit) - step
            smallest_match(substrate, film, atoms, replace(loosened, **{limit: tightened}))


def test_refusal_where_nothing_is_near():
    with pytest.raises(GenerationError, match="none is near") as error:
        smallest_match(
            cell(2.5, 2.5, 90), cell(3.1, 4.7, 70), (40, 40), MatchLimits(1e-4, 1e-4, 100)
        )
    assert "max_strain" in error.value.remedy


def test_equal_strains_do_not_hang_on_noise():
    rng = np.random.default_rng(3)
    limits = MatchLimits(0.09, 0.09, 100)
    for substrate, film in PAIRS.values():
        match = smallest_match(substrate, film, (1, 1), limits)
        for _ in range(10):
            noise = 1e-12 * rng.normal(size=(2, 2, 2))
            noisy = smallest_match(substrate + noise[0], film + noise[1], (1, 1), limits)
            assert (noisy.substrate_matrix == match.substrate_matrix).all()
            assert (noisy.film_matrix == match.film_matrix).all()
