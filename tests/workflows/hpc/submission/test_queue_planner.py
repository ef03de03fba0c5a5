"""Jobs of the queue, run here in the order in which a queue would."""

import os
from pathlib import Path

import pytest
from jobflow import Flow, JobStore
from maggma.stores import MemoryStore

from cuprolith.errors import CuprolithError
from tests.damage import cut, flip
from tests.workflows.hpc.submission.chains import Queue, named, relax, slab_flows, slow
from workflows.jobs.job_ids import stable_uuid

pytest.importorskip("jobflow_remote")

ALL = ["Cu", "Li", "start", "interface", "melt-0", "melt-1", "melt-2"]


@pytest.fixture
def queue(tmp_path):
    return Queue(tmp_path)


def test_each_job_runs_once_after_those_it_needs(queue):
    queue.run(slab_flows())
    assert queue.noted() == ALL
    assert queue.output("interface")["end"] == 3.0
    assert queue.output("melt-2")["end"] == pytest.approx(3.0 / 8)


def test_the_queue_knows_names_and_places_but_no_content(queue):
    flow = queue.flow(slab_flows())
    for made in flow.jobs:
        workdir, _, (uuid,), stage, *_ = made.function_args
        assert workdir == str(queue.workdir.root)
        assert stage == "label"
        assert queue.jobs.job(uuid)[0].name == made.name
        assert made.metadata["campaign"] == "li-cu"
    assert len(str([made.as_dict() for made in flow.jobs])) < 2500 * len(flow.jobs)


def test_what_has_a_result_is_not_queued_again(tmp_path, queue):
    queue.run(slab_flows())
    queue.noted()
    assert Queue(tmp_path, submission=1).flow(slab_flows()) is None


def test_copies_with_other_dates_are_as_finished_as_the_files_were(tmp_path, queue):
    queue.run(slab_flows())
    queue.noted()
    results = list(queue.jobs.root.glob("results/*/*.json.gz"))
    for date, path in enumerate(sorted(results, key=lambda path: path.read_bytes())):
        os.utime(path, (date, date))
    assert Queue(tmp_path, submission=1).flow(slab_flows()) is None


@pytest.mark.parametrize("harm", [Path.unlink, cut, flip])
@pytest.mark.parametrize("lost", ["Cu", "start", "melt-1"])
def test_a_lost_or_damaged_result_is_computed_again_and_no_other(
    tmp_path, queue, lost, harm, capsys
):
    queue.run(slab_flows())
    queue.noted()
    path = next(queue.jobs.root.glob(f"results/*/{stable_uuid('test', lost)}.json.gz"))
    harm(path)
    again = Queue(tmp_path, submission=1)
    again.run(slab_flows())
    assert again.noted() == [lost]
    assert again.output("melt-2")["end"] == pytest.approx(3.0 / 8)
    said = capsys.readouterr().out
    assert harm == Path.unlink or (f"{lost} runs again" in said and str(path) in said)


def test_a_failure_stops_what_needs_it_and_nothing_else(tmp_path, queue):
    queue.jobs.directory.mkdir()
    (queue.jobs.directory / "broken-interface").touch()
    queue.run(slab_flows())
    assert queue.noted() == ["Cu", "Li", "start", "interface"]
    (failure,) = queue.jobs.failures()
    assert failure.name == "interface"
    assert "interface is broken" in failure.error

    (queue.jobs.directory / "broken-interface").unlink()
    again = Queue(tmp_path, submission=1)
    again.run(slab_flows())
    assert again.noted() == ["interface", "melt-0", "melt-1", "melt-2"]
    assert list(again.jobs.failures()) == []


def test_a_job_that_ran_without_a_parent_runs_again_once_that_succeeds(tmp_path, queue):
    queue.jobs.directory.mkdir()
    (queue.jobs.directory / "broken-Li").touch()
    queue.run(slab_flows())
    assert queue.noted() == ["Cu", "Li", *ALL[2:]]
    assert queue.output("start") == {"start": 4.0}
    (queue.jobs.directory / "broken-Li").unlink()
    again = Queue(tmp_path, submission=1)
    again.run(slab_flows())
    assert again.noted() == ["Li", *ALL[2:]]
    assert again.output("start") == {"start": 6.0}


def test_a_job_that_stops_its_children_stops_them_all(queue):
    queue.jobs.directory.mkdir()
    for name in ("Cu", "Li"):
        (queue.jobs.directory / f"broken-{name}").touch()
    outputs = queue.run(slab_flows())
    assert queue.noted() == ["Cu", "Li", "start"]
    reasons = [output["not run"] for output in outputs.values() if "not run" in output]
    assert len(reasons) == 2


def test_a_job_whose_wall_time_is_over_is_resumed_by_another(queue):
    outputs = queue.run([named(slow("md", 3), "md")])
    assert queue.noted() == ["md 0", "md 1", "md 2"]
    assert queue.output("md") == {"steps": 3}
    assert sum("resumed" in output for output in outputs.values()) == 2


def test_another_version_is_refused_with_both_named(tmp_path):
    queue = Queue(tmp_path, version="0.0.7")
    queue.run(slab_flows())
    first = queue.flow(slab_flows()).jobs[0]
    with pytest.raises(CuprolithError, match=r"0\.0\.7, but this node has") as raised:
        first.run(JobStore(MemoryStore()))
    assert "retry --failed" in raised.value.remedy
    assert queue.noted() == []


def test_a_job_of_an_earlier_submission_is_refused(tmp_path, queue):
    """What it leads to would have the ids of the later submission's jobs."""
    first = queue.flow(slab_flows()).jobs[0]
    Queue(tmp_path, submission=1)
    with pytest.raises(CuprolithError, match="a later submission does its work"):
        first.run(JobStore(MemoryStore()))
    assert queue.noted() == []


def test_campaigns_that_share_a_structure_share_no_job_of_the_queue(tmp_path):
    """Ids of jobs that label are made of their content, and a database holds many campaigns."""
    flows = [Queue(tmp_path / name).flow(slab_flows()) for name in ("one", "other")]
    uuids = [{made.uuid for made in flow.jobs} for flow in flows]
    assert len(uuids[0]) == len(uuids[1])
    assert not uuids[0] & uuids[1]


def test_the_queue_knows_the_structure_by_which_logs_are_found(queue):
    made = named(relax("Cu", 8.0), "Cu")
    made.update_metadata({"structure_id": "slab-1"})
    (queued,) = queue.flow([Flow([made])]).jobs
    assert queued.metadata["structure_id"] == "slab-1"
