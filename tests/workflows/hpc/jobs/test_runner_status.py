import socket
import subprocess
import sys
from datetime import timedelta

import pytest

from tests.workflows.hpc.submitted import NOW
from workflows.hpc.jobs.runner_status import runner_status


def start_runner(controller, host, folder):
    """Write what jobflow-remote's daemon writes when it starts."""
    told = {
        "hostname": host,
        "daemon_dir": str(folder),
        "start_time": NOW,
        "last_pinged": NOW + timedelta(hours=1),
    }
    key = {"running_runner": {"$exists": True}}
    controller.auxiliary.update_one(key, {"$set": {"running_runner": told}})


@pytest.fixture
def supervisor(tmp_path):
    program = "import time; time.sleep(60)"
    configuration = str(tmp_path / "supervisord.conf")
    process = subprocess.Popen([sys.executable, "-c", program, "-c", configuration])
    (tmp_path / "supervisord.pid").write_text(f"{process.pid}\n")
    yield process
    process.kill()
    process.wait()


def test_no_runner(controller):
    sign = runner_status(controller)
    assert (sign.runs, sign.host, sign.last_sign) == (False, None, None)


def test_one_that_is_no_daemon(controller):
    controller.ping_running_runner()
    sign = runner_status(controller)
    assert sign.runs is None
    assert sign.last_sign is not None


def test_one_that_runs_here_and_is_killed(controller, supervisor, tmp_path):
    start_runner(controller, socket.gethostname(), tmp_path)
    sign = runner_status(controller)
    assert (sign.runs, sign.last_sign) == (True, NOW + timedelta(hours=1))
    supervisor.kill()
    supervisor.wait()
    assert runner_status(controller).runs is False


def test_a_process_that_took_its_number(controller, tmp_path):
    with subprocess.Popen(["sleep", "60"]) as other:
        (tmp_path / "supervisord.pid").write_text(str(other.pid))
        start_runner(controller, socket.gethostname(), tmp_path)
        assert runner_status(controller).runs is False
        other.kill()


def test_one_on_another_machine(controller):
    start_runner(controller, "login02.elsewhere", "/home/lena/runner")
    sign = runner_status(controller)
    assert (sign.runs, sign.host) == (None, "login02.elsewhere")
