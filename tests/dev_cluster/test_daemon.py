import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cuprolith.errors import CuprolithError
from tests.dev_cluster.daemon import Daemon, accepts_connections

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="SLURM runs on Linux")


@pytest.fixture
def daemon(tmp_path):
    folder = tmp_path / "a folder; with 'quotes' $HOME"
    folder.mkdir()
    daemon = Daemon("sleeper", folder / "sleeper.stat", folder / "sleeper.log")
    yield daemon
    daemon.stop(1)


def start(daemon, *command):
    daemon.start(command or ("sleep", "100"), os.environ, daemon.log.parent)


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] not in "ZX"
    except FileNotFoundError:
        return False


def test_started_and_stopped(daemon):
    assert daemon.pid is None
    start(daemon)
    pid = daemon.pid
    assert is_running(pid)
    assert daemon.stop(5)
    assert not is_running(pid)
    assert daemon.pid is None
    assert not daemon.stop(5)


def test_another_object_finds_the_process(daemon):
    start(daemon)
    assert Daemon(daemon.name, daemon.record, daemon.log).pid == daemon.pid


def test_a_killed_one_is_known_as_dead_although_its_record_stays(daemon):
    start(daemon)
    daemon.kill()
    assert daemon.record.exists()
    assert daemon.pid is None
    assert not daemon.stop(1)


def test_one_that_does_not_heed_sigterm_is_killed(daemon):
    start(daemon, "sh", "-c", "trap '' TERM; echo deaf; while :; do sleep 0.1; done")
    daemon.wait_until(lambda: "deaf" in daemon.log.read_text(), 5)
    pid = daemon.pid
    assert daemon.stop(0.2)
    assert not is_running(pid)


@pytest.mark.parametrize(("line", "field"), [(0, 0), (1, 21)])
def test_a_process_that_got_the_id_later_is_another_one(daemon, line, field):
    """As after a restart of the machine, or when ids have gone round."""
    start(daemon)
    pid = daemon.pid
    lines = [text.split(" ") for text in daemon.record.read_text().splitlines()]
    assert line == 0 or lines[1][field].isdigit()
    lines[line][field] = "1" + lines[line][field]
    daemon.record.write_text("\n".join(" ".join(words) for words in lines))
    assert daemon.pid is None
    assert not daemon.stop(1)
    assert is_running(pid)
    os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("record", ["", "boot\n", "boot\nnonsense\n", "boot\n1 (init) S 0\n"])
def test_a_broken_record_is_no_process(daemon, record):
    daemon.record.write_text(record)
    assert daemon.pid is None
    assert not daemon.stop(1)


def test_it_outlives_its_starter_and_is_never_without_a_record(daemon):
    program = (
        "import os, sys; from pathlib import Path\n"
        "from tests.dev_cluster.daemon import Daemon\n"
        "Daemon('sleeper', Path(sys.argv[1]), Path(sys.argv[2]))"
        ".start(['sleep', '100'], os.environ, Path('/'))\n"
        "os.kill(os.getpid(), 9)"
    )
    arguments = [str(daemon.record), str(daemon.log)]
    subprocess.run([sys.executable, "-c", program, *arguments], check=False)
    assert is_running(daemon.pid)


def test_one_that_ends_at_once_says_so_with_its_log(daemon):
    start(daemon, "sh", "-c", "echo port is taken >&2; exit 3")
    with pytest.raises(CuprolithError, match=r"sleeper ended at once(.|\n)*port is taken"):
        daemon.wait_until(lambda: False, 5)


def test_a_program_that_is_not_there(daemon):
    start(daemon, "/no/such/program")
    with pytest.raises(CuprolithError, match="no/such/program"):
        daemon.wait_until(lambda: False, 5)


def test_waiting_ends_in_time(daemon):
    start(daemon)
    begun = time.monotonic()
    with pytest.raises(CuprolithError, match="does not answer"):
        daemon.wait_until(lambda: False, 0.2)
    assert time.monotonic() - begun < 3


def test_a_socket_whose_process_is_gone_takes_no_connections(tmp_path):
    path = tmp_path / "socket"
    assert not accepts_connections(path)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        assert accepts_connections(path)
    assert path.exists()
    assert not accepts_connections(path)
