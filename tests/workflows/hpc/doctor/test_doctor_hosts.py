import getpass
import os

import pytest

from workflows.hpc.doctor.hosts import (
    check_connection,
    check_scheduler,
    check_work_dir,
    stations,
)

jobflow_remote = pytest.importorskip("jobflow_remote")


def worker(kind="local", **values):
    from jobflow_remote.config.base import LocalWorker, RemoteWorker

    model = LocalWorker if kind == "local" else RemoteWorker
    given = {"type": kind, "scheduler_type": "slurm", "work_dir": "/scratch/work", **values}
    return model.model_validate(given)


class Workers:
    def __init__(self, **workers):
        self.workers = workers


@pytest.fixture
def here():
    (station,) = stations(Workers(cpu=worker()))
    return station


@pytest.fixture
def put_squeue(tmp_path, monkeypatch):
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")

    def put(script):
        path = tmp_path / "bin" / "squeue"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    return put


def test_each_machine_once():
    login = {"kind": "remote", "host": "login01", "user": "lena"}
    first, second, third = stations(
        Workers(
            a=worker(),
            b=worker(**login),
            c=worker(work_dir="/scratch/other"),
            d=worker(**login),
            e=worker(**{**login, "host": "login02", "user": None}),
        )
    )
    assert (first.name, list(first.workers)) == ("this machine", ["a", "c"])
    assert first.work_dirs == ["/scratch/other", "/scratch/work"]
    assert len(first.schedulers) == 1
    assert (second.name, list(second.workers)) == ("lena@login01", ["b", "d"])
    assert third.name == "login02"


def test_this_machine_answers(here):
    assert check_connection(here).status == "ok"


@pytest.mark.parametrize("problem", ["output", "raises"])
def test_a_machine_that_does_not_answer(here, monkeypatch, problem):
    def connect():
        if problem == "raises":
            raise ConnectionRefusedError("port 22")

    monkeypatch.setattr(here.host, "connect", connect)
    monkeypatch.setattr(here.host, "test", lambda: "Error:\nTraceback\nOSError: no route")
    check = check_connection(here)
    assert check.status == "missing"
    reason = "OSError: no route" if problem == "output" else "ConnectionRefusedError: port 22"
    assert check.found == f"does not answer: {reason}"


def test_a_folder_is_made_and_nothing_stays_in_it(here, tmp_path):
    folder = tmp_path / "new" / "work"
    check = check_work_dir(here, str(folder))
    assert check.status == "ok"
    assert "GiB free" in check.found
    assert list(folder.iterdir()) == []


def test_a_folder_that_cannot_be_made(here, tmp_path):
    (tmp_path / "file").write_text("")
    check = check_work_dir(here, str(tmp_path / "file" / "work"))
    assert check.status == "missing"
    assert "Not a directory" in check.found
    assert "`work_dir`" in check.remedy


def test_a_full_disk(here, tmp_path, monkeypatch):
    def full(path, _):
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(here.host, "write_text_file", full)
    check = check_work_dir(here, str(tmp_path))
    assert check.found == "cannot be written: No space left on device"


def test_the_scheduler_answers(here, put_squeue):
    put_squeue('for i in 1 2; do echo "$i<><>PD"\'' + "<><>" * 9 + "'; done")
    check = check_scheduler(here, here.workers["cpu"])
    if check.status != "ok":  # the number of fields is qtoolkit's
        pytest.fail(check.found)
    assert check.found == f"`squeue` answers; {getpass.getuser()} has 2 jobs there"


def test_the_command_that_failed_is_named(here, put_squeue):
    put_squeue("echo 'slurm_load_jobs error: Unable to contact slurm controller' >&2; exit 1")
    check = check_scheduler(here, here.workers["cpu"])
    assert check.status == "missing"
    assert check.found.startswith("`squeue` failed: ")
    assert "Unable to contact slurm controller" in check.found


def test_no_scheduler_at_all(here, put_squeue):
    put_squeue("exec no-such-program")
    assert "not found" in check_scheduler(here, here.workers["cpu"]).found
