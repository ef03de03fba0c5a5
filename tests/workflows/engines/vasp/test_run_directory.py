import json
import tarfile

import pytest

from workflows.engines.vasp.run_directory import RunDirectory
from workflows.labelling.document import Provenance

PROVENANCE = Provenance("slab-1", "slab", "1 0 0", "")


@pytest.fixture
def run(tmp_path):
    directory = RunDirectory(tmp_path / "relax", PROVENANCE, "relax", "slab-1/relax")
    begin(directory)
    return directory


def begin(directory, key="abc"):
    directory.path.mkdir(exist_ok=True)
    directory.record(directory.path, 0, key=key)
    for name in ("INCAR", "POSCAR", "vasprun.xml", "WAVECAR"):
        (directory.path / name).write_text(name)


def test_an_earlier_attempt_is_found_and_another_run_archived(run):
    assert run.holds("abc")
    assert not run.holds("other")
    run.archive_other_run()
    assert (run.path.parent / "relax.abc" / "vasprun.xml").is_file()
    assert not run.path.exists()
    assert not run.holds("abc")
    run.archive_other_run()


def test_attempts_come_in_order_and_orbitals_stay(run):
    run.archive_attempt()
    begin(run)
    run.archive_attempt()
    begin(run)
    assert [path.name for path in run.attempts(corrected=True)] == [
        "attempt-1",
        "attempt-2",
        "relax",
    ]
    assert (run.path / "WAVECAR").is_file()
    assert not (run.path / "attempt-1" / "WAVECAR").exists()
    recorded = json.loads((run.path / "attempt-1" / "cuprolith.json").read_text())
    assert recorded["trajectory_id"] == "slab-1/relax"
    assert recorded["structure_id"] == "slab-1"


def test_move_that_was_killed_is_completed(run):
    moving = run.path / "moving-1"
    moving.mkdir()
    (run.path / "INCAR").rename(moving / "INCAR")
    run.complete_archiving()
    names = {path.name for path in (run.path / "attempt-1").iterdir()}
    assert names == {"INCAR", "POSCAR", "vasprun.xml", "cuprolith.json"}
    assert run.holds("abc")


def test_what_custodian_archived_counts_in_relaxations_only(run):
    with tarfile.open(run.path / "error.1.tar.gz", "w:gz") as archive:
        archive.add(run.path / "vasprun.xml", arcname="error/vasprun.xml")
    assert [path.name for path in run.attempts(corrected=False)] == ["relax"]
    assert [path.name for path in run.attempts(corrected=True)] == ["error-1", "relax"]
    assert [path.name for path in run.attempts(corrected=True)] == ["error-1", "relax"]


def test_cut_archive_is_left_alone(run):
    (run.path / "error.1.tar.gz").write_bytes(b"\x1f\x8b cut")
    assert [path.name for path in run.attempts(corrected=True)] == ["relax"]


def test_superseded_attempts_are_packed(run):
    run.archive_attempt()
    begin(run)
    run.archive_superseded()
    assert list(run.attempts(corrected=True)) == [run.path]
    assert not (run.path / "vasprun.xml").exists()
    with tarfile.open(run.path / "superseded.1.tar.gz") as archive:
        assert "attempt-2/vasprun.xml" in archive.getnames()
