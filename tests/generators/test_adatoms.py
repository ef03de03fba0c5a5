from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.analysis.structure_matcher import StructureMatcher

from generators.adatoms import adatom_candidates
from generators.errors import GenerationError
from generators.slabs import cut_slab


def nearest(candidate) -> np.ndarray:
    structure = candidate.structure
    neighbours = structure.get_neighbors(structure[-1], 6)
    return np.sort([neighbour.nn_distance for neighbour in neighbours])


def test_distances_on_fcc_111(cu):
    slab = cut_slab(cu, (1, 1, 1), min_thickness=9, vacuum=8)
    bond = 3.575 / np.sqrt(2)
    lateral = {"on_top": (1, 0.0), "bridge": (2, bond / 2), "hollow": (3, bond / np.sqrt(3))}
    candidates = adatom_candidates(slab, ("Li",))
    assert [c.parameters["site"] for c in candidates] == ["on_top", "bridge", "hollow", "hollow"]
    for candidate in candidates:
        number, distance = lateral[candidate.parameters["site"]]
        found = nearest(candidate)
        assert found[:number] == pytest.approx(np.hypot(distance, 2.0))
        assert found[number] > found[0] + 0.1


def test_hollow_of_fcc_110_is_above_the_ridges(cu):
    """The atom in the trough carries the adatom too; the height is measured from the ridges."""
    slab = cut_slab(cu, (1, 1, 0), min_thickness=9, vacuum=8)
    (hollow,) = adatom_candidates(slab, ("Cu",), sites=("hollow",))
    z = hollow.structure.cart_coords[:, 2]
    assert z[-1] - z[:-1].max() == pytest.approx(2.0)
    found = nearest(hollow)
    # The four atoms of the ridges around are nearest, then the one straight down in the trough.
    ridge = np.sqrt(2.0**2 + (3.575 / 2) ** 2 + (3.575 / np.sqrt(8)) ** 2)
    assert found[:5] == pytest.approx([ridge] * 4 + [2.0 + 3.575 / np.sqrt(8)])


@settings(max_examples=25, deadline=None)
@given(
    name=st.sampled_from(["Cu", "Li"]),
    hkl=st.sampled_from([(1, 0, 0), (1, 1, 1), (2, 1, 0), (2, 1, 1), (3, 1, 1), (3, 3, 2)]),
    height=st.floats(1.5, 3.0),
)
def test_adatoms_keep_their_distance(crystals, name, hkl, height):
    slab = cut_slab(crystals[name], hkl, min_thickness=9, vacuum=8)
    bond = crystals[name].bond_length
    for candidate in adatom_candidates(slab, ("Li",), height=height, supercell=(2, 2)):
        assert nearest(candidate)[0] > min(height, 0.85 * bond) - 1e-6
        assert nearest(candidate)[0] < height + bond


def test_sites_are_distinct(li):
    slab = cut_slab(li, (2, 1, 1), min_thickness=9, vacuum=8)
    candidates = adatom_candidates(slab, ("Cu",), supercell=(1, 1))
    matcher = StructureMatcher(primitive_cell=False, scale=False, stol=0.01)
    groups = matcher.group_structures([candidate.structure for candidate in candidates])
    assert len(groups) == len(candidates)


def test_provenance_and_constraints(cu):
    slab = cut_slab(cu, (1, 0, 0), min_thickness=9, vacuum=8, free_layers=1)
    candidates = adatom_candidates(slab, ("Li", "Cu"), sites=("hollow", "on_top"))
    assert [(c.parameters["species"], c.parameters["site"]) for c in candidates] == [
        ("Li", "on_top"), ("Li", "hollow"), ("Cu", "on_top"), ("Cu", "hollow"),
    ]  # fmt: skip
    for candidate in candidates:
        assert candidate.family == "adatom"
        assert candidate.parent_id == slab.candidate.structure_id
        assert candidate.miller_index == (1, 0, 0)
        assert candidate.structure[-1].specie.symbol == candidate.parameters["species"]
        assert candidate.free_mask[-1]
        assert sum(candidate.free_mask) == 4 * 2 + 1
        assert len(candidate.structure) == 4 * len(slab.structure) + 1
        assert candidate.structure.lattice.c == slab.structure.lattice.c
        assert json.loads(json.dumps(candidate.parameters)) == candidate.parameters
    assert len({candidate.structure_id for candidate in candidates}) == 4


def test_refusals(cu):
    slab = cut_slab(cu, (1, 0, 0), min_thickness=9, vacuum=2)
    with pytest.raises(GenerationError, match="vacuum"):
        adatom_candidates(slab, ("Li",))
    with pytest.raises(GenerationError, match="'Xx' is no element"):
        adatom_candidates(slab, ("Xx",))
