"""Which directories hold runs, and in which order."""

import json

import pytest
from vasp_files import random_run, write_run

from workflows.engines.vasp.run_tree import RunFiles, find_runs
from workflows.engines.vasp.vasprun import VaspOutputError

PROVENANCE = {
    "structure_id": "slab-1",
    "family": "slab",
    "miller_index": "1 1 1",
    "parent_id": "bulk-1",
    "trajectory_id": "slab-1/relax",
    "first_step": 0,
    "task": "relax",
}


def test_bare_gzipped_and_double_runs_in_order(tmp_path):
    run = random_run(1)
    write_run(tmp_path / "b" / "deep", run, "vasprun.xml.gz")
    write_run(tmp_path / "b" / "deep", run, "OUTCAR.gz")
    write_run(tmp_path / "a", run, "OUTCAR")
    for name in ("vasprun.xml.relax2.gz", "vasprun.xml.relax1.gz", "OUTCAR.relax1.gz"):
        write_run(tmp_path / "c", run, name)
    (tmp_path / "c" / "error.1.tar.gz").write_bytes(b"custodian's")
    (tmp_path / "empty").mkdir()
    names = [files.name_below(tmp_path) for files in find_runs(tmp_path).runs]
    assert names == ["a", "b/deep", "c (relax1)", "c (relax2)"]


def test_suffixes_and_compression_of_any_kind_are_runs_and_other_names_are_listed(tmp_path):
    read = ("vasprun.xml.orig", "OUTCAR.static.bz2", "OUTCAR.1.xz", "vasprun.xml_old", "OUTCAR.zst")
    unread = ("OUTCAR.tar.gz", "my_OUTCAR", "vasprun-1.xml", "old.outcar", "OUTCAR.1.zst")
    for name in (*read, *unread, "INCAR", "POSCAR.orig", "vasp.out"):
        (tmp_path / name).write_bytes(b"")
    found = find_runs(tmp_path)
    assert {files.suffix for files in found.runs} == {".orig", ".static", ".1", "_old", ""}
    assert sorted(path.name for path in found.unread) == sorted(unread)
    assert "OUTCAR.1.xz is in the same folder" in found.unread[tmp_path / "OUTCAR.1.zst"]


def test_loops_of_links_end_and_each_directory_is_met_once(tmp_path):
    write_run(tmp_path / "a", random_run(1))
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    (tmp_path / "z").symlink_to(tmp_path / "a")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    assert [files.name_below(tmp_path) for files in find_runs(tmp_path).runs] == ["a"]


def test_provenance_of_a_campaigns_run(tmp_path):
    files = RunFiles(tmp_path)
    assert files.provenance() is None
    (tmp_path / "cuprolith.json").write_text(json.dumps(PROVENANCE))
    assert files.provenance().model_dump() == PROVENANCE


@pytest.mark.parametrize("text", ["", "{", "{}", '{"structure_id": ""}'])
def test_damaged_provenance_is_refused(tmp_path, text):
    (tmp_path / "cuprolith.json").write_text(text)
    with pytest.raises(VaspOutputError, match=r"cuprolith\.json is damaged"):
        RunFiles(tmp_path).provenance()
