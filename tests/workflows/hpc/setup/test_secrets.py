import logging
import os

import pytest
import yaml

from cuprolith.errors import CuprolithError
from workflows.hpc.setup import project, secrets
from workflows.hpc.setup.project import ProjectFiles, write_project
from workflows.hpc.setup.secrets import mongodb_password, require_private, write_private
from workflows.hpc.setup.settings import MongoSettings
from workflows.hpc.setup.settings_file import checked_settings
from workflows.hpc.setup.workers import worker_documents

PASSWORD = "hunter2: {x} #'\"\\ é"
VARIABLE = "CUPROLITH_MONGO_PASSWORD"


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "password"
    path.write_text(f"{PASSWORD}\n")
    path.chmod(0o600)
    return path


def password_in(file):
    return mongodb_password(MongoSettings(user="lena", password_file=str(file)))


def test_from_a_private_file(file):
    assert password_in(file).get_secret_value() == PASSWORD


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o644, 0o666, 0o777, 0o610])
def test_a_file_that_others_can_read_or_change_is_refused(file, mode):
    file.chmod(mode)
    with pytest.raises(CuprolithError, match="others may") as caught:
        password_in(file)
    assert caught.value.remedy == f"chmod 600 {file}"
    assert "hunter2" not in str(caught.value)


def test_another_users_file_is_refused(file, monkeypatch):
    monkeypatch.setattr(secrets.os, "geteuid", lambda: 12345)
    os.chown(file, 23456, -1) if os.getuid() == 0 else pytest.skip("needs root")
    with pytest.raises(CuprolithError, match="another user's"):
        require_private(file)


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe", b"a\nb\n", b"a\x00b"])
def test_a_file_without_one_line_of_text_is_refused(file, content):
    file.write_bytes(content)
    with pytest.raises(CuprolithError, match="no password of the database"):
        password_in(file)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(CuprolithError, match="No such file") as caught:
        password_in(tmp_path / "none")
    assert caught.value.key == "mongodb.password_file"


def test_from_the_environment(monkeypatch):
    monkeypatch.setenv(VARIABLE, PASSWORD)
    assert mongodb_password(MongoSettings(user="lena")).get_secret_value() == PASSWORD
    assert mongodb_password(MongoSettings()) is None
    monkeypatch.delenv(VARIABLE)
    with pytest.raises(CuprolithError, match=f"{VARIABLE}: .*no password"):
        mongodb_password(MongoSettings(user="lena"))


def settings(**mongodb):
    return {
        "project": "licu",
        "scheduler": "slurm",
        "work_dir": "/scratch",
        "environment": {"venv": "/venv"},
        "classes": {
            name: {"walltime": "01:00:00"} for name in ("dft-small", "dft-large", "gpu", "cpu")
        },
        "mongodb": {"user": "lena", **mongodb},
    }


@pytest.mark.parametrize("mongodb", [{"password_file": "hunter2"}, {"password": "hunter2"}])
def test_settings_with_a_password_are_refused(mongodb, tmp_path):
    with pytest.raises(CuprolithError) as caught:
        checked_settings(settings(**mongodb), tmp_path / "hpc.yaml")
    assert "hunter2" not in f"{caught.value} {caught.value!r}"
    assert caught.value.__suppress_context__


def test_the_password_is_in_the_project_alone(tmp_path, monkeypatch, caplog):
    pytest.importorskip("jobflow_remote")
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv(VARIABLE, PASSWORD)
    given = checked_settings(settings(), tmp_path)
    password = mongodb_password(given.mongodb)
    files = ProjectFiles(tmp_path / "projects", "licu")
    old = os.umask(0)
    try:
        write_project(given, files, password)
    finally:
        os.umask(old)
    holders = [
        path for path in tmp_path.rglob("*") if path.is_file() and b"hunter2" in path.read_bytes()
    ]
    assert holders == [files.project]
    assert files.project.stat().st_mode & 0o777 == 0o600
    written = yaml.safe_load(files.project.read_text())
    stores = [
        written["queue"]["store"],
        written["jobstore"]["docs_store"],
        written["jobstore"]["additional_stores"]["data"],
    ]
    assert [store["password"] for store in stores] == [PASSWORD] * 3
    assert "hunter2" not in f"{given!r} {password!r} {caplog.text}"


def test_jobflow_remotes_refusal_does_not_show_it(tmp_path, monkeypatch):
    pytest.importorskip("jobflow_remote")
    monkeypatch.setattr(project, "worker_documents", lambda _: {"gpu": {"type": "local"}})
    monkeypatch.setenv(VARIABLE, PASSWORD)
    given = checked_settings(settings(), tmp_path)
    with pytest.raises(CuprolithError, match=r"workers\.gpu") as caught:
        write_project(given, ProjectFiles(tmp_path, "licu"), mongodb_password(given.mongodb))
    assert "hunter2" not in str(caught.value)


def test_a_private_file_is_replaced_at_once(tmp_path):
    path = tmp_path / "a"
    path.write_text("old")
    path.chmod(0o644)
    with pytest.raises(UnicodeEncodeError):
        write_private(path, "\ud800")
    assert [*tmp_path.iterdir()] == [path]
    assert path.read_text() == "old"
    write_private(path, "new")
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("new", 0o600)


def test_jobs_do_not_inherit_the_variable_with_the_password(tmp_path):
    """`sbatch` would hand it on."""
    worker = worker_documents(checked_settings(settings(), tmp_path))["cpu"]
    assert f"unset {VARIABLE}" in worker["pre_run"].splitlines()
