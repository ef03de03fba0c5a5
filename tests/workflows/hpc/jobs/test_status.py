from datetime import timedelta

import pytest

from tests.workflows.hpc.submitted import NOW, put, submit
from workflows.hpc.jobs.status import SHOWN_JOBS, CampaignStatus, campaign_status


def completed(controller, db_id, *, start_hours, end_hours):
    put(
        controller,
        db_id,
        "COMPLETED",
        start_time=NOW - timedelta(hours=start_hours),
        end_time=NOW - timedelta(hours=end_hours),
    )


def status_of(controller):
    return campaign_status(controller, "li-cu", now=NOW)


def test_stages_in_their_order_with_four_words(controller):
    submit(controller, 1, stage="report", resource="cpu")
    submit(controller, 1, stage="train", resource="cpu")
    jobs = submit(controller, 6)
    for db_id, state in zip(
        jobs, ("COMPLETED", "DOWNLOADED", "PAUSED", "FAILED", "REMOTE_ERROR"), strict=False
    ):
        put(controller, db_id, state)
    put(controller, jobs[5], "USER_STOPPED")
    label, train, report = status_of(controller).stages
    assert [label.stage, train.stage, report.stage] == ["label", "train", "report"]
    assert (label.done, label.running, label.waiting, label.failed) == (1, 1, 1, 2)
    assert label.other == {"USER_STOPPED": 1}
    assert train.waiting == 1


def test_a_state_nobody_knows_is_shown_as_it_is(controller):
    (db_id,) = submit(controller)
    put(controller, db_id, "HIBERNATED")
    (stage,) = status_of(controller).stages
    assert stage.other == {"HIBERNATED": 1}


def test_node_hours_are_those_of_the_worker_times_its_nodes(controller):
    (small,) = submit(controller, resource="dft-small")
    (large,) = submit(controller, resource="dft-large")  # four nodes
    completed(controller, small, start_hours=3, end_hours=1)
    put(controller, large, "RUNNING", start_time=NOW - timedelta(minutes=30))
    standing = status_of(controller)
    assert {s.resource: s.node_hours for s in standing.stages} == {
        "dft-small": pytest.approx(2.0),
        "dft-large": pytest.approx(2.0),
    }
    assert standing.node_hours == pytest.approx(4.0)


def test_expected_end_at_the_rate_of_the_last_jobs(controller):
    jobs = submit(controller, 12)
    # many long ago, one each ten minutes of late: eight are left, so eighty minutes
    for db_id in jobs[:1]:
        completed(controller, db_id, start_hours=200, end_hours=190)
    for number, db_id in enumerate(jobs[1:4]):
        completed(controller, db_id, start_hours=2, end_hours=(5 + 20 * number) / 60)
    standing = status_of(controller)
    assert standing.expected_end == NOW + timedelta(hours=1) * 8 / 3
    assert standing.left == 8


def test_a_rate_counts_from_the_first_start(controller):
    jobs = submit(controller, 6)
    for db_id in jobs[:3]:
        completed(controller, db_id, start_hours=0.5, end_hours=0.1)
    assert status_of(controller).expected_end == NOW + timedelta(minutes=30)


def test_an_end_that_nobody_knows(controller):
    jobs = submit(controller, 8)
    for db_id in jobs[:2]:  # two are no rate
        completed(controller, db_id, start_hours=0.5, end_hours=0.1)
    assert status_of(controller).expected_end is None
    completed(controller, jobs[2], start_hours=0.5, end_hours=0.1)
    assert status_of(controller).expected_end is not None
    submit(controller, 1, stage="train", resource="cpu")  # of which nothing is known
    standing = status_of(controller)
    assert standing.expected_end is None
    assert [stage.expected_end is None for stage in standing.stages] == [False, True]


def test_nothing_left_has_no_end(controller):
    (db_id,) = submit(controller)
    completed(controller, db_id, start_hours=2, end_hours=1)
    standing = status_of(controller)
    assert (standing.left, standing.expected_end) == (0, None)


def test_each_trouble_has_its_remedy(controller):
    failed, transfer, retried, silent, locked, fine, queued = submit(controller, 7)
    old = NOW - timedelta(hours=1)
    put(controller, failed, "FAILED", error="Traceback (most recent call last):\n x\nOSError: no")
    put(controller, transfer, "REMOTE_ERROR", **{"remote.error": "Remote error: no route\n..."})
    put(controller, retried, "UPLOADED", **{"remote.error": "Remote error: sbatch: bad partition"})
    put(controller, silent, "RUN_FINISHED", updated_on=old)
    put(controller, locked, "SUBMITTED", updated_on=old, lock_id="x", lock_time=old)
    put(controller, fine, "UPLOADED")
    put(controller, queued, "SUBMITTED", updated_on=old)  # may wait for days
    troubles = {trouble.db_id: trouble for trouble in status_of(controller).troubles}
    assert {db_id: trouble.kind for db_id, trouble in troubles.items()} == {
        failed: "failed",
        transfer: "transfer",
        retried: "retried",
        silent: "silent",
        locked: "silent",
    }
    assert troubles[failed].error == "OSError: no"
    assert troubles[failed].remedy == f"cuprolith logs {failed}"
    assert troubles[transfer].error == "Remote error: no route"
    assert troubles[transfer].remedy == f"cuprolith retry {transfer}"
    assert "bad partition" in troubles[retried].error
    assert troubles[locked].error.startswith("locked and silent since")


def test_waiting_for_a_place_or_the_next_attempt_is_not_silence(controller):
    held, again = submit(controller, 2)
    old = NOW - timedelta(hours=1)
    controller.project.workers["dft-small"].max_jobs = 1
    put(controller, held, "UPLOADED", updated_on=old)
    later = NOW + timedelta(minutes=5)
    put(controller, again, "CHECKED_OUT", updated_on=old, **{"remote.retry_time_limit": later})
    assert status_of(controller).troubles == []
    controller.project.workers["dft-small"].max_jobs = None
    assert [trouble.db_id for trouble in status_of(controller).troubles] == [held]


def test_of_many_failed_jobs_the_last_are_shown_and_all_counted(controller):
    jobs = submit(controller, SHOWN_JOBS + 5)
    for number, db_id in enumerate(jobs):
        put(controller, db_id, "FAILED", updated_on=NOW + timedelta(seconds=number))
    standing = status_of(controller)
    assert [trouble.db_id for trouble in standing.troubles] == jobs[: -SHOWN_JOBS - 1 : -1]
    assert standing.n_failed == SHOWN_JOBS + 5


def test_without_a_runner(controller):
    submit(controller)
    standing = status_of(controller)
    assert standing.runner.runs is False
    assert CampaignStatus.model_validate_json(standing.model_dump_json()) == standing
