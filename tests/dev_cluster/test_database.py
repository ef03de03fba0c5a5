import socket
import sys

import pytest

from cuprolith.errors import CuprolithError
from tests.dev_cluster import database
from tests.dev_cluster.database import answers, database_server
from tests.dev_cluster.ports import free_port, port_is_free


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """Only the programs that a test puts into this folder are installed."""
    monkeypatch.setattr(database, "scripts_folder", lambda: str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))

    def install(name):
        (tmp_path / name).touch(mode=0o755)

    return install


def test_a_real_mongod_is_preferred(programs, tmp_path):
    programs("secantusd-py")
    assert database_server().name == "secantusd-py"
    programs("mongod")
    assert database_server().name == "mongod"


def test_the_server_whose_data_is_there_stays(programs, tmp_path):
    programs("secantusd-py")
    programs("mongod")
    assert database_server("secantusd-py").name == "secantusd-py"


def test_what_to_install_is_said(programs):
    with pytest.raises(CuprolithError, match="pip install secantusdb"):
        database_server()
    programs("secantusd-py")
    with pytest.raises(CuprolithError, match="--purge"):
        database_server("mongod")


@pytest.mark.parametrize(("name", "address"), [("mongod", "--bind_ip"), ("secantusd-py", "--host")])
def test_it_listens_on_the_loopback_address(programs, tmp_path, name, address):
    programs(name)
    command = database_server().command(27117, tmp_path / "data")
    assert command[command.index(address) + 1] == "127.0.0.1"
    assert command[command.index("--port") + 1] == "27117"
    assert str(tmp_path / "data") in command


def test_the_small_server_is_never_imported():
    """Its licence is not ours."""
    import tests.dev_cluster.cluster  # noqa: F401

    assert "secantus" not in sys.modules


def test_a_port_with_nothing_or_something_else_at_it_does_not_answer():
    port = free_port()
    assert port_is_free(port)
    assert not answers(port)
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", port))
        stranger.listen()
        assert not port_is_free(port)
        assert not answers(port)
