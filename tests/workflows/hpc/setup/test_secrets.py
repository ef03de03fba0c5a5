import logging
import os
import sys
import types

import pytest
import yaml

from cuprolith.errors import CuprolithError
from workflows.hpc.setup import secrets
from workflows.hpc.setup.project import ProjectFiles, mongodb_password, project_text, write_project
from workflows.hpc.setup.secrets import (
    password_place,
    read_password,
    require_private,
    write_private,
)
from workflows.hpc.setup.settings_file import checked_settings, settings_text
from workflows.hpc.setup.workers import worker_documents

PASSWORD = "hunter2: {x} #'\"\\ é"


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "password"
    path.write_text(f"{PASSWORD}\n")
    path.chmod(0o600)
    return path


def test_from_a_private_file(file):
    assert read_password(f"file:{file}", "lena").get_secret_value() == PASSWORD


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o644, 0o666, 0o777, 0o610])
def test_a_file_that_others_can_read_or_change_is_refused(file, mode):
    file.chmod(mode)
    with pytest.raises(CuprolithError, match="others may") as caught:
        read_password(f"file:{file}", "lena")
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
    with pytest.raises(CuprolithError, match=r"holds no text|line break"):
        read_password(f"file:{file}", "lena")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(CuprolithError, match="No such file") as caught:
        read_password(f"file:{tmp_path / 'none'}", "lena")
    assert caught.value.key == "mongodb.password_from"


def test_from_the_environment(monkeypatch):
    monkeypatch.setenv("MY_PW", PASSWORD)
    assert read_password("env:MY_PW", "lena").get_secret_value() == PASSWORD
    monkeypatch.delenv("MY_PW")
    with pytest.raises(CuprolithError, match="MY_PW is not set"):
        read_password("env:MY_PW", "lena")


def keyring_module(found, error=None):
    module = types.ModuleType("keyring")
    module.errors = types.SimpleNamespace(KeyringError=type("KeyringError", (Exception,), {}))

    def get_password(service, user):
        if error:
            raise module.errors.KeyringError(error)
        return found.get((service, user))

    module.get_password = get_password
    return module


def test_from_a_keyring(monkeypatch):
    module = keyring_module({("cuprolith", "lena"): PASSWORD})
    monkeypatch.setitem(sys.modules, "keyring", module)
    assert read_password("keyring:cuprolith", "lena").get_secret_value() == PASSWORD
    with pytest.raises(CuprolithError, match="the keyring has none"):
        read_password("keyring:other", "lena")


def test_a_keyring_that_does_not_answer(monkeypatch):
    monkeypatch.setitem(sys.modules, "keyring", keyring_module({}, error="locked"))
    with pytest.raises(CuprolithError, match="does not answer"):
        read_password("keyring:cuprolith", "lena")
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(CuprolithError, match="no Python package keyring"):
        read_password("keyring:cuprolith", "lena")


@pytest.mark.parametrize(
    "text", ["hunter2", "env:", "env:1A", "file:rel", "keyring:a b", "file:/\n"]
)
def test_a_password_instead_of_its_place_is_refused_and_not_shown(text):
    with pytest.raises(ValueError, match="not the password") as caught:
        password_place(text)
    assert "hunter2" not in str(caught.value)


def settings(**mongodb):
    return {
        "project": "licu",
        "scheduler": "slurm",
        "work_dir": "/scratch",
        "environment": {"venv": "/venv"},
        "classes": {
            name: {"walltime": "01:00:00"} for name in ("dft-small", "dft-large", "gpu", "cpu")
        },
        "mongodb": {"user": "lena", "password_from": "env:MY_PW", **mongodb},
    }


@pytest.mark.parametrize("mongodb", [{"password_from": "hunter2"}, {"password": "hunter2"}])
def test_settings_with_a_password_are_refused_without_showing_it(mongodb, tmp_path):
    with pytest.raises(CuprolithError) as caught:
        checked_settings(settings(**mongodb), tmp_path / "hpc.yaml")
    assert "hunter2" not in f"{caught.value} {caught.value!r}"
    assert caught.value.__suppress_context__


def test_the_password_is_in_the_project_alone(tmp_path, monkeypatch, caplog):
    pytest.importorskip("jobflow_remote")
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("MY_PW", PASSWORD)
    given = checked_settings(settings(), tmp_path)
    password = mongodb_password(given.mongodb)
    files = ProjectFiles(tmp_path / "projects", "licu")
    old = os.umask(0)
    try:
        write_project(given, files, password, force=False)
    finally:
        os.umask(old)
    holders = [
        path for path in tmp_path.rglob("*") if path.is_file() and b"hunter2" in path.read_bytes()
    ]
    assert holders == [files.project]
    assert {path.stat().st_mode & 0o777 for path in (files.project, files.settings)} == {0o600}
    assert files.base.stat().st_mode & 0o077 == 0
    written = yaml.safe_load(files.project.read_text())
    stores = [
        written["queue"]["store"],
        written["jobstore"]["docs_store"],
        written["jobstore"]["additional_stores"]["data"],
    ]
    assert [store["password"] for store in stores] == [PASSWORD] * 3
    shown = f"{given!r} {password!r} {settings_text(given)} {caplog.text}"
    assert "hunter2" not in shown


def test_jobflow_remotes_refusal_does_not_show_it(tmp_path, monkeypatch):
    pytest.importorskip("jobflow_remote")
    from workflows.hpc.setup import project

    monkeypatch.setattr(project, "worker_documents", lambda _: {"gpu": {"type": "local"}})
    monkeypatch.setenv("MY_PW", PASSWORD)
    given = checked_settings(settings(), tmp_path)
    with pytest.raises(CuprolithError, match=r"workers\.gpu") as caught:
        project_text(given, ProjectFiles(tmp_path, "licu"), mongodb_password(given.mongodb))
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
    assert "unset MY_PW" in worker["pre_run"].splitlines()
