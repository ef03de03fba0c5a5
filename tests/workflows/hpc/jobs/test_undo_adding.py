import json

import pytest

from cuprolith.errors import CuprolithError
from tests.workflows.hpc.submitted import put, submit_chain
from workflows.hpc.jobs.campaign_jobs import find_job
from workflows.hpc.jobs.jobflow_remote_repairs import undo_adding


def leads_to(*records, kind="detour"):
    jobs = [{"uuid": record.uuid, "index": record.index} for record in records]
    return {"response": {kind: {"jobs": [{"jobs": jobs[:1]}, *jobs[1:]]}, "output": None}}


@pytest.fixture
def undone(controller, tmp_path):
    """Undo what a job has added that was cut off, with such an output in its folder."""

    def undo(job, output):
        (tmp_path / "jfremote_out.json").write_text(json.dumps(output))
        put(controller, job.db_id, "DOWNLOADED", run_dir=str(tmp_path), lock_id="a runner")
        return undo_adding(controller, find_job(controller, job.db_id))

    return undo


def test_what_was_added_is_gone_from_jobs_flow_and_parents(controller, undone):
    first, second, third, last = (find_job(controller, i) for i in submit_chain(controller, 4))
    assert undone(first, leads_to(second, third)) == 2
    assert controller.count_jobs({}) == 2
    flow = controller.flows.find_one({"jobs": first.uuid})
    assert {entry[1] for entry in flow["ids"]} == {first.uuid, last.uuid}
    assert set(flow["jobs"]) == set(flow["parents"]) == {first.uuid, last.uuid}
    assert controller.jobs.find_one({"uuid": last.uuid})["parents"] == []


def test_what_reached_the_flow_alone(controller, undone):
    first, second = (find_job(controller, i) for i in submit_chain(controller, 2))
    controller.jobs.delete_one({"uuid": second.uuid})
    assert undone(first, leads_to(second)) == 0
    assert controller.flows.find_one({})["jobs"] == [first.uuid]


def test_a_replacement_goes_and_the_job_stays(controller, undone):
    (first,) = (find_job(controller, i) for i in submit_chain(controller, 1))
    document = controller.jobs.find_one({"db_id": first.db_id})
    del document["_id"]
    controller.jobs.insert_one({**document, "db_id": "9", "index": 2, "state": "READY"})
    ids = {"$push": {"ids": ["9", first.uuid, 2]}, "$set": {f"parents.{first.uuid}.2": []}}
    controller.flows.update_one({}, ids)
    second = find_job(controller, "9")
    assert undone(first, leads_to(second, kind="replace")) == 1
    flow = controller.flows.find_one({})
    assert flow["jobs"] == [first.uuid]
    assert flow["parents"] == {first.uuid: {"1": []}}
    assert find_job(controller, first.uuid).index == 1


def test_a_job_that_ran_is_not_removed(controller, undone):
    first, second = (find_job(controller, i) for i in submit_chain(controller, 2))
    put(controller, second.db_id, "RUNNING")
    with pytest.raises(CuprolithError, match=f"1 of these ran: {second.db_id}"):
        undone(first, leads_to(second))
    assert controller.count_jobs({}) == 2


@pytest.mark.parametrize("output", [{}, {"response": None}, {"response": {"detour": None}}])
def test_a_job_that_leads_to_none(controller, undone, output):
    first, _ = submit_chain(controller)
    assert undone(find_job(controller, first), output) == 0
    assert controller.count_jobs({}) == 2
