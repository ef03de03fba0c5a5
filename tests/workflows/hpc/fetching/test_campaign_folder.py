import hashlib
import os
from pathlib import PurePosixPath

import pytest

from cuprolith.errors import CuprolithError
from workflows.hpc.fetching import campaign_folder as module
from workflows.hpc.fetching.campaign_folder import CampaignFolder, FolderFile, worker_host

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


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize("name", [NAMES[0], NAMES[4]])
def test_a_file_there_and_back(folder, there, tmp_path, name):
    here = write(tmp_path / "here" / name, "Å\n")
    assert not folder.exists(name)
    folder.put(here, name)
    assert folder.exists(name)
    assert (there / name).read_text() == "Å\n"
    assert folder.read_text(name) == "Å\n"
    back = tmp_path / "back" / name
    folder.get(name, back)
    assert back.read_text() == "Å\n"
    assert folder.listing(hashes=True) == [FolderFile(name, 3, sha256("Å\n"))]
    assert folder.hashes([name, "gone"]) == {name: sha256("Å\n")}


def test_making(folder, there):
    assert not folder.exists()
    assert folder.listing(hashes=True) == []
    assert folder.hashes(["gone"]) == {}
    folder.make()
    folder.make()
    assert there.is_dir()
    assert folder.listing() == []
    assert folder.hashes([]) == {}


def test_a_tree_is_put_where_it_differs(folder, there, tmp_path):
    here = tmp_path / "here"
    for name in NAMES:
        write(here / name, name)
    assert folder.put_tree(here) == sorted(folder_names(here))
    assert folder_names(there) == folder_names(here)
    assert folder.put_tree(here) == []
    write(here / "-rf", "other")
    (there / "plain.json").unlink()
    write(there / "of the cluster", "stays")
    assert folder.put_tree(here) == ["-rf", "plain.json"]
    assert (there / "-rf").read_text() == "other"
    assert (there / "of the cluster").read_text() == "stays"
    assert folder.put_tree(here / "--help", "below/it") == ["below/it/-n"]


def folder_names(folder):
    paths = sorted(folder.rglob("*"))
    return [path.relative_to(folder).as_posix() for path in paths if path.is_file()]


def test_a_listing_leaves_out_folders_and_does_not_follow_links(folder, there, tmp_path):
    write(there / "labels" / "runs [1]" / "OUTCAR")
    write(there / "labels" / "runs 1" / "POSCAR", "")
    write(there / "labels" / "labels.json", "{}")
    (there / "labels" / "out").symlink_to(tmp_path)
    (there / "labels" / "file").symlink_to(there / "labels" / "labels.json")
    found = folder.listing("labels", leave_out=["labels/runs [1]"], hashes=True)
    assert {file.path: file.problem for file in found} == {
        "labels/file": "is a link",
        "labels/labels.json": "",
        "labels/out": "is a link",
        "labels/runs 1/POSCAR": "",
    }
    assert [file.path for file in folder.listing("labels/labels.json")] == ["labels/labels.json"]
    assert folder.listing("nothing") == []


def test_names_that_cannot_be_trusted(folder, there):
    write(there / "new\nline")
    (file,) = folder.listing(hashes=True)
    assert (file.path, file.sha256) == ("new\nline", "")
    assert "control characters" in file.problem
    for name in ("../x", "/etc/passwd", "a/../../x", "new\nline"):
        for use in (folder.exists, folder.read_text, folder.listing):
            with pytest.raises(CuprolithError):
                use(name)


def test_a_file_that_is_not_there(folder, there, tmp_path):
    folder.make()
    with pytest.raises(FileNotFoundError):
        folder.get("gone", tmp_path / "back" / "gone")
    assert list((tmp_path / "back").iterdir()) == []
    with pytest.raises(FileNotFoundError):
        folder.read_text("gone")


def test_a_command_that_fails(folder, there, tmp_path):
    here = write(tmp_path / "here")
    write(there / "a file")
    with pytest.raises(CuprolithError, match="a file"):
        folder.put(here, "a file/below it")


def test_many_files_take_few_commands(folder, there, monkeypatch):
    files = {f"it's {'a' * 150}/{number:04d}": str(number) for number in range(600)}
    for name, text in files.items():
        write(there / name, text)
    commands = []
    execute = folder.host.execute
    monkeypatch.setattr(
        folder.host,
        "execute",
        lambda *given, **rest: (commands.append(1), execute(*given, **rest))[1],
    )
    found = folder.listing(hashes=True)
    assert {file.path: file.sha256 for file in found} == {
        name: sha256(text) for name, text in files.items()
    }
    assert len(commands) < 8


def test_the_folder_s_path_is_absolute(folder):
    for path in ("campaigns/a", "/a/../b", "/a\nb"):
        with pytest.raises(CuprolithError, match="full path"):
            CampaignFolder(folder.host, PurePosixPath(path))


def test_a_worker_that_is_not_there(host_project):
    with (
        pytest.raises(CuprolithError, match="no worker gpu; workers here: cpu"),
        worker_host(host_project, "gpu"),
    ):
        pass


def test_a_host_that_cannot_be_reached(host_project, monkeypatch):
    host = host_project.workers["cpu"].get_host()
    monkeypatch.setattr(type(host), "connect", lambda _: (_ for _ in ()).throw(OSError("no route")))
    with (
        pytest.raises(CuprolithError, match="worker cpu: no connection: no route"),
        worker_host(host_project, "cpu"),
    ):
        pass


def test_a_connection_that_breaks_off(host_project):
    with (
        pytest.raises(CuprolithError, match="broke off: EOFError"),
        worker_host(host_project, "cpu"),
    ):
        raise EOFError


def test_unreadable_files_are_told(folder, there):
    if os.geteuid() == 0:
        pytest.skip("root reads everything")
    write(there / "closed").chmod(0)
    with pytest.raises(CuprolithError, match="denied"):
        folder.listing(hashes=True)


def test_text_of_the_login_shell_is_no_listing():
    with pytest.raises(CuprolithError, match="no list of files"):
        module._listed("Welcome to the cluster\nf 3 ./a")
