from __future__ import annotations

import json

import numpy as np
import pytest

from tests.candidates import bulk_candidates


def test_perfect_crystal_is_a_root(cu):
    (perfect,) = bulk_candidates(cu)
    assert perfect.parent_id == ""
    assert perfect.family == "bulk"
    assert perfect.miller_index is None
    assert perfect.structure.volume == pytest.approx(3.575**3 / 4)
    assert perfect.parameters["lattice"]["a"] == 3.575


def test_strains_change_every_length(li):
    strains = (-0.03, 0.0, 0.02)
    candidates = bulk_candidates(li, strains, (2, 1, 3))
    perfect = candidates[1]
    for strain, candidate in zip(strains, candidates, strict=True):
        assert candidate.parameters["strain"] == strain
        assert candidate.parent_id == ("" if strain == 0 else perfect.structure_id)
        assert len(candidate.structure) == 6
        assert candidate.free_mask == (True,) * 6
        ratio = candidate.structure.distance_matrix / (
            perfect.structure.distance_matrix + np.eye(6)
        )
        assert np.allclose(ratio[~np.eye(6, dtype=bool)], 1 + strain)
        assert json.loads(json.dumps(candidate.parameters)) == candidate.parameters


def test_parent_does_not_hang_on_which_strains_are_asked_for(cu):
    (alone,) = bulk_candidates(cu, (0.01,))
    perfect, strained = bulk_candidates(cu, (0.0, 0.01))
    assert alone.structure_id == strained.structure_id
    assert alone.parent_id == perfect.structure_id
