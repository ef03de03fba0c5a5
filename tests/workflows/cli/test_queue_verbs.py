"""`status`, `logs`, `retry` and `cancel` as a person gives them."""

import json

import pytest
from typer.testing import CliRunner

from tests.workflows.hpc.submitted import put, state, submit
from workflows.cli.main import app


@pytest.fixture
def here(controller, tmp_path, monkeypatch):
    """The controller of the one project that the commands find."""
    import jobflow_remote

    monkeypatch.setattr(jobflow_remote.SETTINGS, "projects_folder", str(tmp_path / "projects"))
    monkeypatch.setattr(jobflow_remote.SETTINGS, "project", None)
    monkeypatch.setenv("COLUMNS", "100")
    return controller


def give(*arguments, **options):
    return CliRunner().invoke(app, [str(argument) for argument in arguments], **options)


def told(result):
    return " ".join((result.stdout + result.stderr).split())


def test_status_of_the_only_campaign(here):
    jobs = submit(here, 3)
    put(here, jobs[0], "COMPLETED")
    put(here, jobs[1], "FAILED", error="Traceback (most recent call last):\n x\nOSError: [no]")
    result = give("status")
    assert result.exit_code == 0, told(result)
    assert "campaign li-cu" in result.stdout
    assert "label dft-small 1 0 1 1" in told(result)
    assert f"OSError: [no] → cuprolith logs {jobs[1]}" in told(result)
    assert "unknown" in result.stdout
    assert "runner: does not run → jf -p test runner start" in told(result)


def test_status_for_machines(here):
    submit(here, 2)
    result = give("status", "li-cu", "--project", "test", "--json")
    (stage,) = json.loads(result.stdout)["stages"]
    assert (stage["stage"], stage["waiting"]) == ("label", 2)


def test_status_of_a_campaign_s_file(here, tmp_path):
    submit(here, 2)
    campaign = tmp_path / "campaign.yaml"
    campaign.write_text("name: other\n")
    assert "no jobs of campaign" in told(give("status", "other"))
    result = give("status", campaign)
    assert result.exit_code == 1
    assert str(campaign) in told(result).replace(" ", "")


def test_status_watches_until_nothing_is_left(here, monkeypatch):
    from workflows.cli import status as module

    (db_id,) = submit(here)
    monkeypatch.setattr(
        module.time, "sleep", lambda _: put(here, db_id, "COMPLETED", start_time=None)
    )
    result = give("status", "--watch")
    assert result.exit_code == 0, told(result)
    assert "label dft-small 1 0 0 0" in told(result)


@pytest.mark.parametrize("verb", [["status"], ["retry", "--failed"], ["cancel", "--all"]])
def test_which_campaign(here, verb):
    assert "no campaign here" in told(give(*verb))
    submit(here, campaign="a")
    submit(here, campaign="b")
    result = give(*verb)
    assert result.exit_code == 1
    assert "several campaigns found: a, b" in told(result)


def test_a_project_that_is_not_there(here):
    result = give("status", "--project", "nope")
    assert result.exit_code == 1
    assert "no project nope; projects here: test" in told(result)


def test_logs(here, tmp_path):
    (db_id,) = submit(here)
    (tmp_path / "queue.out").write_text("[bold]as it stands[/]\n")
    put(here, db_id, "FAILED", error="OSError: no", run_dir=str(tmp_path))
    result = give("logs", db_id)
    assert "OSError: no" in result.stdout
    assert "[bold]as it stands[/]" in result.stdout
    assert json.loads(give("logs", db_id, "--json").stdout)["state"] == "FAILED"


def test_retry_of_what_failed(here):
    jobs = submit(here, 3)
    for db_id in jobs[:2]:
        put(here, db_id, "FAILED")
    assert give("retry", "--failed", input="n\n").exit_code == 1
    assert state(here, jobs[0]) == "FAILED"
    result = give("retry", "--failed", "--yes")
    assert result.exit_code == 0, told(result)
    assert f"jf -p test job rerun {jobs[0]}" in told(result)
    assert [state(here, db_id) for db_id in jobs] == ["READY"] * 3
    assert "no job has failed" in told(give("retry", "--failed"))


def test_retry_of_one_stage(here):
    (label,) = submit(here)
    (train,) = submit(here, stage="train", resource="cpu")
    for db_id in (label, train):
        put(here, db_id, "FAILED")
    give("retry", "--stage", "train", "--yes")
    assert (state(here, label), state(here, train)) == ("FAILED", "READY")


def test_retry_goes_on_after_a_refusal(here):
    jobs = submit(here, 2)
    for db_id in jobs:
        put(here, db_id, "FAILED")
    here.jobs.update_one({"db_id": jobs[1]}, {"$set": {"uuid": "without-a-flow"}})
    result = give("retry", "--failed", "--yes")
    assert result.exit_code == 1
    assert f"job {jobs[1]} (label) was not tried again" in told(result)
    assert state(here, jobs[0]) == "READY"


def test_cancel_asks_first(here):
    jobs = submit(here, 2)
    assert give("cancel", jobs[0], input="n\n").exit_code == 1
    assert state(here, jobs[0]) == "READY"
    assert give("cancel", jobs[0], "--yes").exit_code == 0
    result = give("cancel", "--all", input="y\n")
    assert "stop 1 job of campaign li-cu?" in told(result)
    assert [state(here, db_id) for db_id in jobs] == ["USER_STOPPED"] * 2
    assert "all jobs have ended" in told(give("cancel", "--all"))


@pytest.mark.parametrize("wrong", [["retry"], ["retry", "1", "--failed"], ["cancel"]])
def test_which_jobs(here, wrong):
    result = give(*wrong)
    assert result.exit_code == 1
    assert "which jobs?" in told(result)
