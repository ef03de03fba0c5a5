import gzip
import math
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cuprolith.errors import CuprolithError
from tests.workflows.hpc.submission.chains import named, relax
from workflows.jobs.job_execution import run_job
from workflows.jobs.job_folder import JobFolder, JobResult, _packed


def result(output):
    return JobResult({"uuid": "ab12", "index": 1, "output": output})


@pytest.fixture
def folder(tmp_path):
    return JobFolder(tmp_path / "queue", tmp_path / "runs")


def test_a_job_comes_back_as_it_was(folder):
    made = named(relax("Cu", 8.0), "Cu")
    folder.write_job(made, "ab12")
    found, origin = folder.job(made.uuid)
    assert origin == "ab12"
    assert (found.name, found.uuid, list(found.function_args)) == ("Cu", made.uuid, ["Cu", 8.0])


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(), max_size=4))
def test_every_float_comes_back_as_it_was(tmp_path_factory, values):
    folder = JobFolder(tmp_path_factory.mktemp("queue"), tmp_path_factory.mktemp("runs"))
    folder.write_result(result({"values": values, "large": values}), [], {"data": "large"})
    found = folder.output("ab12")
    found = [*found["values"], *found["large"]]
    values = [*values, *values]
    for a, b in zip(found, values, strict=True):
        # the sign of zeros, too; that of what is no number says nothing
        assert (math.isnan(a) and math.isnan(b)) or (a, math.copysign(1, a)) == (
            b,
            math.copysign(1, b),
        )


def test_a_job_that_is_not_here_and_one_of_other_code_are_explained(folder):
    with pytest.raises(CuprolithError, match="no job ab12"):
        folder.job("ab12")
    made = named(relax("Cu", 8.0), "Cu")
    folder.write_job(made)
    (path,) = folder.root.glob("jobs/*/*.json.gz")
    text = gzip.decompress(path.read_bytes()).decode()
    path.write_bytes(gzip.compress(text.replace('"relax"', '"relaxed"').encode()))
    with pytest.raises(CuprolithError, match="no such job"):
        folder.job(made.uuid)


def test_a_result_cut_short_is_explained(folder):
    made = named(relax("Cu", 8.0), "Cu")
    run_job(folder, made, None)
    (path,) = folder.root.glob("results/*/*.json.gz")
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(CuprolithError, match="cannot be read") as raised:
        folder.result(made.uuid)
    assert "run the same command again" in raised.value.remedy


def test_a_killed_write_leaves_the_earlier_result(folder):
    folder.write_result(result(1), [])
    (path,) = folder.root.glob("results/*/*.json.gz")
    path.with_name(f".{path.name}.partial").write_bytes(b"half")
    assert folder.output("ab12") == 1
    assert list(folder.results()) == ["ab12"]


def test_a_success_removes_the_failure(folder):
    made = named(relax("Cu", 8.0), "Cu")
    folder.directory.mkdir()
    (folder.directory / "broken-Cu").touch()
    with pytest.raises(RuntimeError) as raised:
        run_job(folder, made, None)
    folder.write_failure(made, raised.value)
    assert [failure.name for failure in folder.failures()] == ["Cu"]
    (folder.directory / "broken-Cu").unlink()
    run_job(folder, made, None)
    assert list(folder.failures()) == []


def test_files_of_earlier_versions_are_read(tmp_path):
    """Their first member has the document."""
    folder = JobFolder(tmp_path, tmp_path)
    document = {"uuid": "ab12", "index": 1, "output": {"energy": 1.5, "frames": None}}
    large = _packed([[["output", "frames"], [1, 2]]])
    head = {"result": {"document": document, "seconds": 2.0}}
    head["parts"] = [[0, 0], [len(large), zlib.crc32(large)]]
    path = folder.path_of_result("ab12")
    path.parent.mkdir(parents=True)
    path.write_bytes(_packed(head) + large)
    assert folder.result("ab12").document == document
    assert folder.checked_record("ab12") == (folder.record("ab12"), [])
    assert folder.record("ab12").seconds == 2.0
    assert folder.output("ab12") == {"energy": 1.5, "frames": [1, 2]}
