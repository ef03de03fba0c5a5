import json
from dataclasses import replace

import ase.io
import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from generators.candidate import Candidate
from generators.parent_mapping import ParentMapping
from workflows.structures.structure_files import iter_structures, record_of, write_structures


@pytest.fixture
def candidates():
    bulk = Structure(Lattice.cubic(3.6 / 3), ["Cu"], [[1 / 3, 0.1, 0.7]])
    slab = Structure(Lattice.tetragonal(2.55, 17.0), ["Cu", "Li"], [[0, 0, 0.4], [0.5, 0.5, 0.6]])
    root = Candidate(bulk, "bulk", (True,), parameters={"strain": 0.0})
    child = Candidate(slab, "slab", (True, False), (3, 2, 2), root.structure_id)
    return [root, child]


def test_what_is_written_is_read_back_exactly(tmp_path, candidates):
    xyz = tmp_path / "structures.extxyz"
    write_structures(xyz, tmp_path / "structures.json", candidates, {"campaign": "x"})
    for candidate, record in zip(candidates, iter_structures(xyz), strict=True):
        assert record.structure_id == candidate.structure_id
        assert record.family == candidate.family
        assert record.miller_index == candidate.miller_text
        assert record.parent_id == candidate.parent_id
        assert record.free_mask == list(candidate.free_mask)
        assert np.array_equal(record.atoms.positions, candidate.structure.cart_coords)
        assert np.array_equal(record.atoms.cell.array, candidate.structure.lattice.matrix)
        assert record.atoms == record_of(candidate).atoms


def test_ase_applies_the_free_mask(tmp_path, candidates):
    xyz = tmp_path / "structures.extxyz"
    write_structures(xyz, tmp_path / "structures.json", candidates, {})
    slab = ase.io.read(xyz, index=1)
    assert slab.constraints[0].index.tolist() == [1]
    assert slab.info["miller_index"] == "3 2 2"
    assert ase.io.read(xyz, index=0).info["miller_index"] == ""


def test_structure_for_a_job_carries_selective_dynamics(candidates):
    structure = record_of(candidates[1]).to_structure()
    assert structure.site_properties["selective_dynamics"] == [[True] * 3, [False] * 3]


def test_json_lists_provenance(tmp_path, candidates):
    table = tmp_path / "structures.json"
    write_structures(tmp_path / "s.extxyz", table, candidates, {"campaign": "x", "seed": 7})
    content = json.loads(table.read_text())
    assert content["seed"] == 7
    row = content["structures"][1]
    assert (row["miller_index"], row["n_atoms"], row["n_free"]) == ("3 2 2", 2, 1)
    assert row["parent_id"] == candidates[0].structure_id


def test_the_mapping_to_parents_is_read_back_exactly(tmp_path, candidates):
    turn = ((0.1 + 0.2, -1 / 3, 0.0), (1 / 3, 0.3, 1e-17), (0.0, 0.0, -1.0))
    added = ParentMapping("slab-2", (-1,), turn, (0, 3))
    parent_mapping = (ParentMapping('slab-"1"', (7,), turn), added)
    child = replace(candidates[1], parent_mapping=parent_mapping)
    xyz, table = tmp_path / "s.extxyz", tmp_path / "structures.json"
    write_structures(xyz, table, [candidates[0], child], {})
    without, record = iter_structures(xyz)
    assert without.parent_mapping == ()
    assert record.parent_mapping == record_of(child).parent_mapping == parent_mapping
    assert record.free_mask == list(child.free_mask)
    rows = json.loads(table.read_text())["structures"]
    assert rows[0]["origins"] == []
    assert [row["parent_id"] for row in rows[1]["origins"]] == ['slab-"1"', "slab-2"]
    assert np.array(rows[1]["origins"][0]["transform"]).tolist() == np.array(turn).tolist()
