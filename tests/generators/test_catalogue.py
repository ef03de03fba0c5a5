from __future__ import annotations

from collections import Counter

import pytest

from generators import catalogue
from generators.catalogue import build_catalogue
from generators.crystals import prototype_structure
from generators.errors import GenerationError, located
from generators.family import Kind
from generators.settings import CrystalSettings
from generators.structures_settings import StructuresSettings

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
    return build_catalogue(structures, StructuresSettings.model_validate(sections)).candidates


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


@pytest.mark.parametrize("sections", [{}, {"bulk": None}, {"slabs": []}])
def test_to_ask_for_nothing_is_refused(structures, sections):
    with pytest.raises(ValueError, match="no structures are asked for: give one of bulk"):
        generate(structures, **sections)


def test_the_same_crystal_under_two_names_comes_once(structures):
    """Not the same id, for the name enters it: found by symmetry, families apart."""
    cu = structures["Cu"]
    twice = {"Cu": cu, "copper": cu.get_primitive_structure()}
    sections = {
        "bulk": {"strains": (0.0, 0.01)},
        "slabs": [SMALL["slabs"][0], SMALL["slabs"][0] | {"crystal": "copper"}],
    }
    catalogue = build_catalogue(twice, StructuresSettings.model_validate(sections))
    assert Counter(c.family for c in catalogue.candidates) == {"bulk": 2, "slab": 3}
    kept = {c.structure_id for c in catalogue.candidates}
    assert len(catalogue.duplicates) == 5
    for duplicate, kept_id in catalogue.duplicates:
        assert duplicate.structure_id not in kept
        assert kept_id in kept


def test_preferences_that_agree_make_one_slab():
    """LiF(100) is symmetric and stoichiometric at once, LiF(111) either or."""
    lif = prototype_structure("LiF", CrystalSettings(prototype="rocksalt", a=4.02))
    section = {"crystal": "LiF", "miller_indices": [(1, 0, 0), (1, 1, 1)], "min_thickness": 8.0}
    candidates = generate(
        {"LiF": lif}, slabs=[section, section | {"prefer": "stoichiometric"}]
    )  # fmt: skip
    assert Counter(c.miller_index for c in candidates) == {(1, 0, 0): 1, (1, 1, 1): 3}
    preferred = generate({"LiF": lif}, slabs=[section | {"terminations": "preferred"}])
    assert [c.parameters["termination"] for c in preferred] == [0, 0]


def test_vacancies_that_leave_a_thinner_slab_are_noted(structures):
    catalogue = build_catalogue(
        structures,
        StructuresSettings.model_validate(
            {"slabs": SMALL["slabs"], "vacancies": [{"supercell": (1, 1)}]}
        ),
    )
    with_vacancy = {
        (c.parameters["crystal"], c.miller_index)
        for c in catalogue.candidates
        if c.family == "vacancy"
    }
    assert with_vacancy == {("Cu", (1, 1, 0)), ("Li", (1, 1, 1))}
    (note,) = catalogue.notes
    assert note.startswith("structures.vacancies[0]: no vacancies in the (1, 1) supercells of Cu")
    assert all(text in note for text in ("Cu (1, 1, 1)", "Li (1, 0, 0)", "Li (1, 1, 0)"))


def test_isolated_atoms_and_dimers_of_all_elements_or_of_those_named(structures):
    everything = generate(structures, isolated_atoms={}, dimers={"distances": [1.0, 2.0]})
    assert [c.structure.formula for c in everything] == [
        "Cu1", "Li1", "Cu2", "Cu2", "Li1 Cu1", "Li1 Cu1", "Li2", "Li2",
    ]  # fmt: skip
    named = generate(structures, isolated_atoms={"species": ["O", "Li"], "box": 12})
    assert [c.structure.formula for c in named] == ["Li1", "O1"]


def test_amorphous_density_given_or_of_the_crystals(structures):
    mixed, dense = generate(
        structures,
        amorphous=[
            {"formulas": ["Li8Cu24"]},
            {"formulas": ["Li8Cu24"], "density": 5.0, "min_distance": 1.9},
        ],
    )
    assert mixed.family == dense.family == "amorphous"
    assert dense.structure.density == pytest.approx(5.0, rel=1e-4)
    volumes = {"Cu": 3.575**3 / 4, "Li": 3.456**3 / 2}
    assert mixed.structure.volume == pytest.approx(8 * volumes["Li"] + 24 * volumes["Cu"], rel=1e-4)


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
            {
                "slabs": SMALL["slabs"],
                "vacancies": [{"supercell": (1, 1), "miller_indices": [(1, 0, 0)]}],
            },
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
        ({"amorphous": [{"formulas": ["LiAu"]}]}, "structures.amorphous[0].formulas", "Au"),
        ({"isolated_atoms": {"species": ["Xx"]}}, "structures.isolated_atoms", "'Xx'"),
        ({"dimers": {"box": 12}}, "structures.dimers", "Give a `box`"),
    ],
)
def test_errors_name_the_setting_and_the_remedy(structures, sections, where, text):
    with pytest.raises(GenerationError) as error:
        generate(structures, **sections)
    assert error.value.key == where
    assert str(error.value).startswith(f"{where}: ")
    assert text in str(error.value)


def test_candidates_of_an_unknown_kind_are_refused(structures, monkeypatch):
    monkeypatch.setattr(catalogue, "kinds", lambda: {"slab": Kind("slab")})
    with pytest.raises(GenerationError, match="'bulk' makes candidates of the unknown kind 'bulk'"):
        generate(structures, bulk=SMALL["bulk"])


def test_located_keeps_the_longer_path():
    with pytest.raises(GenerationError, match=r"^a\.b: wrong\n  → Do right$"), located("a"):
        raise GenerationError("wrong", remedy="Do right", key="a.b")
    with pytest.raises(GenerationError, match=r"^a: wrong$"), located("a"):
        raise GenerationError("wrong")


@pytest.mark.parametrize(
    ("section", "key"),
    [
        ({"slabs": [{"crystal": "Cu", "miller_indices": [[1, 0, 0]], "min_thickness": 3,
                     "vacuum": 0.3}]}, "structures.slabs[0].vacuum"),
        ({"adatoms": [{"species": ["Li"], "height": 0.3}]}, "structures.adatoms[0].height"),
        ({"interfaces": [{"substrate": "Cu", "film": "Li", "gaps": [0.4],
                          "miller_indices": [[1, 0, 0]], "substrate_thickness": 5,
                          "film_thickness": 5}]}, "structures.interfaces[0].gaps"),
        ({"rattled": [{"family": "bulk", "supercell": [3, 3, 3], "standard_deviation": 0.9}],
          "bulk": {}}, "structures.rattled[0].standard_deviation"),
        ({"amorphous": [{"formulas": ["Cu8"], "min_distance": 0.5}]},
         "structures.amorphous[0].min_distance"),
    ],
)  # fmt: skip
def test_structures_whose_atoms_overlap_are_refused(structures, section, key):
    slabs = [{"crystal": "Cu", "miller_indices": [[1, 0, 0]], "min_thickness": 5}]
    with pytest.raises(GenerationError, match="closer than any bond") as error:
        build_catalogue(structures, StructuresSettings.model_validate({"slabs": slabs, **section}))
    assert error.value.key == key
    assert error.value.remedy
