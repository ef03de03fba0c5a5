from __future__ import annotations

from collections import Counter

import pytest

from generators.errors import GenerationError
from generators.families.interfaces.section import InterfaceSettings, section_interfaces
from generators.family import BuildContext
from generators.miller_indices import distinct_miller_indices, shared_miller_indices
from generators.size_limits import Budget
from generators.slab import slab_terminations


def interfaces(crystals, **settings):
    thin = {"substrate_thickness": 6.0, "film_thickness": 6.0, "max_atoms": 120}
    section = InterfaceSettings.model_validate({"substrate": "Cu", "film": "Li"} | thin | settings)
    context = BuildContext(crystals, Budget(), "structures.interfaces[0]")
    return list(section_interfaces(section, context)), context.notes


def planes(candidates):
    return [
        tuple(tuple(c.parameters[side]["miller_index"]) for side in ("substrate", "film"))
        for c in candidates
    ]


def test_one_pair(crystals):
    made, notes = interfaces(crystals, substrate_miller=(1, 1, 1), film_miller=(1, 1, 0))
    assert planes(made) == [((1, 1, 1), (1, 1, 0))]
    assert notes == []


def test_planes_up_to_an_index_pair_with_their_like(crystals):
    made, _ = interfaces(crystals, max_index=2)
    shared = distinct_miller_indices(crystals["Cu"], 2)
    assert planes(made) == [(index, index) for index in shared]


def test_all_pairs(crystals):
    indices = [(1, 0, 0), (1, 1, 1)]
    made, notes = interfaces(crystals, miller_indices=indices, pairs="all", unmatched="skip")
    assert len(made) + len(notes) == 4
    assert {((1, 0, 0),) * 2, ((1, 1, 1),) * 2} <= set(planes(made))


def test_planes_of_unlike_lattices_pair_with_their_like(crystals):
    made, notes = interfaces(crystals, film="Mg", max_index=1, unmatched="skip")
    shared = shared_miller_indices(crystals["Cu"], crystals["Mg"], 1)
    assert ((1, 0, 0), (0, 0, 1)) in shared  # magnesium's basal plane on (001) of copper
    assert len(made) + len(notes) == len(shared)


def test_gaps_and_registries_multiply(crystals):
    made, _ = interfaces(
        crystals, miller_indices=[(1, 0, 0)], gaps=(2.5, 3.0, 3.5), registries=(2, 2)
    )
    assert len(made) == 12
    assert Counter(c.parameters["gap"] for c in made) == {2.5: 4, 3.0: 4, 3.5: 4}
    assert len({tuple(c.parameters["registry"]) for c in made}) == 4


def test_terminations_of_both_sides(crystals):
    made, _ = interfaces(
        crystals, film="LiF", miller_indices=[(1, 1, 1)], terminations="all", max_atoms=800
    )
    faces = slab_terminations(crystals["LiF"], (1, 1, 1), min_thickness=6.0, vacuum=3.0)
    assert len(faces) == 2
    assert [c.parameters["film"]["termination"] for c in made] == [0, 1]


def test_without_a_match_the_pair_is_named(crystals):
    with pytest.raises(GenerationError, match=r"Cu \(1, 0, 0\) \| Li \(1, 1, 1\)") as error:
        interfaces(crystals, substrate_miller=(1, 0, 0), film_miller=(1, 1, 1), max_atoms=30)
    assert error.value.key == "structures.interfaces[0]"
    assert "Nearest alternatives" in error.value.remedy


def test_without_a_match_the_pair_is_skipped_with_a_note(crystals):
    made, notes = interfaces(
        crystals,
        miller_indices=[(1, 0, 0), (1, 1, 1)],
        pairs="all",
        max_atoms=30,
        unmatched="skip",
    )
    assert len(made) + len(notes) == 4
    assert notes
    assert all("skipped" in note and "Nearest alternatives" in note for note in notes)


@pytest.mark.parametrize(
    ("planes_given", "text"),
    [
        ({}, "one way"),
        ({"max_index": 1, "miller_indices": [(1, 0, 0)]}, "one way"),
        ({"substrate_miller": (1, 0, 0)}, "both"),
        ({"max_index": 1, "film_on": "both"}, "needs `vacuum`"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(crystals, planes_given, text):
    with pytest.raises(ValueError, match=text):
        interfaces(crystals, **planes_given)
