from __future__ import annotations

import numpy as np
import pytest

from generators.slabs import cut_slab
from generators.vacancies import vacancy_candidates

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


@pytest.mark.parametrize(("name", "hkl", "numbers"), COORDINATION)
def test_one_vacancy_per_coordination_number(crystals, name, hkl, numbers):
    slab = cut_slab(crystals[name], hkl, min_thickness=12, vacuum=8)
    vacancies = vacancy_candidates(slab, (2, 2))
    assert [vacancy.parameters["coordination"] for vacancy in vacancies] == numbers
    supercell = slab.structure * (2, 2, 1)
    for vacancy in vacancies:
        assert vacancy.family == "vacancy_2x2"
        assert vacancy.parent_id == slab.candidate.structure_id
        assert vacancy.miller_index == hkl
        kept = {tuple(x) for x in np.round(vacancy.structure.cart_coords, 6).tolist()}
        removed = [
            site for site in supercell if tuple(np.round(site.coords, 6).tolist()) not in kept
        ]
        assert len(removed) == 1
        assert len(vacancy.structure) == len(supercell) - 1
        # The removed atom had that many neighbours, counted by pymatgen in the supercell.
        bond = crystals[name].bond_length
        neighbours = supercell.get_neighbors(removed[0], 1.1 * bond)
        assert len(neighbours) == vacancy.parameters["coordination"]
        # It lay on the top face, among the free atoms.
        assert removed[0].z > supercell.lattice.c / 2
        assert sum(vacancy.free_mask) == 4 * sum(slab.candidate.free_mask) - 1


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


def test_removing_a_whole_plane_is_no_vacancy(cu, lif):
    slab = cut_slab(cu, (1, 1, 0), min_thickness=8, vacuum=8)
    assert vacancy_candidates(slab, (1, 1)) == []
    # Two atoms per plane: one of each element can go even from the smallest cell.
    slab = cut_slab(lif, (1, 0, 0), min_thickness=8, vacuum=8)
    vacancies = vacancy_candidates(slab, (1, 1))
    assert [vacancy.parameters["element"] for vacancy in vacancies] == ["Li", "F"]
    assert [vacancy.parameters["coordination"] for vacancy in vacancies] == [5, 5]


def test_unequal_faces_lose_atoms_on_the_face_that_has_them(zns):
    slab = cut_slab(zns, (1, 1, 1), min_thickness=9, vacuum=8)
    vacancies = vacancy_candidates(slab, (2, 2))
    assert {vacancy.parameters["element"] for vacancy in vacancies} == {"Zn", "S"}
