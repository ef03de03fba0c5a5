from __future__ import annotations

import json
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.core import Structure

from generators.candidate import Candidate
from generators.plane_supercells import supercell_matrix, supercell_structure
from generators.slab import Slab
from tests.candidates import cut_slab, vacancy_candidates

# Coordination numbers of surface atoms, from the surface science textbooks (first neighbours).
COORDINATION = [
    ("Cu", (1, 1, 1), [9]),
    ("Cu", (1, 0, 0), [8]),
    ("Cu", (1, 1, 0), [7, 11]),
    ("Cu", (2, 1, 1), [7, 9, 10]),
    ("Cu", (3, 1, 1), [7, 10]),
    ("Cu", (2, 1, 0), [6, 9, 11]),
    ("Li", (1, 1, 0), [6]),
    ("Li", (1, 0, 0), [4]),
    ("Li", (1, 1, 1), [4, 7]),
    ("Mg", (0, 0, 1), [9]),
]


def removed_sites(slab: Slab, vacancy: Candidate) -> tuple[Structure, list[int]]:
    """The supercell, and its atoms that are not in the vacancy's structure."""
    supercell, _ = supercell_structure(
        slab,
        supercell_matrix(slab, vacancy.parameters["supercell"], vacancy.parameters["cell"]),
    )
    assert np.allclose(supercell.lattice.matrix, vacancy.structure.lattice.matrix)
    distances = supercell.lattice.get_all_distances(
        supercell.frac_coords, vacancy.structure.frac_coords
    )
    return supercell, np.flatnonzero(distances.min(axis=1) > 0.1).tolist()


@pytest.mark.parametrize("cell", ["smallest", "pymatgen"])
@pytest.mark.parametrize(("name", "hkl", "numbers"), COORDINATION)
def test_one_vacancy_per_coordination_number(crystals, name, hkl, numbers, cell):
    slab = cut_slab(crystals[name], hkl, min_thickness=12, vacuum=8)
    vacancies = vacancy_candidates(slab, (2, 2), cell=cell)
    assert [vacancy.parameters["coordination"] for vacancy in vacancies] == numbers
    for vacancy in vacancies:
        assert vacancy.family == "vacancy_2x2"
        assert vacancy.parent_id == slab.candidate.structure_id
        assert vacancy.miller_index == hkl
        supercell, (removed,) = removed_sites(slab, vacancy)
        assert len(vacancy.structure) == len(supercell) - 1
        # The removed atom had that many neighbours, counted by pymatgen in the supercell.
        bond = crystals[name].bond_length
        neighbours = supercell.get_neighbors(supercell[removed], 1.1 * bond)
        assert len(neighbours) == vacancy.parameters["coordination"]
        # It lay on the top face, among the free atoms.
        assert vacancy.parameters["face"] == "top"
        assert supercell[removed].z > supercell.lattice.c / 2
        repeats = len(supercell) // len(slab.structure)
        assert sum(vacancy.free_mask) == repeats * sum(slab.candidate.free_mask) - 1
        # Concentration.
        area = np.linalg.norm(np.cross(*supercell.lattice.matrix[:2]))
        assert vacancy.parameters["area"] == pytest.approx(area, abs=2e-6)
        assert json.loads(json.dumps(vacancy.parameters)) == vacancy.parameters


def test_free_atoms_stay_free(cu):
    slab = cut_slab(cu, (1, 1, 1), min_thickness=12, vacuum=8, free_layers=1)
    (vacancy,) = vacancy_candidates(slab, (2, 2))
    z = vacancy.structure.cart_coords[:, 2]
    outermost = np.isclose(z, z.min()) | np.isclose(z, z.max())
    assert (np.array(vacancy.free_mask) == outermost).all()


def test_family_tells_the_papers_supercell(cu):
    slab = cut_slab(cu, (1, 0, 0), min_thickness=8, vacuum=8)
    (vacancy,) = vacancy_candidates(slab, (1, 2))
    assert vacancy.family == "vacancy"
    assert vacancy.parameters["supercell"] == [1, 2]


@pytest.mark.parametrize(
    ("name", "hkl"),
    [("Cu", (1, 1, 1)), ("Cu", (1, 1, 0)), ("Cu", (2, 1, 1)), ("Cu", (3, 2, 1)), ("Li", (1, 1, 1)),
     ("Li", (3, 2, 0)), ("Mg", (0, 0, 1)), ("LiF", (1, 1, 1))],
)  # fmt: skip
def test_what_is_passed_over_is_a_thinner_slab(crystals, name, hkl):
    """In the smallest cell, where planes have one atom each, every single removal is judged."""
    slab = cut_slab(crystals[name], hkl, min_thickness=8, vacuum=8)
    planes = slab.plane_numbers
    assert np.bincount(planes).max() == 1
    matcher = StructureMatcher(primitive_cell=False, scale=False, stol=0.01)
    # All pieces of the slab that are one plane thinner, in the same cell.
    thinner = []
    for plane in (0, int(planes.max())):
        rest = slab.structure.copy()
        rest.remove_sites(np.flatnonzero(planes == plane).tolist())
        thinner.append(rest)
    vacancies = vacancy_candidates(slab, (1, 1))
    for vacancy in vacancies:
        assert not any(matcher.fit(vacancy.structure, slab) for slab in thinner)
    made = {(v.parameters["element"], v.parameters["coordination"]) for v in vacancies}
    for atom in np.flatnonzero(slab.undercoordinated).tolist():
        key = (slab.structure[atom].specie.symbol, int(slab.coordination[atom]))
        rest = slab.structure.copy()
        rest.remove_sites([atom])
        # Every other removal is a vacancy, and its kind has been made.
        assert key in made or any(matcher.fit(rest, slab) for slab in thinner)


def test_an_inner_row_can_go_but_not_the_outermost_plane(cu, lif):
    slab = cut_slab(cu, (1, 1, 1), min_thickness=8, vacuum=8)
    assert vacancy_candidates(slab, (1, 1)) == []
    slab = cut_slab(cu, (1, 1, 0), min_thickness=8, vacuum=8)
    (vacancy,) = vacancy_candidates(slab, (1, 1))
    assert vacancy.parameters["coordination"] == 11
    _, (row,) = removed_sites(slab, vacancy)
    assert slab.plane_numbers[row] == slab.plane_numbers.max() - 1
    # Two atoms per plane: one of each element can go even from the smallest cell.
    slab = cut_slab(lif, (1, 0, 0), min_thickness=8, vacuum=8)
    vacancies = vacancy_candidates(slab, (1, 1))
    assert [vacancy.parameters["element"] for vacancy in vacancies] == ["Li", "F"]
    assert [vacancy.parameters["coordination"] for vacancy in vacancies] == [5, 5]


def test_an_atom_further_in_goes_where_the_outermost_is_its_plane(mg):
    """In Mg (20-21) atoms of the first two planes have lost as many bonds."""
    slab = cut_slab(mg, (2, 0, 1), min_thickness=8, vacuum=8)
    outermost, next_one = np.flatnonzero(slab.undercoordinated)[[-1, -2]].tolist()
    number = slab.coordination[outermost]
    assert slab.coordination[next_one] == number
    (vacancy,) = (v for v in vacancy_candidates(slab, (1, 1))
                  if v.parameters["coordination"] == number)  # fmt: skip
    assert removed_sites(slab, vacancy)[1] == [next_one]


def test_unequal_faces_lose_atoms_on_the_face_that_has_them(zns):
    slab = cut_slab(zns, (1, 1, 1), min_thickness=9, vacuum=8)
    assert not slab.cut.equal_faces
    vacancies = vacancy_candidates(slab, (2, 2))
    found = {
        (v.parameters["element"], v.parameters["coordination"], v.parameters["face"])
        for v in vacancies
    }
    # The two faces by hand: bonds up and down that each under-coordinated atom has lost.
    middle = slab.thickness / 2
    expected = {}
    for atom in np.flatnonzero(slab.undercoordinated).tolist():
        key = (slab.structure[atom].specie.symbol, int(slab.coordination[atom]))
        face = "top" if slab.heights[atom] > middle else "bottom"
        expected[key] = "top" if "top" in (face, expected.get(key)) else "bottom"
    assert found == {(*key, face) for key, face in expected.items()}
    assert {face for _, _, face in found} == {"top", "bottom"}


def least_distance(structure: Structure, atoms: list[int]) -> float:
    """Brute force over many images in the plane."""
    images = [(i, j, 0) for i in range(-5, 6) for j in range(-5, 6)]
    points = structure.frac_coords[atoms]
    return min(
        float(np.linalg.norm((p - q + image) @ structure.lattice.matrix))
        for i, p in enumerate(points)
        for j, q in enumerate(points)
        for image in images
        if i != j or any(image)
    )


@pytest.mark.parametrize(
    ("name", "hkl", "thickness", "supercell"),
    [("Cu", (1, 1, 1), 12, (3, 3)), ("Cu", (2, 1, 1), 4, (2, 3)), ("Li", (1, 0, 0), 3, (4, 4)),
     ("LiF", (1, 0, 0), 4, (2, 2)), ("Mg", (1, 0, 0), 4, (2, 2))],
)  # fmt: skip
def test_two_go_as_far_apart_as_can_be(crystals, name, hkl, thickness, supercell):
    slab = cut_slab(crystals[name], hkl, min_thickness=thickness, vacuum=8)
    vacancies = vacancy_candidates(slab, supercell, removed=2)
    assert vacancies
    for vacancy in vacancies:
        structure, removed = removed_sites(slab, vacancy)
        _, copies = supercell_structure(slab, np.diag(supercell))
        assert len(removed) == vacancy.parameters["removed"] == 2
        numbers = [slab.coordination[copies[atom]] for atom in removed]
        assert numbers == [vacancy.parameters["coordination"]] * 2
        like = [
            atom
            for atom in range(len(structure))
            if slab.coordination[copies[atom]] == numbers[0]
            and structure[atom].specie == structure[removed[0]].specie
        ]
        # From the one that went first, no atom of the kind is farther than the other.
        farthest = [max(least_pair(structure, one, two) for two in like) for one in removed]
        assert least_pair(structure, *removed) == pytest.approx(min(farthest), abs=1e-5)
        assert vacancy.parameters["vacancy_distance"] == pytest.approx(
            least_distance(structure, removed), abs=2e-6
        )


def least_pair(structure: Structure, one: int, two: int) -> float:
    difference = structure.frac_coords[one] - structure.frac_coords[two]
    images = np.array([(i, j, 0) for i in range(-5, 6) for j in range(-5, 6)])
    return float(np.linalg.norm((difference + images) @ structure.lattice.matrix, axis=1).min())


def test_thick_slabs_lose_two_on_opposite_faces(cu):
    slab = cut_slab(cu, (1, 0, 0), min_thickness=15, vacuum=8)
    (vacancy,) = vacancy_candidates(slab, (2, 2), removed=2)
    assert vacancy.parameters["face"] == "both"
    z = np.sort(removed_heights(slab, vacancy))
    assert z[1] - z[0] == pytest.approx(slab.thickness)


def removed_heights(slab: Slab, vacancy: Candidate) -> np.ndarray:
    structure, removed = removed_sites(slab, vacancy)
    return structure.cart_coords[removed, 2]


def test_three_are_spread_greedily(li):
    slab = cut_slab(li, (1, 0, 0), min_thickness=6, vacuum=8)
    (vacancy,) = vacancy_candidates(slab, (3, 3), removed=3)
    structure, removed = removed_sites(slab, vacancy)
    heights = structure.cart_coords[removed, 2]
    assert np.count_nonzero(np.isclose(heights, heights.max())) in (1, 2)
    # Never two neighbours.
    for one, two in combinations(removed, 2):
        assert least_pair(structure, one, two) > 1.2 * li.conventional.lattice.a


def test_more_than_there_are_make_nothing(cu):
    slab = cut_slab(cu, (1, 0, 0), min_thickness=8, vacuum=8)
    assert len(vacancy_candidates(slab, (1, 2), removed=2)) == 1
    assert vacancy_candidates(slab, (1, 2), removed=5) == []
    # All of both faces leaves a thinner slab.
    assert vacancy_candidates(slab, (1, 2), removed=4) == []


@settings(max_examples=20, deadline=None)
@given(
    name=st.sampled_from(["Cu", "Li", "Mg", "LiF", "ZnS", "Cu2O"]),
    hkl=st.sampled_from([(1, 0, 0), (1, 1, 0), (1, 1, 1), (2, 1, 0), (2, 1, 1), (1, -1, 2)]),
    supercell=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    removed=st.integers(1, 3),
    cell=st.sampled_from(["smallest", "pymatgen"]),
)
def test_vacancies_of_any_crystal(crystals, name, hkl, supercell, removed, cell):
    slab = cut_slab(crystals[name], hkl, min_thickness=6, vacuum=6)
    vacancies = vacancy_candidates(slab, supercell, cell=cell, removed=removed)
    keys = [(v.parameters["element"], v.parameters["coordination"]) for v in vacancies]
    assert len(set(keys)) == len(keys)
    for vacancy in vacancies:
        structure, gone = removed_sites(slab, vacancy)
        assert len(gone) == removed
        assert {structure[i].specie.symbol for i in gone} == {vacancy.parameters["element"]}
    again = vacancy_candidates(slab, supercell, cell=cell, removed=removed)
    assert [v.structure_id for v in again] == [v.structure_id for v in vacancies]
