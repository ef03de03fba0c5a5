"""Isolated atoms and dimers: distances, boxes, families, and who is made from whom."""

import numpy as np
import pytest
from ase.data import atomic_numbers, covalent_radii
from hypothesis import given, settings
from hypothesis import strategies as st

from generators.errors import GenerationError
from generators.families.isolated_atoms import isolated_atom_candidates
from tests.candidates import dimer_candidates

elements = st.lists(st.sampled_from(["H", "Li", "O", "Si", "Fe", "Cu", "Ag"]), min_size=1)


@settings(max_examples=30, deadline=None)
@given(elements, st.floats(9, 40))
def test_one_isolated_atom_of_each_element(symbols, box):
    candidates = isolated_atom_candidates(symbols, box)
    assert [str(c.structure[0].specie) for c in candidates] == sorted(set(symbols))
    for candidate in candidates:
        assert (candidate.family, candidate.parent_id) == ("isolated_atom", "")
        assert candidate.structure.lattice.parameters == pytest.approx([*[box] * 3, 90, 90, 90])
        assert len(candidate.structure) == 1


@settings(max_examples=30, deadline=None)
@given(elements, st.lists(st.floats(0.5, 2.5), min_size=1, max_size=4, unique=True))
def test_every_pair_at_every_distance(symbols, distances):
    """Cordero's radii, as ASE has them, to 0.01 Å or so: its iron is low-spin."""
    candidates = dimer_candidates(symbols, distances, 20.0)
    kinds = sorted(set(symbols))
    assert len(candidates) == len(kinds) * (len(kinds) + 1) // 2 * len(distances)
    assert len({c.structure_id for c in candidates}) == len(candidates)
    for candidate in candidates:
        structure = candidate.structure
        bond = sum(covalent_radii[atomic_numbers[str(site.specie)]] for site in structure)
        apart = structure[1].coords - structure[0].coords
        assert apart[:2] == pytest.approx([0, 0], abs=1e-12), "along the third vector"
        ratio = apart[2] / bond
        assert min(abs(np.array(distances) - ratio)) < 0.25 * ("Fe" in structure.formula) + 0.01
        assert structure.get_distance(0, 1) == pytest.approx(apart[2])
        assert candidate.family == "dimer"
        assert not any(candidate.free_mask)


def test_the_dimers_of_a_pair_have_one_parent():
    candidates = dimer_candidates(["Cu", "Li"], (0.8, 1.0, 1.5), 20.0)
    for first in (0, 3, 6):
        near, parent, far = candidates[first : first + 3]
        assert parent.parent_id == ""
        assert near.parent_id == far.parent_id == parent.structure_id
    without = dimer_candidates(["Cu", "Li"], (0.8, 1.5), 20.0)
    assert [c.structure_id for c in without[:2]] == [
        candidates[0].structure_id,
        candidates[2].structure_id,
    ]


def test_boxes_that_are_too_small_are_refused_with_the_size_that_is_not():
    with pytest.raises(GenerationError, match=r"(?s)leaves 7.0 Å .*`box` of at least 8.0 Å"):
        isolated_atom_candidates(["Cu"], 7.0)
    with pytest.raises(GenerationError, match="Cu-Cu dimer") as error:
        dimer_candidates(["Cu"], (1.0, 2.0), 13.0)
    least = float(error.value.remedy.split()[-2])
    assert dimer_candidates(["Cu"], (1.0, 2.0), least + 0.1)
