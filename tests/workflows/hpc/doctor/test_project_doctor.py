"""What follows what: the checks of a project whose parts are, or are not, as they should be."""

import os
from pathlib import Path

import pytest
import yaml
from pymongo.errors import OperationFailure

from workflows.checks import Check
from workflows.hpc.doctor import run_checks as doctor
from workflows.hpc.doctor.run_checks import run_checks
from workflows.hpc.jobs.runner_status import RunnerStatus
from workflows.hpc.setup.project import ProjectFiles

jobflow_remote = pytest.importorskip("jobflow_remote")


@pytest.fixture
def examined(tmp_path, monkeypatch):
    """Return what is found of the project `test`, by subject."""
    folder = tmp_path / "projects"
    monkeypatch.setattr(jobflow_remote.SETTINGS, "projects_folder", str(folder))

    def examine():
        checks = []
        run_checks(ProjectFiles(folder, "test"), checks.append, seconds=1)
        return {check.subject: check for check in checks}

    return examine


@pytest.fixture
def put_squeue(tmp_path, monkeypatch):
    """Put a `squeue` on the path that does as told."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")

    def put(script):
        path = tmp_path / "bin" / "squeue"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    return put


@pytest.fixture
def private(controller, tmp_path, put_squeue):
    """The project's file as it should be, on a machine with a scheduler; return the file."""
    path = tmp_path / "projects" / "test.yaml"
    path.chmod(0o600)
    put_squeue("true")
    return path


def ok(subject, status="ok"):
    return Check(subject=subject, status=status, found="")


def skipped(found):
    return {subject: check.found for subject, check in found.items() if check.status == "skipped"}


def test_no_project_at_all(examined):
    found = examined()
    assert found["settings"].remedy == "cuprolith hpc init SCHEDULER --project test"
    assert set(skipped(found)) == {
        *("workers", "database", "queue", "runner", "round trip"),
    }


def test_a_file_that_others_may_read(examined, private):
    private.chmod(0o644)
    found = examined()
    assert found["files"].status == "missing"
    assert found["database"].status == "skipped"


def test_no_runner(examined, private):
    found = examined()
    assert found["settings"].status == "note"  # not written by `hpc init`
    assert [found[name].status for name in ("database", "queue", "connection of cpu")] == ["ok"] * 3
    assert found["runner"].remedy == "jf -p test runner start"
    assert skipped(found) == {"round trip": "needs the runner"}


def test_a_queue_that_is_not_prepared(examined, private, controller):
    controller.auxiliary.drop()
    found = examined()
    assert found["queue"].remedy == "cuprolith hpc prepare --project test"
    assert skipped(found) == {"runner": "needs the queue", "round trip": "needs the queue"}


def test_a_queue_without_its_counter(examined, private, controller):
    controller.auxiliary.delete_one({"next_id": {"$exists": True}})
    assert "or empty the queue: jf -p test runner stop --wait; jf -p" in examined()["queue"].remedy


def test_a_queue_without_indexes(examined, private, controller):
    controller.jobs.drop_indexes()
    found = examined()["queue"]
    assert found.found == "no indexes on jobs"
    assert found.remedy == "jf -p test admin index rebuild"


def test_no_database_but_the_workers_are_looked_at(examined, private):
    document = yaml.safe_load(private.read_text())
    store = document["queue"]["store"]
    store |= {"port": 1, "mongoclient_kwargs": {"serverSelectionTimeoutMS": 300}}
    private.write_text(yaml.safe_dump(document))
    found = examined()
    assert "does not answer" in found["database"].found
    assert skipped(found) == dict.fromkeys(("queue", "runner", "round trip"), "needs the database")
    assert found["connection of cpu"].status == "ok"


def test_a_database_that_refuses_is_told(examined, private, monkeypatch):
    def refuse(*_, **__):
        raise OperationFailure("not authorized on licu")

    monkeypatch.setattr(doctor, "runner_status", lambda _: RunnerStatus(runs=True))
    monkeypatch.setattr(doctor, "round_trip", refuse)  # only the jobs write
    found = examined()
    assert found["database"].status == "ok"
    assert "not authorized on licu" in found["round trip"].found
    assert found["round trip"].status == "missing"
    monkeypatch.setattr(doctor, "runner_status", refuse)
    assert "not authorized on licu" in examined()["database"].found


@pytest.mark.parametrize(
    ("squeue", "words"),
    [
        ("echo 'error: Unable to contact slurm controller' >&2; exit 1", "Unable to contact"),
        ("exec no-such-program", "not found"),
    ],
)
def test_a_scheduler_that_does_not_answer(examined, private, put_squeue, squeue, words):
    put_squeue(squeue)
    found = examined()["connection of cpu"]
    assert found.status == "missing"
    assert words in found.found


def test_a_folder_that_cannot_be_made(examined, private, tmp_path):
    (tmp_path / "work").write_text("")
    found = examined()["connection of cpu"]
    assert found.status == "missing"
    assert str(tmp_path / "work") in found.found


def test_a_machine_that_does_not_answer(examined, private, monkeypatch):
    from jobflow_remote.remote.host import LocalHost

    def refuse(_):
        raise ConnectionRefusedError("port 22")

    monkeypatch.setattr(LocalHost, "connect", refuse)
    assert examined()["connection of cpu"].found == "ConnectionRefusedError: port 22"


def test_workers_of_what_failed_get_no_job(examined, private, monkeypatch):
    sent = []
    monkeypatch.setattr(doctor, "runner_status", lambda _: RunnerStatus(runs=True))
    monkeypatch.setattr(
        doctor, "round_trip", lambda controller, workers, report, **_: sent.extend(workers)
    )
    examined()
    assert sorted(sent) == ["cpu", "dft-large", "dft-small"]
    document = yaml.safe_load(private.read_text())
    document["workers"]["cpu"]["work_dir"] = "/proc/nothing"
    private.write_text(yaml.safe_dump(document))
    sent.clear()
    assert skipped(examined()) == {"job on cpu": "needs its worker"}
    assert sorted(sent) == ["dft-large", "dft-small"]


def test_a_runner_that_cannot_be_seen_is_no_hindrance(examined, private, monkeypatch):
    monkeypatch.setattr(doctor, "runner_status", lambda _: RunnerStatus(host="login02", runs=None))
    reached = []
    monkeypatch.setattr(doctor, "round_trip", lambda *_, **__: reached.append(True))
    assert examined()["runner"].found.startswith("on login02")
    assert reached


def test_nothing_stays_in_the_folder_of_jobs(examined, private, tmp_path):
    examined()
    assert list(Path(tmp_path, "work").iterdir()) == []
