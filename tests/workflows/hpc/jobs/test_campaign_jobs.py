import random
from collections import Counter
from datetime import timedelta

import pytest

from cuprolith.errors import CuprolithError
from tests.workflows.hpc.submitted import NOW, put, submit
from workflows.hpc.jobs.campaign_jobs import CampaignJobs, campaign_names, find_job, has_campaign


def test_groups_count_as_one_does_by_hand(controller):
    rng = random.Random(7)
    expected, seconds = Counter(), Counter()
    for stage, resource in (("label", "dft-small"), ("label", "dft-large"), ("train", "cpu")):
        for db_id in submit(controller, 20, stage=stage, resource=resource):
            state = rng.choice(["READY", "RUNNING", "COMPLETED", "FAILED"])
            start = NOW - timedelta(seconds=rng.randrange(7200, 9000))
            end = start + timedelta(seconds=rng.randrange(600, 3600))
            key = (stage, resource, state)
            expected[key] += 1
            if state == "READY":
                put(controller, db_id, state)
                continue
            killed = state == "FAILED" and rng.random() < 0.5
            ended = state in ("COMPLETED", "FAILED") and not killed
            put(
                controller,
                db_id,
                state,
                start_time=start,
                end_time=end if ended else None,
                updated_on=end,
            )
            seconds[key] += ((NOW if state == "RUNNING" else end) - start).total_seconds()
    submit(controller, 5, campaign="another")
    counted, ran = Counter(), Counter()
    for group in CampaignJobs(controller, "li-cu").groups(NOW):
        key = (group.stage, group.resource, group.state)
        counted[key] += group.jobs
        ran[key] += group.seconds
    assert counted == expected
    assert {key: ran[key] for key in seconds} == pytest.approx(dict(seconds))


def test_hours_since_jobs_ended(controller):
    for db_id, minutes in zip(submit(controller, 4), (1, 59, 61, 200), strict=True):
        start, end = NOW - timedelta(days=1), NOW - timedelta(minutes=minutes)
        put(controller, db_id, "COMPLETED", start_time=start, end_time=end)
    groups = CampaignJobs(controller, "li-cu").groups(NOW)
    assert Counter({group.hours_ago: group.jobs for group in groups}) == {0: 2, 1: 1, 3: 1}


def test_resources_of_a_job_itself(controller):
    (db_id,) = submit(controller)
    put(controller, db_id, "READY", resources={"nodes": 7})
    (group,) = CampaignJobs(controller, "li-cu").groups(NOW)
    assert group.nodes == 7


def test_campaigns_of_a_database(controller):
    assert campaign_names(controller) == []
    submit(controller, 2, campaign="b")
    submit(controller, 1, campaign="a")
    assert campaign_names(controller) == ["a", "b"]
    assert has_campaign(controller, "a")
    assert not has_campaign(controller, "c")


def test_a_job_is_found_by_number_uuid_and_beginning(controller):
    first, second = submit(controller, 2)
    found = find_job(controller, first)
    assert (found.db_id, found.name, found.stage) == (first, "label", "label")
    assert find_job(controller, found.uuid) == found
    assert find_job(controller, found.uuid[:13]) == found
    assert find_job(controller, second).uuid != found.uuid


@pytest.mark.parametrize("wrong", ["99", "", "ffffffff-none", ".*", "$", "abc"])
def test_no_such_job(controller, wrong):
    submit(controller, 2)
    with pytest.raises(CuprolithError, match="no job"):
        find_job(controller, wrong)


def test_a_beginning_of_several_jobs(controller):
    for number, db_id in enumerate(submit(controller, 2)):
        put(controller, db_id, "READY", uuid=f"abcd-{number}")
    with pytest.raises(CuprolithError, match="2 jobs begin with abcd: abcd-0, abcd-1"):
        find_job(controller, "abcd")
