from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.core import Lattice, Structure

from generators.candidate import Candidate
from generators.parent_mapping import ParentMapping

LATTICE = Lattice([[3.575, 0, 0], [0.5, 4.1, 0], [0, 0, 21.3]])
POSITIONS = np.array([[0, 0, 0.25], [0.5, 0.5, 0.25], [1 / 3, 2 / 3, 0.5], [0.125, 0.0625, 0.75]])
SPECIES = ["Cu", "Cu", "Li", "Li"]
FREE = (True, False, True, False)


def candidate(order=(0, 1, 2, 3), noise=0.0, **changes) -> Candidate:
    structure = Structure(
        Lattice(LATTICE.matrix + noise),
        [SPECIES[i] for i in order],
        LATTICE.get_cartesian_coords(POSITIONS[list(order)]) + noise,
        coords_are_cartesian=True,
    )
    content = {
        "structure": structure,
        "family": "slab",
        "free_mask": tuple(FREE[i] for i in order),
        "miller_index": (1, 1, 0),
        "parameters": {"crystal": "Cu", "thickness": 8.25},
    }
    return Candidate(**(content | changes))


@given(order=st.permutations(range(4)))
def test_id_does_not_depend_on_the_order_of_atoms(order):
    assert candidate(order).structure_id == candidate().structure_id


@settings(max_examples=30)
@given(noise=st.floats(-1e-10, 1e-10))
def test_id_does_not_depend_on_float_noise(noise):
    assert candidate(noise=noise).structure_id == candidate().structure_id


@pytest.mark.parametrize(
    "changes",
    [
        {"family": "adatom"},
        {"free_mask": (True, True, True, False)},
        {"miller_index": (1, 1, 1)},
        {"miller_index": None},
        {"parent_id": "slab-0"},
        {"parameters": {"crystal": "Cu", "thickness": 8.26}},
    ],
)
def test_id_tells_content_apart(changes):
    assert candidate(**changes).structure_id != candidate().structure_id


def test_id_tells_positions_and_species_apart():
    moved = candidate()
    moved.structure.translate_sites([0], [0, 0, 0.01], frac_coords=False)
    assert moved.structure_id != candidate().structure_id
    exchanged = candidate()
    exchanged.structure.replace(0, "Li")
    assert exchanged.structure_id != candidate().structure_id


def test_id_is_the_same_on_every_machine():
    # A golden value: a change of it makes every stored label an orphan.
    assert candidate().structure_id == "slab-2bc44c0290da"


def test_parameters_are_json():
    parameters = candidate().parameters
    assert json.loads(json.dumps(parameters)) == parameters


def test_miller_text():
    assert candidate(miller_index=(3, -2, 2)).miller_text == "3 -2 2"
    assert candidate(miller_index=None).miller_text == ""


def test_bad_content_is_refused():
    with pytest.raises(ValueError, match="3 entries for 4 atoms"):
        candidate(free_mask=(True, True, True))


def test_parents_map_all_atoms_or_none():
    identity = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
    traced = candidate(
        parent_mapping=(
            ParentMapping("slab-1", (0, 1), identity),
            ParentMapping("x", (4, -1), identity),
        )
    )
    assert traced.structure_id == candidate().structure_id
    with pytest.raises(ValueError, match="parents of 2 atoms for 4"):
        candidate(parent_mapping=(ParentMapping("slab-1", (0, 1), identity),))
