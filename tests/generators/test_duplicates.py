"""Duplicates: found whatever the cell, the orientation and the order of atoms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.core import Lattice, Structure

from generators import duplicates
from generators.candidate import Candidate
from generators.duplicates import unique_candidates
from tests.candidates import bulk_candidates, cut_slab, rattled_candidates

# Chiral, without any symmetry, and with pairs of atoms of each kind.
LATTICE = Lattice([[4.1, 0, 0], [0.7, 4.8, 0], [-0.9, 1.1, 5.6]])
POSITIONS = [[0, 0, 0], [0.46, 0.1, 0.38], [0.12, 0.53, 0.47], [0.6, 0.55, 0.93]]
MIRROR = np.diag([1.0, 1.0, -1.0])


def general(**changes) -> Candidate:
    content = {
        "structure": Structure(LATTICE, ["Cu", "Cu", "Li", "Cu"], POSITIONS),
        "family": "bulk",
        "free_mask": (True, False, True, True),
    }
    return Candidate(**(content | changes))


def altered(candidate: Candidate, structure: Structure, **changes) -> Candidate:
    content = {
        "structure": structure,
        "family": candidate.family,
        "free_mask": candidate.free_mask,
        "parent_id": candidate.parent_id,
        "parameters": {"altered": True},
    }
    return Candidate(**(content | changes))


def disguised(candidate: Candidate, seed: int, noise: float = 0.0) -> Candidate:
    """Rotate or reflect, shift, choose another cell and order, and put atoms into it."""
    random = np.random.default_rng(seed)
    rotation, _ = np.linalg.qr(random.normal(size=(3, 3)))
    cell = np.eye(3, dtype=int)
    for _ in range(3):
        i, j = random.choice(3, 2, replace=False)
        cell[i] += random.integers(-1, 2) * cell[j]
    order = random.permutation(len(candidate.structure))
    positions = candidate.structure.cart_coords[order] @ rotation + random.uniform(-9, 9, 3)
    structure = Structure(
        cell @ candidate.structure.lattice.matrix @ rotation,
        [candidate.structure[i].specie for i in order],
        positions + random.uniform(-noise, noise, positions.shape),
        coords_are_cartesian=True,
        to_unit_cell=True,
    )
    free = tuple(candidate.free_mask[i] for i in order)
    return altered(candidate, structure, free_mask=free)


def ids(candidates: list[Candidate]) -> list[str]:
    return [candidate.structure_id for candidate in candidates]


def are_equal(one: Candidate, other: Candidate) -> bool:
    kept, removed = unique_candidates([one, other])
    assert len(kept) + len(removed) == 2
    return len(kept) == 1


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_disguised_copy_is_found(seed):
    assert are_equal(general(), disguised(general(), seed))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("index", [(1, 0, 0), (1, 1, 1), (3, 2, 1)])
def test_disguised_slab_is_found(cu, index, seed):
    slab = cut_slab(cu, index, min_thickness=12, vacuum=10).candidate
    assert are_equal(slab, disguised(slab, seed))


@pytest.mark.parametrize("name", ["Mg", "LiF", "ZnS", "C"])
def test_disguised_crystal_is_found(crystals, name):
    (crystal,) = bulk_candidates(crystals[name], (0.0,), (2, 1, 1))
    assert are_equal(crystal, disguised(crystal, seed=5))


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_noise_does_not_hide_a_copy(seed):
    assert are_equal(general(), disguised(general(), seed, noise=4e-4))


def test_mirror_image_is_the_same():
    structure = general().structure
    mirrored = Structure(
        structure.lattice.matrix @ MIRROR,
        structure.species,
        structure.frac_coords,
    )
    assert are_equal(general(), altered(general(), mirrored))


@pytest.mark.parametrize("distance", [0.01, 0.05])
@pytest.mark.parametrize("atom", range(4))
def test_moved_atom_tells_apart(atom, distance):
    moved = general().structure.copy()
    moved.translate_sites([atom], [0, 0, distance], frac_coords=False)
    assert not are_equal(general(), altered(general(), moved))


def test_other_free_atoms_tell_apart():
    assert not are_equal(general(), general(free_mask=(True, True, True, True)))
    assert not are_equal(general(), general(free_mask=(False, True, True, True)))


def test_other_elements_tell_apart():
    exchanged = Structure(LATTICE, ["Cu", "Li", "Cu", "Cu"], POSITIONS)
    assert not are_equal(
        general(free_mask=(True,) * 4), altered(general(), exchanged, free_mask=(True,) * 4)
    )


def test_strain_and_shear_tell_apart(cu):
    candidates = bulk_candidates(cu, (-0.001, 0.0, 0.001))
    perfect = candidates[1]
    shear = np.eye(3)
    shear[0, 1] = 0.002  # keeps the volume
    sheared = Structure(
        perfect.structure.lattice.matrix @ shear,
        perfect.structure.species,
        perfect.structure.frac_coords,
    )
    candidates.append(altered(perfect, sheared))
    assert ids(unique_candidates(candidates)[0]) == ids(candidates)


def test_supercell_is_another_candidate(cu):
    one, two = (bulk_candidates(cu, (0.0,), (n, 1, 1))[0] for n in (1, 2))
    assert not are_equal(one, two)


def test_same_atoms_in_other_supercells_are_told_apart(cu):
    """(4, 1, 1) and (2, 2, 1): same volume, atoms and neighbours, but another lattice."""
    line, square = (bulk_candidates(cu, (0.0,), repeats)[0] for repeats in ((4, 1, 1), (2, 2, 1)))
    assert not are_equal(line, square)


def test_what_is_far_away_tells_apart():
    """Two pairs of atoms 7 Å apart, parallel or crossed: all near neighbours are alike."""

    def pairs(second: list[float]) -> Candidate:
        positions = [[0, 0, 0], [2.2, 0, 0], [0, 0, 7], [*second, 7]]
        structure = Structure(
            Lattice.orthorhombic(14, 14, 14), ["Cu"] * 4, positions, coords_are_cartesian=True
        )
        return Candidate(structure, "bulk", (True,) * 4)

    assert not are_equal(pairs([2.2, 0]), pairs([0, 2.2]))
    assert are_equal(pairs([2.2, 0]), disguised(pairs([2.2, 0]), seed=1))


def test_places_of_elements_tell_apart():
    """Mg with two Cu and two Li at the corners of a square, cis or trans, all far apart."""

    def square(*corners: str) -> Candidate:
        positions = [[0, 0, 0], [6, 0, 0], [0, 6, 0], [-6, 0, 0], [0, -6, 0]]
        structure = Structure(
            Lattice.cubic(20), ["Mg", *corners], positions, coords_are_cartesian=True
        )
        return Candidate(structure, "bulk", (True,) * 5)

    cis = square("Cu", "Cu", "Li", "Li")
    assert not are_equal(cis, square("Cu", "Li", "Cu", "Li"))
    assert are_equal(cis, square("Li", "Cu", "Cu", "Li"))


def test_vacuum_tells_apart():
    layers = [
        Candidate(Structure(Lattice.tetragonal(2.5, c), ["Cu"], [[0, 0, 0.5]]), "slab", (True,))
        for c in (30.0, 30.01)
    ]
    assert not are_equal(*layers)


def test_same_candidate_twice_comes_once():
    kept, removed = unique_candidates([general(), general()])
    assert ids(kept) == [general().structure_id]
    assert [pair[1] for pair in removed] == [general().structure_id]


def test_first_family_stays_whatever_the_order():
    bulk, slab = general(), general(family="slab")
    for candidates in ([bulk, slab], [slab, bulk]):
        kept, ((removed, equal),) = unique_candidates(candidates)
        assert kept[0] is bulk
        assert removed is slab
        assert equal == bulk.structure_id


def child(parent: Candidate, seed: int) -> Candidate:
    (rattled,) = rattled_candidates(parent, copies=1, standard_deviation=0.1, seed=seed)
    return rattled


def equal_roots() -> tuple[Candidate, Candidate]:
    return general(), disguised(general(), seed=3)


def test_parent_stays_rather_than_a_childless_equal():
    for childless, parent in (equal_roots(), equal_roots()[::-1]):
        candidates = [childless, parent, child(parent, seed=0)]
        kept, ((removed, equal),) = unique_candidates(candidates)
        assert ids(kept) == ids(candidates[1:])
        assert removed is childless
        assert equal == parent.structure_id


def test_parents_of_different_children_both_stay():
    one, other = equal_roots()
    candidates = [one, other, child(one, seed=0), child(other, seed=1)]
    assert ids(unique_candidates(candidates)[0]) == ids(candidates)


@pytest.mark.parametrize("seed", range(6))
def test_one_of_two_equal_families_goes_as_a_whole(seed):
    """Whichever of two equal children has the lower id."""
    one, other = equal_roots()
    first = child(one, seed)
    copy = disguised(first, seed)
    twin = altered(first, copy.structure, free_mask=copy.free_mask, parent_id=other.structure_id)
    kept = unique_candidates([one, other, first, twin])[0]
    assert [candidate.parent_id for candidate in kept] == ["", kept[0].structure_id]


@pytest.fixture(scope="module")
def mixed(cu, li) -> list[Candidate]:
    """About forty small candidates, of several families, many of them equal."""
    candidates = [
        *bulk_candidates(cu, (-0.02, 0.0, 0.02), (2, 1, 1)),
        *bulk_candidates(li, (0.0, 0.001), (1, 2, 1)),
    ]
    for crystal, index in ((cu, (1, 1, 1)), (cu, (1, 0, 0)), (li, (1, 1, 0))):
        slab = cut_slab(crystal, index, min_thickness=5, vacuum=6, free_layers=1).candidate
        candidates += [slab, *rattled_candidates(slab, copies=2, standard_deviation=0.05)]
        base = slab.structure * (2, 2, 1)
        top = base.cart_coords[:, 2].max()
        highest = base.frac_coords[base.cart_coords[:, 2].argmax(), :2]
        for x, y in ((0, 0), (0.5, 0), (0, 0.5), (0.25, 0.25), (1 / 6, 1 / 6), (1 / 3, 1 / 3)):
            adatom = base.copy()
            adatom.append("Li", [*(highest + np.array([x, y])), (top + 2) / base.lattice.c])
            free = (*np.repeat(slab.free_mask, 4).tolist(), True)
            candidates.append(Candidate(adatom, "adatom", free, index, parameters={"site": [x, y]}))
    candidates += [disguised(one, seed) for seed, one in enumerate(candidates[::3])]
    candidates.append(general())
    return candidates


def matched_by_pymatgen(one: Candidate, other: Candidate) -> bool:
    """All pairs the slow way; fixed atoms stand as other elements."""
    matcher = StructureMatcher(
        ltol=2e-4, stol=2e-3, angle_tol=0.02, primitive_cell=False, scale=False
    )
    marked = []
    for candidate in (one, other):
        structure = candidate.structure.copy()
        for i, free in enumerate(candidate.free_mask):
            if not free:
                structure.replace(i, {"Cu": "Ag", "Li": "Na"}[structure[i].specie.symbol])
        marked.append(structure)
    return len(marked[0]) == len(marked[1]) and matcher.fit(*marked)


def test_pymatgen_agrees_on_all_pairs(mixed):
    assert len(mixed) >= 40
    kept, removed = unique_candidates(mixed)
    assert len(removed) >= 12
    by_id = {candidate.structure_id: candidate for candidate in kept}
    assert all(matched_by_pymatgen(gone, by_id[equal]) for gone, equal in removed)
    parents = {candidate.parent_id for candidate in mixed}
    for i, one in enumerate(kept):
        for other in kept[:i]:
            if not {one.structure_id, other.structure_id} <= parents:
                assert not matched_by_pymatgen(one, other)


@settings(max_examples=10, deadline=None)
@given(random=st.randoms(use_true_random=False))
def test_what_is_kept_does_not_depend_on_the_order(mixed, random):
    shuffled = list(mixed)
    random.shuffle(shuffled)
    kept = unique_candidates(shuffled)[0]
    assert set(ids(kept)) == set(ids(unique_candidates(mixed)[0]))
    assert ids(kept) == [one for one in ids(shuffled) if one in ids(kept)]


@pytest.fixture
def comparisons(monkeypatch) -> list[None]:
    """One entry for each search for an isometry."""
    made: list[None] = []
    search = duplicates._isometric

    def counted(one, other):
        made.append(None)
        return search(one, other)

    monkeypatch.setattr(duplicates, "_isometric", counted)
    return made


@pytest.mark.parametrize("number", [20, 40, 80])
def test_only_likely_pairs_are_compared(cu, comparisons, number):
    """All atoms, volumes and cells alike: one search for each duplicate, and none besides."""
    slab = cut_slab(cu, (1, 1, 1), min_thickness=8, vacuum=8).candidate
    rattled = rattled_candidates(slab, (2, 2, 1), copies=number, standard_deviation=0.1)
    copies = [disguised(one, seed) for seed, one in enumerate(rattled[: number // 4])]
    kept, removed = unique_candidates([*rattled, *copies])
    assert len(kept) == number
    assert len(removed) == number // 4
    assert len(comparisons) == number // 4


def test_equal_ones_are_compared_with_one_of_them_only(comparisons):
    copies = [disguised(general(), seed) for seed in range(30)]
    assert len(unique_candidates(copies)[0]) == 1
    assert len(comparisons) == 29
