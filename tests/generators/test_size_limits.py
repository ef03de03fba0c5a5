import time

import pytest

from generators.catalogue import build_catalogue
from generators.crystals import prototype_structure, standard_crystal
from generators.errors import GenerationError
from generators.settings import CrystalSettings
from generators.size_limits import MOST_ATOMS, Budget, slab_atoms
from generators.structures_settings import StructuresSettings
from tests.candidates import cut_slab

CU = prototype_structure("Cu", CrystalSettings(prototype="fcc", a=3.6))
SLAB = {"crystal": "Cu", "miller_indices": [[1, 0, 0]], "min_thickness": 5.0, "vacuum": 6.0}
GRID = {"substrate": "Cu", "film": "Cu", "substrate_miller": [1, 0, 0], "film_miller": [1, 0, 0],
        "substrate_thickness": 5.0, "film_thickness": 5.0}  # fmt: skip

GAPS = range(9, 999)


@pytest.mark.parametrize("index", [(1, 0, 0), (1, 1, 0), (3, 2, 2), (5, 4, 1)])
@pytest.mark.parametrize("thickness", [1.0, 12.0, 50.0])
def test_atoms_of_a_slab_are_known_to_a_period_before_it_is_cut(index, thickness):
    crystal = standard_crystal("Cu", CU)
    atoms = len(cut_slab(crystal, index, min_thickness=thickness, vacuum=5.0).structure)
    assert atoms - 1 <= slab_atoms(crystal, index, thickness) <= atoms + 2


@pytest.mark.parametrize(
    ("sections", "where", "said"),
    [
        (
            {"slabs": [SLAB], "rattled": [{"family": "slab", "supercell": [20, 20, 1],
                                           "copies": 10_000}]},
            "structures.rattled[0]", "10,001 structures of about 16,000,004 atoms",
        ),
        (
            {"amorphous": [{"formulas": ["Cu1000000000"]}]},
            "structures.amorphous[0]", "1,000,000,000 atoms; at most 20,000",
        ),
        (
            {"slabs": [SLAB | {"min_thickness": 200.0, "miller_indices": [[19, 18, 17]]}],
             "adatoms": [{"species": ["Cu"], "supercell": [20, 20]}]},
            "structures.adatoms[0].supercell", "one structure would have about",
        ),
        (
            {"interfaces": [GRID | {"registries": [20, 20], "gaps": [0.1 * i for i in GAPS]}]},
            "structures.interfaces[0]", "396,000 structures",
        ),
    ],
)  # fmt: skip
def test_what_no_one_can_mean_is_refused_with_its_count_before_it_is_built(sections, where, said):
    settings = StructuresSettings.model_validate(sections)
    started = time.process_time()
    with pytest.raises(GenerationError) as caught:
        build_catalogue({"Cu": CU}, settings)
    assert time.process_time() - started < 5
    assert caught.value.key == where
    assert said in caught.value.message
    assert caught.value.remedy


def test_what_is_merely_huge_is_said():
    sections = {"bulk": {"supercell": [11, 10, 10]}, "relaxed_parents": False}
    made = build_catalogue({"Cu": CU}, StructuresSettings.model_validate(sections))
    assert [note for note in made.notes if note.startswith("large: 1 structure of")]
    assert "has 1,100" in made.notes[0]


def test_a_budget_adds_up():
    budget = Budget()
    budget.reserve(60, MOST_ATOMS, "a")
    with pytest.raises(GenerationError, match="120 structures of about 2,400,000 atoms"):
        budget.reserve(60, MOST_ATOMS, "b")
    with pytest.raises(GenerationError, match="about nan atoms"):
        Budget().reserve(1, float("nan"), "c")
