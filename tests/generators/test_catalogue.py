from __future__ import annotations

from collections import Counter
from time import perf_counter

import pytest

from generators.catalogue import generate_candidates
from generators.crystals import prototype_structure
from generators.errors import GenerationError, located
from generators.settings import CrystalSettings, StructuresSettings

LOW = [(1, 0, 0), (1, 1, 0), (1, 1, 1)]
SMALL = {
    "bulk": {"strains": (0.0, -0.02, 0.02)},
    "slabs": [
        {"crystal": name, "miller_indices": LOW, "min_thickness": 8.0, "vacuum": 7.5}
        for name in ("Cu", "Li")
    ],
    "vacancies": [{"supercell": (2, 2)}],
    "adatoms": [{"species": ("Li", "Cu"), "supercell": (2, 2)}],
    "interfaces": [
        {
            "substrate": "Cu",
            "film": "Li",
            "substrate_miller": (1, 0, 0),
            "film_miller": (1, 0, 0),
            "substrate_thickness": 8.0,
            "film_thickness": 8.0,
        }
    ],
}


@pytest.fixture(scope="module")
def structures():
    return {
        "Cu": prototype_structure("Cu", CrystalSettings(prototype="fcc", a=3.575)),
        "Li": prototype_structure("Li", CrystalSettings(prototype="bcc", a=3.456)),
    }


def generate(structures, **sections):
    return generate_candidates(structures, StructuresSettings.model_validate(sections))


def test_small_campaign(structures):
    candidates = generate(structures, **SMALL)
    assert Counter(candidate.family for candidate in candidates) == {
        "bulk": 6,
        "slab": 6,
        "vacancy_2x2": 4 + 4,  # Cu 8 | 7, 11 | 9; Li 4 | 6 | 4, 7
        "adatom": 2 * (3 + 4 + 4 + 3 + 4 + 5),
        "interface": 1,
    }
    ids = [candidate.structure_id for candidate in candidates]
    assert len(set(ids)) == len(ids)
    for candidate in candidates:
        if candidate.parent_id:
            assert candidate.parent_id in ids
        else:
            assert candidate.family in ("bulk", "slab", "interface")
        assert candidate.structure.is_valid(tol=0.7 * 2.5)


def test_order_and_ids_are_reproducible(structures):
    first = generate(structures, **SMALL)
    again = generate({name: structures[name] for name in ("Cu", "Li")}, **SMALL)
    assert [c.structure_id for c in first] == [c.structure_id for c in again]


def test_what_is_asked_for_twice_comes_once(structures):
    once = generate(structures, **SMALL)
    twice = generate(
        structures,
        **SMALL
        | {"slabs": SMALL["slabs"] * 2, "adatoms": SMALL["adatoms"] * 2},
    )  # fmt: skip
    assert [c.structure_id for c in twice] == [c.structure_id for c in once]


def test_nothing_asked_nothing_made(structures):
    assert generate(structures) == []


def test_defects_only_where_asked(structures):
    candidates = generate(
        structures,
        slabs=SMALL["slabs"],
        vacancies=[{"crystals": ["Li"], "miller_indices": [(1, 1, 1)], "supercell": (1, 2)}],
        adatoms=[{"crystals": ["Cu"], "species": ["Li"], "sites": ["hollow"]}],
    )
    vacancies = [c for c in candidates if c.family == "vacancy"]
    assert [c.parameters["crystal"] for c in vacancies] == ["Li", "Li"]
    adatoms = [c for c in candidates if c.family == "adatom"]
    assert {c.parameters["crystal"] for c in adatoms} == {"Cu"}
    assert len(adatoms) == 4


def with_interface(**changes):
    return {"interfaces": [SMALL["interfaces"][0] | changes]}


@pytest.mark.parametrize(
    ("sections", "where", "text"),
    [
        ({"bulk": {"crystals": ["Cuu"]}}, "structures.bulk.crystals", "Did you mean 'Cu'?"),
        ({"bulk": {"crystals": ["Au"]}}, "structures.bulk.crystals", "The crystals are Cu, Li"),
        (
            {"slabs": [*SMALL["slabs"], {"crystal": "LI", "max_index": 1, "min_thickness": 8}]},
            "structures.slabs[2].crystal",
            "Did you mean 'Li'?",
        ),
        (
            {"slabs": [{"crystal": "Cu", "miller_indices": [(2, 2, 0)], "min_thickness": 8}]},
            "structures.slabs[0].miller_indices",
            "common divisor",
        ),
        ({"vacancies": [{}]}, "structures.vacancies[0]", "no slabs"),
        (
            {"slabs": SMALL["slabs"], "vacancies": [{"supercell": (1, 1)}]},
            "structures.vacancies[0].supercell",
            "larger `supercell`",
        ),
        (
            {"slabs": SMALL["slabs"][:1], "adatoms": [{"species": ["Li"], "crystals": ["Li"]}]},
            "structures.adatoms[0].crystals",
            "no slabs of 'Li'",
        ),
        (
            {"slabs": SMALL["slabs"], "adatoms": [{"species": ["Li"], "crystals": ["Lu"]}]},
            "structures.adatoms[0].crystals",
            "no crystal 'Lu'",
        ),
        (
            {
                "slabs": SMALL["slabs"],
                "adatoms": [{"species": ["Li"], "miller_indices": [(3, 1, 1)]}],
            },
            "structures.adatoms[0].miller_indices",
            "there are (1, 0, 0), (1, 1, 0), (1, 1, 1)",
        ),
        (
            {"slabs": SMALL["slabs"], "adatoms": [{"species": ["Xx"]}]},
            "structures.adatoms[0]",
            "no element",
        ),
        (with_interface(film="Na"), "structures.interfaces[0].film", "no crystal 'Na'"),
        (
            with_interface(film_miller=(2, 0, 0)),
            "structures.interfaces[0].film_miller",
            "common divisor",
        ),
        (with_interface(max_atoms=12), "structures.interfaces[0]", "`max_atoms` ≥ 18"),
    ],
)
def test_errors_name_the_setting_and_the_remedy(structures, sections, where, text):
    with pytest.raises(GenerationError) as error:
        generate(structures, **sections)
    assert error.value.where == where
    assert str(error.value).startswith(f"{where}: ")
    assert text in str(error.value)


def test_located_keeps_the_longer_path():
    with pytest.raises(GenerationError, match=r"^a\.b: wrong\. Do right\.$"), located("a"):
        raise GenerationError("wrong", remedy="Do right", where="a.b")
    with pytest.raises(GenerationError, match=r"^a: wrong\.$"), located("a"):
        raise GenerationError("wrong")


@pytest.mark.slow
def test_catalogue_of_the_paper(structures):
    """Laskaris 2026, section III.B, without melts: every family, in seconds."""
    start = perf_counter()
    candidates = generate(
        structures,
        slabs=[
            {"crystal": "Cu", "max_index": 3, "min_thickness": 30.0},
            {"crystal": "Li", "max_index": 3, "min_thickness": 20.0},
        ],
        vacancies=[{"supercell": (2, 2)}],
        adatoms=[{"species": ["Li", "Cu"]}],
    )
    assert perf_counter() - start < 60
    families = Counter(candidate.family for candidate in candidates)
    assert families["slab"] == 26
    assert families["vacancy_2x2"] == 67  # Li 30, Cu 37 (first neighbours)
    ids = {candidate.structure_id for candidate in candidates}
    assert len(ids) == len(candidates)
    for candidate in candidates:
        assert candidate.family == "slab" or candidate.parent_id in ids
