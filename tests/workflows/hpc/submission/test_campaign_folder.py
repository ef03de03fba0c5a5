from pathlib import PurePosixPath

import pytest

from cuprolith.errors import CuprolithError
from workflows.hpc.submission.campaign_folder import CampaignFolder, worker_host


def write(path, text="text"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.mark.parametrize("name", ["plain.json", "crystals/quote\"d\\back it's {basename}*?[a]"])
def test_a_file_there_and_back(folder, there, tmp_path, name):
    here = write(tmp_path / "here" / name, "Å\n")
    assert not folder.exists(name)
    assert folder.read(name) is None
    folder.put(here, name)
    folder.put(here, name)
    assert folder.exists(name)
    assert (there / name).read_text() == "Å\n"
    assert folder.read(name) == "Å\n".encode()
    assert [path.name for path in (there / name).parent.iterdir()] == [(there / name).name]


def test_names_in_a_folder(folder, there):
    assert folder.names("crystals") == []
    write(there / "crystals" / "Cu-12")
    assert folder.names("crystals") == ["crystals/Cu-12"]


def test_a_command_that_fails(folder, there, tmp_path):
    here = write(tmp_path / "here")
    write(there / "a file")
    with pytest.raises(CuprolithError, match="a file"):
        folder.put(here, "a file/below it")


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
