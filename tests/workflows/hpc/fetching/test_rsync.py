import os
import shutil
from pathlib import PurePosixPath

import pytest

from cuprolith.errors import CuprolithError
from workflows.hpc.fetching.rsync import RemoteFolder, names_file, remote_folder

# Each would be an option, a pattern, a command or an interpolation where it was not quoted.
NAMES = [
    "plain.json",
    "-rf",
    "--help/-n",
    "two words/it's $(touch x); `y`",
    'quote"d\\back/{basename}*?[a]',
    "Ångström/μ.json",
    "~/tilde",
]


def write(path, text="text"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def copied(remote, names, here):
    here.mkdir(exist_ok=True)
    amounts = []
    remote.copy(names, here, amounts.append)
    return sum(amounts)


def names_in(folder):
    paths = sorted(folder.rglob("*"))
    return [path.relative_to(folder).as_posix() for path in paths if path.is_file()]


def stand_in(tmp_path, script, path="/scratch/a"):
    """A folder on a host that `ssh` is said to reach, and is a script of ours instead."""
    if shutil.which("rsync") is None:
        pytest.skip("no rsync here")
    ssh = write(tmp_path / "ssh", f"#!/bin/sh\n{script}\n")
    ssh.chmod(0o755)
    return RemoteFolder(PurePosixPath(path), "cluster", (str(ssh),))


def test_names_are_names(remote, there, tmp_path):
    require_names(remote, there, tmp_path)


def test_names_are_names_for_a_shell_behind_ssh(there, tmp_path):
    """`ssh` joins the words of a command, and a shell there reads them."""
    require_names(stand_in(tmp_path, 'shift; exec sh -c "$*"', there), there, tmp_path)


def require_names(remote, there, tmp_path):
    for name in NAMES:
        write(there / name, name)
    here = tmp_path / "here"
    assert copied(remote, NAMES, here) == sum(map(len, map(str.encode, NAMES)))
    assert names_in(here) == sorted(names_in(there))
    listing = remote.compare(here, [])
    assert sorted(file.path for file in listing.files) == sorted(NAMES)
    assert not any(file.differs for file in listing.files)
    write(here / "-rf", "other")
    with names_file(["-rf", "gone"]) as choice:
        (file,) = remote.compare(here, choice).files
    assert (file.path, file.size, file.differs) == ("-rf", 3, True)


@pytest.mark.parametrize("host_project", ["local"], indirect=True)
class TestLocally:
    def test_content_decides_and_not_dates(self, remote, there, tmp_path):
        write(there / "same", "a")
        write(there / "other", "b")
        here = tmp_path / "here"
        write(here / "same", "a")
        write(here / "other", "c")
        os.utime(here / "same", (1, 1))
        moment = (there / "other").stat().st_mtime
        os.utime(here / "other", (moment, moment))
        differs = {file.path: file.differs for file in remote.compare(here, []).files}
        assert differs == {"same": False, "other": True}

    def test_links_and_control_characters_are_problems(self, remote, there, tmp_path):
        write(there / "new\nline")
        (there / "link").symlink_to(tmp_path)
        listing = remote.compare(tmp_path, [])
        assert listing.files == []
        assert listing.problems == {
            "link": "is a link or a special file",
            r"new\#012line": "has control characters in its name",
        }

    def test_a_copy_that_was_cut_off_is_resumed(self, remote, there, tmp_path):
        write(there / "big", "x" * 100_000)
        here = tmp_path / "here"
        write(here / "big", "x" * 60_000)
        copied(remote, ["big"], here)
        assert (here / "big").read_text() == "x" * 100_000

    def test_a_file_that_has_gone_is_no_error(self, remote, there, tmp_path):
        write(there / "here")
        copied(remote, ["here", "gone"], tmp_path / "target")
        assert names_in(tmp_path / "target") == ["here"]

    def test_a_folder_that_is_not_there(self, remote, tmp_path):
        with pytest.raises(CuprolithError, match="not on the cluster"):
            remote.compare(tmp_path, [])

    def test_unreadable_files_are_told(self, remote, there, tmp_path):
        if os.geteuid() == 0:
            pytest.skip("root reads everything")
        write(there / "closed").chmod(0)
        with pytest.raises(CuprolithError, match="denied"):
            copied(remote, ["closed"], tmp_path / "target")

    def test_no_rsync_here(self, remote, tmp_path, monkeypatch):
        monkeypatch.setenv("PATH", "/nowhere")
        with pytest.raises(CuprolithError, match="not installed on this machine"):
            remote.compare(tmp_path, [])


@pytest.mark.parametrize(
    ("script", "message", "remedy"),
    [
        (
            "echo 'bash: rsync: command not found' >&2; exit 127",
            "not installed on the clus",
            "PATH",
        ),
        ("echo 'Permission denied (publickey)' >&2; exit 255", "Permission denied", "try `"),
        ("exit 255", "broke off", "run the same command again to resume"),
        ("echo Welcome to the cluster; cat > /dev/null", "", "prints text at login"),
    ],
)
def test_what_the_host_answers(tmp_path, script, message, remedy):
    with pytest.raises(CuprolithError, match=message) as raised:
        stand_in(tmp_path, script).compare(tmp_path, [])
    assert remedy in raised.value.remedy
    assert raised.value.where == "cluster:/scratch/a"


@pytest.mark.parametrize("host_project", ["local"], indirect=True)
def test_the_project_s_ssh_options(host_project):
    from jobflow_remote.config.base import Project

    data = host_project.model_dump()
    ssh = {"host": "login.example.org", "user": "lena", "port": 2222}
    keys = {"key_filename": ["/a key", "/b"]}
    gateway = {"gateway": {"host": "jump", "user": "me", "port": 9}}
    data["workers"]["cpu"] |= {"type": "remote", **ssh, **keys, **gateway}
    found = remote_folder(Project.model_validate(data), "cpu", PurePosixPath("/a"))
    assert found.host == "login.example.org"
    words = " ".join(found.shell)
    assert "-i /a key -i /b" in words
    assert "-p 2222 -l lena -J me@jump:9" in words
