"""Submissions to a database; no job runs here."""

from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath

import pytest

from workflows.campaign import load_campaign
from workflows.environment import cuprolith_version
from workflows.errors import CuprolithError
from workflows.hpc.jobs.campaign_jobs import CampaignJobs
from workflows.hpc.submission.queue_file import read_queue_file
from workflows.hpc.submission.submit import submit
from workflows.workdir import Workdir

pytest.importorskip("jobflow_remote")

CAMPAIGN = """\
name: tiny
crystals:
  Cu: {prototype: fcc, a: 3.575}
structures:
  bulk: {strains: [0.0]}
"""
STAGES = ["generate", "label", "collect", "train", "report"]


@pytest.fixture
def campaign(tmp_path):
    (tmp_path / "tiny.yaml").write_text(CAMPAIGN)
    return load_campaign(tmp_path / "tiny.yaml")


def jobs(controller, **query):
    return sorted(controller.jobs.find(query), key=lambda job: int(job["db_id"]))


def end(controller, stage, state="COMPLETED", at=None):
    at = at or datetime.now(UTC)
    values = {"state": state, "start_time": at, "end_time": at}
    controller.jobs.update_many(
        {"job.metadata.stage": stage, "state": {"$nin": ["COMPLETED", "USER_STOPPED"]}},
        {"$set": values},
    )


def finish(controller):
    begun = datetime.now(UTC)
    for seconds, stage in enumerate(STAGES):
        end(controller, stage, at=begun + timedelta(seconds=seconds))


def test_the_first_submission_brings_the_campaign_and_adds_its_stages(licu, campaign, tmp_path):
    done = submit(campaign, licu)
    place = tmp_path / "scratch" / "campaigns" / "tiny"
    assert done.workdir == PurePosixPath(place)
    assert done.n_jobs == len(STAGES)
    assert load_campaign(place / "campaign.yaml").campaign_hash == campaign.campaign_hash
    queue = read_queue_file(Workdir(place))
    assert (queue.version, queue.submission) == (cuprolith_version(), 0)
    assert queue.routes["dft-small"].batch_worker == "dft-small-batch"
    assert queue.routes["dft-large"].exec_config == "vasp"
    added = jobs(licu)
    assert [job["job"]["name"] for job in added] == STAGES
    assert [job["worker"] for job in added] == ["cpu", "cpu", "cpu", "gpu", "cpu"]
    assert {job["job"]["metadata"]["workdir"] for job in added} == {str(place)}
    assert [job["state"] for job in added] == ["READY", *["WAITING"] * 4]


@pytest.mark.parametrize("state", ["READY", "SUBMITTED", "RUNNING", "BATCH_RUNNING", "UPLOADED"])
def test_while_jobs_are_underway_nothing_is_added(licu, campaign, state):
    submit(campaign, licu)
    licu.jobs.update_one({"job.metadata.stage": "generate"}, {"$set": {"state": state}})
    again = submit(campaign, licu)
    assert (again.underway, again.n_jobs) == (1, 0)
    assert len(jobs(licu)) == len(STAGES)


def test_after_a_failure_a_new_flow_takes_over(licu, campaign):
    submit(campaign, licu)
    end(licu, "generate")
    end(licu, "label", "FAILED")
    assert submit(campaign, licu).n_jobs == len(STAGES)
    old, new = jobs(licu)[: len(STAGES)], jobs(licu)[len(STAGES) :]
    assert [job["state"] for job in old] == ["COMPLETED", "FAILED", *["USER_STOPPED"] * 3]
    assert [job["state"] for job in new] == ["READY", *["WAITING"] * 4]
    assert not {job["uuid"] for job in old} & {job["uuid"] for job in new}
    known = CampaignJobs(licu, "tiny")
    assert not list(known.in_states("FAILED", "USER_STOPPED"))
    groups = known.groups(datetime.now(UTC))
    assert sum(group.jobs for group in groups) == 2 * len(STAGES)
    assert sum(group.jobs for group in groups if group.state == "superseded") == len(STAGES) - 1


def test_a_finished_campaign_is_left_alone(licu, campaign):
    submit(campaign, licu)
    finish(licu)
    assert submit(campaign, licu).finished
    assert len(jobs(licu)) == len(STAGES)


def test_failed_labels_are_missing_though_the_report_is_there(licu, campaign):
    submit(campaign, licu)
    finish(licu)
    licu.jobs.update_one({"job.metadata.stage": "label"}, {"$set": {"state": "FAILED"}})
    assert submit(campaign, licu).n_jobs == len(STAGES)


def test_labels_that_came_after_the_report_are_not_in_it(licu, campaign):
    submit(campaign, licu)
    finish(licu)
    later = datetime.now(UTC) + timedelta(hours=1)
    licu.jobs.update_one({"job.metadata.stage": "label"}, {"$set": {"end_time": later}})
    assert submit(campaign, licu).n_jobs == len(STAGES)


def test_another_campaign_of_that_name_needs_an_update(licu, campaign, tmp_path):
    submit(campaign, licu)
    finish(licu)
    (tmp_path / "tiny.yaml").write_text(CAMPAIGN.replace("[0.0]", "[0.0, 0.02]"))
    changed = load_campaign(tmp_path / "tiny.yaml")
    with pytest.raises(CuprolithError, match="another campaign") as raised:
        submit(changed, licu)
    assert "--update" in raised.value.remedy
    assert len(jobs(licu)) == len(STAGES)
    done = submit(changed, licu, update=True)
    assert done.n_jobs == len(STAGES)
    there = load_campaign(Path(done.workdir) / "campaign.yaml")
    assert there.campaign_hash == changed.campaign_hash


def test_a_submission_that_was_cut_off_is_made_anew(licu, campaign):
    submit(campaign, licu)
    licu.jobs.delete_many({"job.metadata.stage": {"$in": ["train", "report"]}})
    with pytest.raises(CuprolithError, match="just cut off"):
        submit(campaign, licu)
    long_ago = datetime.now(UTC) - timedelta(minutes=5)
    licu.flows.update_many({}, {"$set": {"created_on": long_ago}})
    assert submit(campaign, licu).n_jobs == len(STAGES)
    assert [job["job"]["name"] for job in jobs(licu)] == STAGES
    assert licu.flows.count_documents({}) == 1


def test_two_at_once_are_one(licu, campaign, monkeypatch):
    """The second has looked before the first wrote."""
    submit(campaign, licu)
    monkeypatch.setattr("workflows.hpc.submission.submit._EarlierFlows._found", lambda self: [])
    monkeypatch.setattr("workflows.hpc.submission.submit._EarlierFlows.n_underway", lambda self: 0)
    with pytest.raises(CuprolithError, match="by another process"):
        submit(campaign, licu)
    assert [job["job"]["name"] for job in jobs(licu)] == STAGES
    (flow,) = licu.flows.find({})
    assert flow["jobs"] == [job["uuid"] for job in jobs(licu)]


def test_it_goes_where_it_went_before_or_is_told_to(licu, campaign, tmp_path):
    place = PurePosixPath(tmp_path / "elsewhere")
    assert submit(campaign, licu, workdir=place).workdir == place
    end(licu, "generate", "FAILED")
    assert submit(campaign, licu).workdir == place


def test_a_project_of_other_workers_is_refused(controller, campaign):
    with pytest.raises(CuprolithError, match="not made by Cuprolith") as raised:
        submit(campaign, controller)
    assert "hpc init" in raised.value.remedy
