import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from generators.candidate import Candidate
from generators.catalogue import build_catalogue
from generators.errors import GenerationError
from generators.structures_settings import StructuresSettings
from tests.candidates import rattled_candidates


@pytest.fixture
def slab():
    structure = Structure(
        Lattice.tetragonal(2.55, 20.0),
        ["Cu", "Cu", "Li"],
        [[0, 0, 0.4], [0.5, 0.5, 0.5], [0, 0, 0.6]],
    )
    return Candidate(
        structure, "slab", (True, False, True), (1, 0, 0), parameters={"crystal": "Cu"}
    )


def rattle(candidate, **settings):
    return rattled_candidates(
        candidate, (3, 3, 1), **{"copies": 4, "standard_deviation": 0.1, **settings}
    )


def test_displacements_are_normal_with_the_asked_width(slab):
    ideal = (slab.structure * (3, 3, 1)).cart_coords
    moved = np.array([copy.structure.cart_coords - ideal for copy in rattle(slab, copies=60)])
    assert moved.std() == pytest.approx(0.1, rel=0.05)
    assert np.abs(moved.mean(axis=(0, 1))).max() < 0.02
    assert np.abs(np.corrcoef(moved.reshape(-1, 3).T) - np.eye(3)).max() < 0.1


def test_copies_keep_what_the_parent_is(slab):
    for copy in rattle(slab):
        assert copy.family == "slab"
        assert copy.parent_id == slab.structure_id
        assert copy.miller_index == (1, 0, 0)
        assert copy.structure.composition == 9 * slab.structure.composition
        for site, free in zip(copy.structure, copy.free_mask, strict=True):
            assert free == (not 0.45 < site.frac_coords[2] < 0.55)


def test_copies_differ_and_come_again_with_the_same_seed(slab):
    ids = [copy.structure_id for copy in rattle(slab)]
    assert len(set(ids)) == len(ids)
    assert [copy.structure_id for copy in rattle(slab, copies=2)] == ids[:2]
    assert not set(ids) & {copy.structure_id for copy in rattle(slab, seed=1)}


def settings(**rattled):
    return StructuresSettings.model_validate(
        {"bulk": {"strains": [-0.02, 0.0]}, "rattled": [{"family": "bulk", **rattled}]}
    )


@pytest.fixture
def crystals():
    return {"Cu": Structure.from_spacegroup("Fm-3m", Lattice.cubic(3.6), ["Cu"], [[0, 0, 0]])}


def test_campaign_rattles_perfect_crystals_only(crystals):
    candidates = build_catalogue(crystals, settings(supercell=(2, 2, 2), copies=3)).candidates
    rattled = [candidate for candidate in candidates if "rattle" in candidate.parameters]
    (perfect,) = (candidate for candidate in candidates if not candidate.parent_id)
    assert [len(candidate.structure) for candidate in rattled] == [8, 8, 8]
    assert {candidate.parent_id for candidate in rattled} == {perfect.structure_id}


def test_nothing_to_rattle_is_refused(crystals):
    only_slabs = StructuresSettings.model_validate({"rattled": [{"family": "slab"}]})
    with pytest.raises(GenerationError, match=r"structures\.slabs") as caught:
        build_catalogue(crystals, only_slabs)
    assert caught.value.key == "structures.rattled[0]"


def test_slabs_are_not_repeated_along_their_normal():
    with pytest.raises(ValueError, match="third repeat"):
        StructuresSettings.model_validate({"rattled": [{"family": "slab", "supercell": [1, 1, 2]}]})
