from datetime import UTC, datetime, timedelta

import pytest

from cuprolith.errors import CuprolithError
from tests.workflows.hpc.submitted import put, state, submit, submit_chain
from workflows.hpc.jobs.campaign_jobs import find_job
from workflows.hpc.jobs.cancel import cancel, cancel_all


def cancelled(controller, db_id):
    return cancel(controller, find_job(controller, db_id))


def test_a_job_in_the_queue_is_ended_there_too(controller, queue):
    (db_id,) = submit(controller)
    put(controller, db_id, "RUNNING", **{"remote.process_id": "42"})
    assert cancelled(controller, db_id).jf == f"jf -p test job stop {db_id}"
    assert state(controller, db_id) == "USER_STOPPED"
    assert "42" in (queue / "ended").read_text()


def test_a_job_lost_on_its_way_to_the_queue_is_ended_there_too(controller, queue, tmp_path):
    (db_id,) = submit(controller)
    folder = tmp_path / "work"
    folder.mkdir()
    old = datetime.now(UTC) - timedelta(hours=1)
    lock = {"lock_id": "runner", "lock_time": old}
    put(controller, db_id, "UPLOADED", updated_on=old, run_dir=str(folder), **lock)
    (queue / "listing").write_text(f"42 {folder}\n")
    cancelled(controller, db_id)
    assert state(controller, db_id) == "USER_STOPPED"
    assert "42" in (queue / "ended").read_text()


@pytest.mark.parametrize("ended", ["COMPLETED", "FAILED", "WAITING", "USER_STOPPED"])
def test_there_is_nothing_to_stop(controller, ended):
    (db_id,) = submit(controller)
    put(controller, db_id, ended)
    with pytest.raises(CuprolithError, match=f"is {ended}: there is nothing to stop"):
        cancelled(controller, db_id)


def all_cancelled(controller):
    results = list(cancel_all(controller, "li-cu"))
    errors = [each for each in results if isinstance(each, CuprolithError)]
    return [each for each in results if each not in errors], errors


def test_all_of_a_campaign_and_no_other(controller, queue):
    first, second = submit_chain(controller)
    ready = submit(controller, 3)
    (other,) = submit(controller, campaign="another")
    (done,) = submit(controller)
    put(controller, first, "SUBMITTED", **{"remote.process_id": "42"})
    put(controller, done, "COMPLETED")
    actions, errors = all_cancelled(controller)
    assert errors == []
    assert [action.what for action in actions] == ["4 jobs not begun", first]
    flow_states = [flow["state"] for flow in controller.flows.find({}).sort("created_on", 1)]
    assert flow_states == ["STOPPED", "STOPPED", "READY", "READY"]
    assert {state(controller, db_id) for db_id in (first, second, *ready)} == {"USER_STOPPED"}
    assert state(controller, other) == "READY"
    assert state(controller, done) == "COMPLETED"


def test_a_job_that_cannot_be_stopped_does_not_hold_up_the_others(controller, queue, monkeypatch):
    first, second = submit(controller, 2)
    for db_id in (first, second):
        put(controller, db_id, "CHECKED_OUT")
    stop = controller.stop_job

    def stops_one(*, db_id, wait):
        if db_id == first:
            raise RuntimeError("locked")
        return stop(db_id=db_id, wait=wait)

    monkeypatch.setattr(controller, "stop_job", stops_one)
    actions, errors = all_cancelled(controller)
    assert [action.what for action in actions] == [second]
    assert len(errors) == 1
    assert "locked" in str(errors[0])


def test_a_job_that_ends_before_it_can_be_stopped_is_no_error(controller, queue, monkeypatch):
    (db_id,) = submit(controller)
    put(controller, db_id, "CHECKED_OUT")

    def ends_first(*, db_id, wait):
        put(controller, db_id, "FAILED")
        raise ValueError("Job in state FAILED")

    monkeypatch.setattr(controller, "stop_job", ends_first)
    actions, errors = all_cancelled(controller)
    assert (actions, errors) == ([], [])
    assert state(controller, db_id) == "FAILED"
