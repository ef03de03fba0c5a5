import pytest

from cuprolith.errors import CuprolithError
from tests.workflows.hpc.submitted import put, submit_chain
from workflows.hpc.jobs.campaign_jobs import find_job
from workflows.hpc.jobs.half_added_jobs import remove_half_added_jobs


def leads_to(*records, kind="detour"):
    jobs = [{"uuid": record.uuid, "index": record.index} for record in records]
    return {"response": {kind: {"jobs": [{"jobs": jobs[:1]}, *jobs[1:]]}, "output": None}}


def test_what_was_added_is_gone_from_jobs_flow_and_parents(controller):
    first, second, third, last = (find_job(controller, i) for i in submit_chain(controller, 4))
    assert remove_half_added_jobs(controller, first, leads_to(second, third)) == 2
    assert controller.count_jobs({}) == 2
    flow = controller.flows.find_one({"jobs": first.uuid})
    assert {entry[1] for entry in flow["ids"]} == {first.uuid, last.uuid}
    assert set(flow["jobs"]) == set(flow["parents"]) == {first.uuid, last.uuid}
    assert controller.jobs.find_one({"uuid": last.uuid})["parents"] == []


def test_what_reached_the_flow_alone(controller):
    first, second = (find_job(controller, i) for i in submit_chain(controller, 2))
    controller.jobs.delete_one({"uuid": second.uuid})
    assert remove_half_added_jobs(controller, first, leads_to(second)) == 0
    assert controller.flows.find_one({})["jobs"] == [first.uuid]


def test_a_replacement_goes_and_the_job_stays(controller):
    (first,) = (find_job(controller, i) for i in submit_chain(controller, 1))
    document = controller.jobs.find_one({"db_id": first.db_id})
    del document["_id"]
    controller.jobs.insert_one({**document, "db_id": "9", "index": 2, "state": "READY"})
    ids = {"$push": {"ids": ["9", first.uuid, 2]}, "$set": {f"parents.{first.uuid}.2": []}}
    controller.flows.update_one({}, ids)
    second = find_job(controller, "9")
    assert remove_half_added_jobs(controller, first, leads_to(second, kind="replace")) == 1
    flow = controller.flows.find_one({})
    assert flow["jobs"] == [first.uuid]
    assert flow["parents"] == {first.uuid: {"1": []}}
    assert find_job(controller, first.uuid).index == 1


def test_a_job_that_ran_is_not_removed(controller):
    first, second = (find_job(controller, i) for i in submit_chain(controller, 2))
    put(controller, second.db_id, "RUNNING")
    with pytest.raises(CuprolithError, match=f"1 of these ran: {second.db_id}"):
        remove_half_added_jobs(controller, first, leads_to(second))
    assert controller.count_jobs({}) == 2


@pytest.mark.parametrize("output", [{}, {"response": None}, {"response": {"detour": None}}])
def test_a_job_that_leads_to_none(controller, output):
    first, _ = submit_chain(controller)
    assert remove_half_added_jobs(controller, find_job(controller, first), output) == 0
    assert controller.count_jobs({}) == 2
