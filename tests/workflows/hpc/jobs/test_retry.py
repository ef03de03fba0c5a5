import json
from datetime import UTC, datetime, timedelta

import pytest

from cuprolith.errors import CuprolithError
from tests.workflows.hpc.submitted import put, state, submit, submit_chain
from workflows.hpc.jobs.campaign_jobs import find_job
from workflows.hpc.jobs.retry import retry

LONG_AGO = datetime.now(UTC) - timedelta(hours=1)


def retried(controller, db_id):
    return retry(controller, find_job(controller, db_id))


def left_in_submission(controller, tmp_path):
    """A job whose runner was killed while it submitted it; its folder."""
    (db_id,) = submit(controller)
    folder = tmp_path / "work" / "ab" / "cd"
    folder.mkdir(parents=True)
    lock = {"lock_id": "runner", "lock_time": LONG_AGO}
    put(controller, db_id, "UPLOADED", updated_on=LONG_AGO, run_dir=str(folder), **lock)
    return db_id, folder


def lock_of(controller, db_id):
    return controller.jobs.find_one({"db_id": db_id})["lock_id"]


def test_a_failed_job_runs_again(controller):
    first, second = submit_chain(controller)
    put(controller, first, "FAILED", error="no", run_dir="/work/a")
    action = retried(controller, first)
    assert action.jf == f"jf -p test job rerun {first}"
    assert (state(controller, first), state(controller, second)) == ("READY", "WAITING")
    assert controller.jobs.find_one({"db_id": first})["error"] is None


def test_a_stopped_job_runs_again(controller):
    first, _ = submit_chain(controller)
    put(controller, first, "USER_STOPPED")
    assert retried(controller, first).jf == f"jf -p test job rerun --force {first}"
    assert state(controller, first) == "READY"


def test_a_failed_transfer_is_repeated_and_the_job_is_not(controller):
    (db_id,) = submit(controller)
    error = {"remote.error": "Remote error: connection lost"}
    put(controller, db_id, "REMOTE_ERROR", previous_state="RUN_FINISHED", **error)
    assert retried(controller, db_id).jf == f"jf -p test job retry {db_id}"
    assert state(controller, db_id) == "RUN_FINISHED"


def test_a_job_without_output_runs_again(controller):
    (db_id,) = submit(controller)
    error = {"remote.error": "Remote error: file /w/jfremote_out.json for job x does not exist"}
    put(controller, db_id, "REMOTE_ERROR", previous_state="RUN_FINISHED", **error)
    assert "rerun" in retried(controller, db_id).jf
    assert state(controller, db_id) == "READY"


@pytest.mark.parametrize("passing", ["CHECKED_OUT", "SUBMITTED", "RUNNING", "DOWNLOADED"])
def test_a_lock_that_a_killed_runner_left_is_taken_away(controller, passing):
    (db_id,) = submit(controller)
    put(controller, db_id, passing, lock_id="runner", lock_time=LONG_AGO)
    controller.flows.update_one({}, {"$set": {"lock_id": "runner", "lock_time": LONG_AGO}})
    assert retried(controller, db_id).jf == f"jf -p test admin unlock -did {db_id}"
    assert lock_of(controller, db_id) is None
    assert state(controller, db_id) == passing
    assert controller.flows.find_one({})["lock_id"] is None


@pytest.mark.parametrize(
    ("left", "since", "after"),
    [
        ("REMOTE_ERROR", LONG_AGO, None),
        ("FAILED", LONG_AGO, None),
        ("DOWNLOADED", LONG_AGO, None),
        ("REMOTE_ERROR", datetime.now(UTC) + timedelta(hours=1), "runner"),
    ],
)
def test_the_lock_of_a_flow_that_outlived_its_job(controller, left, since, after):
    """The runner was killed between the end of one job and that of its flow; others cannot end."""
    first, _ = submit_chain(controller)
    error = {"remote.error": "FlowLockedError: Could not complete the job"}
    put(controller, first, left, previous_state="DOWNLOADED", updated_on=datetime.now(UTC), **error)
    controller.flows.update_one({}, {"$set": {"lock_id": "runner", "lock_time": since}})
    retried(controller, first)
    assert controller.flows.find_one({})["lock_id"] == after


def test_a_fresh_lock_is_respected(controller):
    (db_id,) = submit(controller)
    put(controller, db_id, "DOWNLOADED", lock_id="runner", lock_time=datetime.now(UTC))
    with pytest.raises(CuprolithError, match="underway"):
        retried(controller, db_id)
    assert lock_of(controller, db_id) == "runner"


def test_a_job_that_reached_the_queue_is_joined_to_it(controller, tmp_path, queue):
    db_id, folder = left_in_submission(controller, tmp_path)
    (queue / "listing").write_text(f"41 {folder}x\n42 {folder}\n43 /elsewhere\n")
    assert "job 42 of the queue" in retried(controller, db_id).done
    document = controller.jobs.find_one({"db_id": db_id})
    assert (document["state"], document["remote"]["process_id"]) == ("SUBMITTED", "42")
    assert document["lock_id"] is None


def test_the_queue_knows_the_folder_by_another_name(controller, tmp_path, queue):
    db_id, folder = left_in_submission(controller, tmp_path)
    (queue / "listing").write_text(f"42 /lustre/lena/{folder.name}\n")
    retried(controller, db_id)
    assert state(controller, db_id) == "SUBMITTED"


def test_a_job_that_ends_while_the_queue_is_asked(controller, tmp_path, queue):
    db_id, folder = left_in_submission(controller, tmp_path)
    output = json.dumps({"start_time": 0, "response": {}})
    squeue = queue / "squeue"
    squeue.write_text(f"#!/bin/sh\necho '{output}' > {folder}/jfremote_out.json\n")
    retried(controller, db_id)
    assert state(controller, db_id) == "DOWNLOADED"


def test_a_job_that_did_not_reach_the_queue_is_submitted_again(controller, tmp_path, queue):
    db_id, _ = left_in_submission(controller, tmp_path)
    (queue / "listing").write_text("43 /elsewhere\n")
    assert "not in the queue" in retried(controller, db_id).done
    assert (state(controller, db_id), lock_of(controller, db_id)) == ("UPLOADED", None)


def test_a_job_that_ran_unnoticed_gives_its_output(controller, tmp_path, queue):
    db_id, folder = left_in_submission(controller, tmp_path)
    (folder / "jfremote_out.json").write_text(json.dumps({"start_time": 0, "response": {}}))
    retried(controller, db_id)
    assert (state(controller, db_id), lock_of(controller, db_id)) == ("DOWNLOADED", None)


def test_a_job_that_started_unnoticed_is_no_ended_one(controller, tmp_path, queue):
    db_id, folder = left_in_submission(controller, tmp_path)
    (folder / "jfremote_out.json").write_text(json.dumps({"start_time": 0}))
    (queue / "listing").write_text(f"42 {folder}\n")
    retried(controller, db_id)
    assert state(controller, db_id) == "SUBMITTED"


def test_nothing_is_submitted_twice_while_the_queue_is_silent(controller, tmp_path, queue):
    db_id, _ = left_in_submission(controller, tmp_path)
    (queue / "squeue").write_text("#!/bin/sh\necho no controller >&2; exit 1\n")
    with pytest.raises(CuprolithError, match="squeue failed on worker dft-small: no controller"):
        retried(controller, db_id)
    assert lock_of(controller, db_id) == "runner"


def test_a_submission_whose_id_got_lost(controller, tmp_path, queue):
    db_id, folder = left_in_submission(controller, tmp_path)
    put(
        controller,
        db_id,
        "REMOTE_ERROR",
        previous_state="UPLOADED",
        lock_id=None,
        lock_time=None,
        **{"remote.error": "Remote error: submission succeeded but ID not known. Job may be ..."},
    )
    (queue / "listing").write_text(f"42 {folder}\n")
    retried(controller, db_id)
    document = controller.jobs.find_one({"db_id": db_id})
    assert (document["state"], document["remote"]["process_id"]) == ("SUBMITTED", "42")
    assert document["remote"]["error"] is None


def test_an_attempt_that_waits_is_made_at_once(controller):
    (db_id,) = submit(controller)
    later = datetime.now(UTC) + timedelta(minutes=20)
    waits = {"remote.error": "Remote error: sbatch", "remote.retry_time_limit": later}
    put(controller, db_id, "UPLOADED", updated_on=datetime.now(UTC), **waits)
    assert retried(controller, db_id).jf == f"jf -p test job retry {db_id}"
    assert controller.jobs.find_one({"db_id": db_id})["remote"]["retry_time_limit"] is None


@pytest.mark.parametrize("calm", ["WAITING", "READY", "COMPLETED", "PAUSED"])
def test_there_is_nothing_to_try_again(controller, calm):
    (db_id,) = submit(controller)
    put(controller, db_id, calm)
    with pytest.raises(CuprolithError, match=f"is {calm}: there is nothing to try again"):
        retried(controller, db_id)


def test_what_jobflow_remote_refuses_is_told(controller, monkeypatch):
    (db_id,) = submit(controller)
    put(controller, db_id, "FAILED")

    def refuses(**_):
        raise ValueError("the job is locked")

    monkeypatch.setattr(controller, "rerun_job", refuses)
    with pytest.raises(CuprolithError, match="was not tried again: the job is locked"):
        retried(controller, db_id)


def test_a_job_that_has_changed_meanwhile_keeps_what_it_led_to(controller, tmp_path):
    first, second = submit_chain(controller)
    put(controller, first, "DOWNLOADED", lock_id="runner", lock_time=LONG_AGO)
    seen = find_job(controller, first)
    child = {"uuid": find_job(controller, second).uuid, "index": 1}
    output = {"response": {"detour": {"jobs": [child]}}}
    (tmp_path / "jfremote_out.json").write_text(json.dumps(output))
    put(controller, first, "COMPLETED", lock_id=None, lock_time=None, run_dir=str(tmp_path))
    with pytest.raises(CuprolithError, match="has changed meanwhile"):
        retry(controller, seen)
    assert state(controller, second) == "WAITING"
