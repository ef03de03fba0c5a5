import json
from datetime import UTC, datetime

import pytest

from cuprolith.errors import CuprolithError
from tests.workflows.hpc.submitted import put, state, submit, submit_chain
from workflows.hpc.jobs.campaign_jobs import find_job
from workflows.hpc.jobs.jobflow_remote_repairs import jobs_after, stop_jobs_after
from workflows.hpc.jobs.retry import retry

NOW = {"updated_on": datetime.now(UTC)}


def retried(controller, db_id):
    return retry(controller, find_job(controller, db_id))


def of_stage(controller, db_id, stage):
    controller.jobs.update_one({"db_id": db_id}, {"$set": {"job.metadata.stage": stage}})


def states(controller, db_ids):
    return [state(controller, db_id) for db_id in db_ids]


def test_all_jobs_after_one_and_no_others(controller):
    first, second, third = submit_chain(controller, 3)
    submit(controller)
    after = jobs_after(controller, find_job(controller, second))
    assert [job.db_id for job in after] == [third]
    after = jobs_after(controller, find_job(controller, first))
    assert {job.db_id for job in after} == {second, third}


@pytest.mark.parametrize("second_state", ["COMPLETED", "FAILED", "USER_STOPPED", "READY"])
def test_what_went_on_runs_again_after_the_job(controller, second_state):
    chain = submit_chain(controller, 3)
    put(controller, chain[0], "FAILED", **NOW)
    put(controller, chain[1], second_state, **NOW)
    put(controller, chain[2], "READY", **NOW)
    action = retried(controller, chain[0])
    assert action.jf == f"jf -p test job rerun --force {chain[0]}"
    assert states(controller, chain) == ["READY", "WAITING", "WAITING"]
    assert controller.flows.find_one({})["state"] == "READY"


def test_what_is_in_the_queue_is_taken_out_of_it(controller, queue):
    chain = submit_chain(controller, 3)
    put(controller, chain[0], "FAILED", **NOW)
    put(controller, chain[1], "SUBMITTED", **{"remote.process_id": "42"}, **NOW)
    retried(controller, chain[0])
    assert "42" in (queue / "ended").read_text()
    assert states(controller, chain) == ["READY", "WAITING", "WAITING"]


@pytest.mark.parametrize("on_a_node", ["RUNNING", "DOWNLOADED"])
def test_what_runs_is_waited_for(controller, on_a_node):
    first, second = submit_chain(controller)
    put(controller, first, "FAILED", **NOW)
    put(controller, second, on_a_node, worker="dft-small", **NOW)
    job = find_job(controller, first)
    with pytest.raises(CuprolithError, match=f"has begun without it and is {on_a_node}"):
        stop_jobs_after(controller, job, patience=0)
    assert states(controller, (first, second)) == ["FAILED", on_a_node]


def test_what_is_locked_is_left_alone(controller):
    first, second = submit_chain(controller)
    put(controller, first, "FAILED", **NOW)
    put(controller, second, "UPLOADED", lock_id="runner", lock_time=datetime.now(UTC), **NOW)
    with pytest.raises(CuprolithError, match="is UPLOADED"):
        stop_jobs_after(controller, find_job(controller, first), patience=0)
    assert state(controller, second) == "UPLOADED"


def test_what_led_to_others_cannot_be_taken_back(controller, tmp_path):
    first, second = submit_chain(controller)
    put(controller, first, "FAILED", **NOW)
    put(controller, second, "COMPLETED", run_dir=str(tmp_path), **NOW)
    output = {"response": {"detour": {"jobs": [{"uuid": "a-follower", "index": 1}]}}}
    (tmp_path / "jfremote_out.json").write_text(json.dumps(output))
    with pytest.raises(CuprolithError, match="the campaign has continued without it"):
        retried(controller, first)
    assert states(controller, (first, second)) == ["FAILED", "COMPLETED"]


@pytest.mark.parametrize(
    ("collect", "taken_back"),
    [("SUBMITTED", True), ("FAILED", True), ("RUNNING", False), ("COMPLETED", False)],
)
def test_the_next_stage(controller, queue, collect, taken_back):
    """What a node has begun with rests on all labels, not on this one alone."""
    first, second = submit_chain(controller)
    of_stage(controller, second, "collect")
    put(controller, first, "FAILED", **NOW)
    put(controller, second, collect, **{"remote.process_id": "42"}, **NOW)
    if taken_back:
        retried(controller, first)
        assert states(controller, (first, second)) == ["READY", "WAITING"]
    else:
        with pytest.raises(CuprolithError, match="the campaign has continued without it"):
            retried(controller, first)
        assert states(controller, (first, second)) == ["FAILED", collect]


def test_a_cut_off_command_is_completed_by_the_same_again(controller):
    chain = submit_chain(controller, 3)
    job = find_job(controller, chain[0])
    put(controller, chain[0], "FAILED", **NOW)
    put(controller, chain[1], "READY", **NOW)
    assert stop_jobs_after(controller, job)  # and the command is killed
    assert states(controller, chain) == ["FAILED", "USER_STOPPED", "USER_STOPPED"]
    retried(controller, chain[0])
    assert states(controller, chain) == ["READY", "WAITING", "WAITING"]
