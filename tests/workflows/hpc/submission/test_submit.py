"""Submissions to a database; no job runs here."""

from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from unittest.mock import Mock

import pytest

from cuprolith.errors import CuprolithError
from cuprolith.json_files import read_json, write_json
from workflows.environment import cuprolith_version
from workflows.hpc.jobs.campaign_jobs import CampaignJobs
from workflows.hpc.submission import earlier_flows
from workflows.hpc.submission.earlier_flows import EarlierFlows
from workflows.hpc.submission.queue_file import campaign_file_hash, read_queue_file
from workflows.hpc.submission.submit import submit
from workflows.inputs.campaign import load_campaign
from workflows.workdir import Workdir

pytest.importorskip("jobflow_remote")

CAMPAIGN = """\
name: tiny
crystals:
  Cu: {prototype: fcc, a: 3.575}
structures:
  bulk: {strains: [0.0]}
"""
POSCAR = "Cu\n1.0\n0 1.8 1.8\n1.8 0 1.8\n1.8 1.8 0\nCu\n1\ndirect\n0 0 0\n"
STAGES = ["generate", "label", "collect", "train", "validate", "report"]


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
    assert queue.routes["dft-small"].batch is not None
    assert queue.routes["dft-large"].exec_config == "vasp"
    added = jobs(licu)
    assert [job["job"]["name"] for job in added] == STAGES
    assert [job["worker"] for job in added] == ["cpu", "cpu", "cpu", "gpu", "gpu", "cpu"]
    assert {job["job"]["metadata"]["workdir"] for job in added} == {str(place)}
    assert [job["state"] for job in added] == ["READY", *["WAITING"] * (len(STAGES) - 1)]


@pytest.mark.parametrize("state", ["READY", "SUBMITTED", "RUNNING", "UPLOADED"])
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
    assert [job["state"] for job in old] == [
        "COMPLETED",
        "FAILED",
        *["USER_STOPPED"] * (len(STAGES) - 2),
    ]
    assert [job["state"] for job in new] == ["READY", *["WAITING"] * (len(STAGES) - 1)]
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


def edited(folder, name="tiny", old="[0.0]", new="[0.0, 0.02]"):
    """The campaign with a change."""
    path = folder / "edited.yaml"
    path.write_text(CAMPAIGN.replace("tiny", name).replace(old, new))
    return load_campaign(path)


def files_of(folder):
    return {path: path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()}


def assert_whole(controller, campaign, place):
    """The folder holds a campaign, and the last flow there was made for it, whole."""
    workdir, queue = Workdir(Path(place)), read_queue_file(Workdir(Path(place)))
    assert workdir.campaign().campaign_hash == campaign.campaign_hash
    assert read_json(workdir.environment_json)["campaign_hash"] == campaign.campaign_hash
    flow = list(controller.flows.find({"metadata.workdir": str(place)}).sort("created_on", 1))[-1]
    assert flow["metadata"]["campaign_hash"] == queue.campaign_hash == campaign_file_hash(workdir)
    assert flow["metadata"]["submission"] == queue.submission
    added = jobs(controller, uuid={"$in": flow["jobs"]})
    assert [job["state"] for job in added] == ["READY", *["WAITING"] * (len(STAGES) - 1)]


def test_another_campaign_of_that_name_needs_an_update(licu, campaign, tmp_path):
    place = submit(campaign, licu).workdir
    finish(licu)
    changed, before = edited(tmp_path), files_of(place)
    with pytest.raises(CuprolithError, match=r"strains: .*0\.02") as raised:
        submit(changed, licu)
    assert "--update" in raised.value.remedy
    assert raised.value.where == str(place / "campaign.yaml")
    assert (len(jobs(licu)), files_of(place)) == (len(STAGES), before)
    assert submit(changed, licu, update=True).n_jobs == len(STAGES)
    assert_whole(licu, changed, place)


def test_back_to_the_file_that_is_finished(licu, campaign, tmp_path, monkeypatch):
    """Of an edit, nothing but its file has come so far: that is put back, and gets a flow."""
    submit(campaign, licu)
    finish(licu)
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(licu, "add_flow", Mock(side_effect=Killed))
        submit(edited(tmp_path), licu, update=True)
    with pytest.raises(CuprolithError, match="another campaign"):
        submit(campaign, licu)
    done = submit(campaign, licu, update=True)
    assert_whole(licu, campaign, done.workdir)


def test_what_is_published_alone_is_a_change_too(licu, campaign, tmp_path):
    """It decides no label, but the report shows it."""
    place = submit(campaign, licu).workdir
    finish(licu)
    published = "\npublished: {source: a paper, counts: {bulk: 3}}\nstructures:"
    changed = edited(tmp_path, old="\nstructures:", new=published)
    assert submit(changed, licu, update=True).n_jobs == len(STAGES)
    assert_whole(licu, changed, place)


class Killed(BaseException):
    """As far as the database and the folder on the cluster can tell."""


@pytest.fixture
def killed_before(monkeypatch):
    """Calls a function that is killed before its n-th write; tells whether it came so far."""
    from jobflow_remote.remote.host.local import LocalHost
    from pymongo.collection import Collection

    writes = {
        Collection: ("insert_one", "insert_many", "update_one", "update_many", "delete_one"),
        LocalHost: ("put", "execute"),
    }

    def call(function, n):
        left = iter(range(n))

        def or_die(write):
            def counted(*arguments, **options):
                if next(left, None) is None:
                    raise Killed
                return write(*arguments, **options)

            return counted

        with monkeypatch.context() as patch:
            for kind, names in writes.items():
                for name in names:
                    patch.setattr(kind, name, or_die(getattr(kind, name)))
            try:
                function()
            except Killed:
                return True
            return False

    return call


@pytest.mark.slow
@pytest.mark.parametrize(("before", "back"), [("finished", False), ("failed", True)])
def test_a_submission_that_is_killed_before_any_write_is_completed(
    before, back, licu, tmp_path, killed_before, monkeypatch
):
    """By the next one of the same file, or of the file that was there before."""
    monkeypatch.setattr(earlier_flows, "_BEING_WRITTEN", timedelta(0))
    n = 0
    while True:
        name = f"tiny-{n}"
        first, changed = edited(tmp_path, name, "[0.0]", "[0.0]"), edited(tmp_path, name)
        submit(first, licu)
        finish(licu) if before == "finished" else end(licu, "generate", "FAILED")
        if not killed_before(lambda each=changed: submit(each, licu, update=True), n):
            break
        wanted = first if back else changed
        done = submit(wanted, licu, update=True)
        assert done.n_jobs == len(STAGES)
        assert_whole(licu, wanted, done.workdir)
        n += 1
    assert n >= 8


def test_an_edit_while_jobs_are_underway_is_refused_and_said(licu, campaign, tmp_path):
    place = submit(campaign, licu).workdir
    changed, before = edited(tmp_path), files_of(place)
    for update in (False, True):
        with pytest.raises(CuprolithError, match="differs") as raised:
            submit(changed, licu, update=update)
        assert "strains" in raised.value.message
        assert "nothing changed, nothing added" in raised.value.message
        for remedy in ("cancel --all --campaign tiny", "status tiny", "--update"):
            assert remedy in raised.value.remedy
    assert (len(jobs(licu)), files_of(place)) == (len(STAGES), before)
    assert submit(campaign, licu).underway == 1


def test_it_is_compared_with_where_its_jobs_work(licu, campaign, tmp_path):
    place = submit(campaign, licu).workdir
    elsewhere = PurePosixPath(tmp_path / "elsewhere")
    again = submit(campaign, licu, workdir=elsewhere)
    assert (again.underway, again.workdir) == (1, place)
    with pytest.raises(CuprolithError, match="differs"):
        submit(edited(tmp_path), licu, workdir=elsewhere)
    assert not Path(elsewhere).exists()


def test_a_campaign_does_not_change_another_one_s_folder(licu, campaign, tmp_path):
    place = submit(campaign, licu).workdir
    other, before = edited(tmp_path, "other"), files_of(place)
    for update in (False, True):
        with pytest.raises(
            CuprolithError, match="campaign tiny has 1 job ready or underway"
        ) as raised:
            submit(other, licu, workdir=place, update=update)
        assert "another --workdir" in raised.value.remedy
    finish(licu)
    with pytest.raises(CuprolithError, match="name: tiny → other"):
        submit(other, licu, workdir=place)
    assert (len(jobs(licu)), files_of(place)) == (len(STAGES), before)
    assert submit(other, licu, workdir=place, update=True).n_jobs == len(STAGES)
    assert_whole(licu, other, place)
    finish(licu)
    # nothing is left there of the first one, though its own flow is finished
    with pytest.raises(CuprolithError, match="name: other → tiny"):
        submit(campaign, licu)
    assert submit(campaign, licu, update=True).n_jobs == len(STAGES)
    assert_whole(licu, campaign, place)


def test_a_folder_that_was_filled_and_has_no_flow_gets_one(licu, campaign, tmp_path, monkeypatch):
    """Though the same campaign is finished in another one."""
    submit(campaign, licu)
    finish(licu)
    elsewhere = PurePosixPath(tmp_path / "elsewhere")
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(licu, "add_flow", Mock(side_effect=Killed))
        submit(campaign, licu, workdir=elsewhere)
    assert (Path(elsewhere) / "queue" / "queue.json").exists()
    assert submit(campaign, licu, workdir=elsewhere).n_jobs == len(STAGES)
    assert_whole(licu, campaign, elsewhere)


def test_crystals_from_files_are_compared_by_content(licu, tmp_path):
    (tmp_path / "cu.vasp").write_text(POSCAR)
    prototype = "{prototype: fcc, a: 3.575}"
    given = edited(tmp_path, old=prototype, new="{file: cu.vasp}")
    place = submit(given, licu).workdir
    assert submit(given, licu).underway == 1
    finish(licu)
    assert submit(given, licu).finished
    (tmp_path / "cu.vasp").write_text(POSCAR.replace("1.8", "1.9"))
    with pytest.raises(CuprolithError, match=r"crystals\.Cu\.file: crystals/Cu-"):
        submit(given, licu)
    assert submit(given, licu, update=True).n_jobs == len(STAGES)
    assert_whole(licu, given, place)


def test_a_damaged_campaign_there_is_named_and_replaced(licu, campaign):
    place = submit(campaign, licu).workdir
    finish(licu)
    file = Path(place) / "campaign.yaml"
    file.write_text("name: [")
    with pytest.raises(CuprolithError) as raised:
        submit(campaign, licu)
    assert raised.value.where.startswith(str(file))
    assert "--update" in raised.value.remedy
    assert submit(campaign, licu, update=True).n_jobs == len(STAGES)
    assert_whole(licu, campaign, place)


def test_the_environment_is_that_of_the_first_submission(licu, campaign):
    place = submit(campaign, licu).workdir
    file = Workdir(Path(place)).environment_json
    write_json(file, read_json(file) | {"cuprolith": "first"})
    end(licu, "generate", "FAILED")
    assert submit(campaign, licu).n_jobs == len(STAGES)
    assert read_json(file)["cuprolith"] == "first"


def test_a_submission_that_was_interrupted_is_made_again(licu, campaign):
    submit(campaign, licu)
    licu.jobs.delete_many({"job.metadata.stage": {"$in": ["train", "report"]}})
    with pytest.raises(CuprolithError, match="a moment ago"):
        submit(campaign, licu)
    long_ago = datetime.now(UTC) - timedelta(minutes=5)
    licu.flows.update_many({}, {"$set": {"created_on": long_ago}})
    assert submit(campaign, licu).n_jobs == len(STAGES)
    assert [job["job"]["name"] for job in jobs(licu)] == STAGES
    assert licu.flows.count_documents({}) == 1


def test_two_at_once_are_one(licu, campaign, monkeypatch):
    """The other one submits after this one has found no jobs underway."""
    look = EarlierFlows.underway

    def other_submits(earlier):
        found = look(earlier)
        monkeypatch.setattr(EarlierFlows, "underway", look)
        submit(campaign, licu)
        return found

    monkeypatch.setattr(EarlierFlows, "underway", other_submits)
    with pytest.raises(CuprolithError, match="by another process"):
        submit(campaign, licu)
    assert [job["state"] for job in jobs(licu)] == ["READY", *["WAITING"] * (len(STAGES) - 1)]
    assert licu.flows.count_documents({}) == 1


def test_it_goes_where_it_went_before_or_is_told_to(licu, campaign, tmp_path):
    place = PurePosixPath(tmp_path / "elsewhere")
    assert submit(campaign, licu, workdir=place).workdir == place
    end(licu, "generate", "FAILED")
    assert submit(campaign, licu).workdir == place


def test_a_project_of_other_workers_is_refused(controller, campaign):
    with pytest.raises(CuprolithError, match="not made by Cuprolith") as raised:
        submit(campaign, controller)
    assert "hpc init" in raised.value.remedy
