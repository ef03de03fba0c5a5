import dataclasses

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


def strains(candidate, **settings):
    """Strain tensors of copies, shape (n, 3, 3), and their structures."""
    ideal = (candidate.structure * (3, 3, 1)).lattice.matrix
    copies = rattle(candidate, strain_deviation=0.03, **settings)
    matrices = np.array([copy.structure.lattice.matrix for copy in copies])
    return np.linalg.inv(ideal) @ matrices - np.eye(3), copies


def test_strains_have_the_asked_width_and_no_preferred_direction(slab):
    bulk = dataclasses.replace(slab, family="bulk")
    strain, _ = strains(bulk, copies=400)
    np.testing.assert_allclose(strain, strain.transpose(0, 2, 1), atol=1e-12)
    normal = strain[:, range(3), range(3)]
    shear = strain[:, [0, 0, 1], [1, 2, 2]]
    assert normal.std(axis=0) == pytest.approx([0.03] * 3, rel=0.1)
    assert shear.std(axis=0) == pytest.approx([0.03 / np.sqrt(2)] * 3, rel=0.1)
    assert np.abs(np.corrcoef(np.hstack([normal, shear]).T) - np.eye(6)).max() < 0.2
    # Without a direction, the strain along a diagonal is as wide as along an axis.
    diagonal = np.ones(3) / np.sqrt(3)
    assert (strain @ diagonal @ diagonal).std() == pytest.approx(0.03, rel=0.1)


def test_slabs_are_strained_in_their_plane_only(slab):
    strain, copies = strains(slab)
    assert np.abs(strain[:, :2, :2]).min(axis=0).max() > 0
    assert np.abs(strain[:, 2, :]).max() < 1e-12
    assert np.abs(strain[:, :, 2]).max() < 1e-12
    assert {copy.parameters["rattle"]["strain_deviation"] for copy in copies} == {0.03}


def test_atoms_follow_the_strained_cell_and_move_as_without_strain(slab):
    _, copies = strains(slab, copies=2)
    for strained, unstrained in zip(copies, rattle(slab, copies=2), strict=True):
        ideal = (slab.structure * (3, 3, 1)).frac_coords
        moved = [
            copy.structure.cart_coords - copy.structure.lattice.get_cartesian_coords(ideal)
            for copy in (strained, unstrained)
        ]
        np.testing.assert_allclose(*moved, atol=1e-9)


def test_strains_come_again_with_the_same_seed(slab):
    ids = [copy.structure_id for copy in strains(slab)[1]]
    assert ids == [copy.structure_id for copy in strains(slab)[1]]
    assert not set(ids) & {copy.structure_id for copy in strains(slab, seed=1)[1]}
