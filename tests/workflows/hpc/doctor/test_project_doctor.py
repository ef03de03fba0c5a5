"""What follows what: the checks of a project whose parts are, or are not, as they should be."""

from pathlib import Path

import pytest
import yaml

from workflows.checks import Check
from workflows.hpc.doctor import examination as doctor
from workflows.hpc.doctor.examination import examine_project
from workflows.hpc.jobs.runner_sign import RunnerSign
from workflows.hpc.setup.project import ProjectFiles

jobflow_remote = pytest.importorskip("jobflow_remote")


@pytest.fixture
def examined(tmp_path, monkeypatch):
    """Return what is found of the project `test`, by subject."""
    folder = tmp_path / "projects"
    monkeypatch.setattr(jobflow_remote.SETTINGS, "projects_folder", str(folder))

    def examine():
        checks = []
        examine_project(ProjectFiles(folder, "test"), checks.append, seconds=1)
        return {check.subject: check for check in checks}

    return examine


@pytest.fixture
def private(controller, tmp_path, monkeypatch):
    """The project's file as it should be, on a machine with a scheduler; return the file."""
    path = tmp_path / "projects" / "test.yaml"
    path.chmod(0o600)
    monkeypatch.setattr(doctor, "check_scheduler", lambda *_: ok("scheduler"))
    return path


def ok(subject, status="ok"):
    return Check(subject=subject, status=status, found="")


def skipped(found):
    return {subject: check.found for subject, check in found.items() if check.status == "skipped"}


def test_no_project_at_all(examined):
    found = examined()
    assert found["settings"].remedy == "cuprolith hpc init --project test"
    assert set(skipped(found)) == {
        *("database", "queue", "hosts", "schedulers", "runner", "round trip"),
    }


def test_a_file_that_others_may_read(examined, private):
    private.chmod(0o644)
    found = examined()
    assert found["files"].status == "missing"
    assert found["database"].status == "skipped"


def test_no_runner(examined, private):
    found = examined()
    assert found["settings"].status == "note"  # not written by `hpc init`
    assert [found[name].status for name in ("database", "queue", "scheduler")] == ["ok"] * 3
    assert found["runner"].remedy == "jf -p test runner start"
    assert skipped(found) == {"round trip": "needs the runner"}


def test_a_queue_that_is_not_prepared(examined, private, controller):
    controller.auxiliary.drop()
    found = examined()
    assert found["queue"].remedy == "cuprolith hpc prepare --project test"
    assert skipped(found) == {"runner": "needs the queue", "round trip": "needs the queue"}


def test_no_database_but_the_hosts_are_looked_at(examined, private):
    document = yaml.safe_load(private.read_text())
    store = document["queue"]["store"]
    store |= {"port": 1, "mongoclient_kwargs": {"serverSelectionTimeoutMS": 300}}
    private.write_text(yaml.safe_dump(document))
    found = examined()
    assert "does not answer" in found["database"].found
    assert skipped(found) == dict.fromkeys(("queue", "runner", "round trip"), "needs the database")
    assert found["host this machine"].status == "ok"


def test_workers_of_what_failed_get_no_job(examined, private, monkeypatch):
    sent = []
    monkeypatch.setattr(doctor, "runner_sign", lambda _: RunnerSign(runs=True))
    monkeypatch.setattr(
        doctor, "round_trip", lambda controller, workers, report, **_: sent.extend(workers)
    )
    examined()
    assert sorted(sent) == ["cpu", "dft-large", "dft-small"]
    monkeypatch.setattr(doctor, "check_work_dir", lambda *_: ok("folder x", "missing"))
    found = examined()
    assert len(sent) == 3
    assert skipped(found) == {
        f"job on {name}": "needs folder x" for name in ("dft-small", "dft-large", "cpu")
    }
    monkeypatch.setattr(doctor, "check_connection", lambda _: ok("host x", "missing"))
    assert skipped(examined())["job on cpu"] == "needs host x"


def test_a_runner_that_cannot_be_seen_is_no_hindrance(examined, private, monkeypatch):
    monkeypatch.setattr(doctor, "runner_sign", lambda _: RunnerSign(host="login02", runs=None))
    reached = []
    monkeypatch.setattr(doctor, "round_trip", lambda *_, **__: reached.append(True))
    assert examined()["runner"].found.startswith("on login02")
    assert reached


def test_nothing_stays_in_the_folder_of_jobs(examined, private, tmp_path):
    examined()
    assert list(Path(tmp_path, "work").iterdir()) == []
