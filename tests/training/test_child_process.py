"""Children end with their parent, and their logs are told."""

import os
import signal
import subprocess
import sys
import time

import psutil

from training.child_process import (
    child_process,
    end_of_log,
    how_it_ended,
    python_command,
    with_patient_threads,
)

PARENT = """
import sys, time
from pathlib import Path
from training.child_process import child_process
with open("log", "wb") as log, child_process([sys.executable, "-c", CHILD], Path("."), {}, log):
    time.sleep(60)
"""
CHILD = f"""
import sys, time
sys.path[:0] = {sys.path!r}
from training.child_process import end_with_parent_in_background
end_with_parent_in_background()
open("running", "w").close()
time.sleep(60)
"""


def wait_until(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_child_ends_when_its_parent_is_killed(tmp_path):
    parent = subprocess.Popen(
        [sys.executable, "-c", f"CHILD = {CHILD!r}\n{PARENT}"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    wait_until((tmp_path / "running").exists)
    (child,) = psutil.Process(parent.pid).children()
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    wait_until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)


def test_a_child_ends_with_the_block(tmp_path):
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    with (tmp_path / "log").open("wb") as log, child_process(command, tmp_path, {}, log) as process:
        assert process.poll() is None
    assert how_it_ended(process.returncode) == "was killed by SIGKILL"


def test_the_command_imports_ours_and_nothing_from_the_working_directory(tmp_path):
    (tmp_path / "training.py").write_text("raise SystemExit(7)")
    with (tmp_path / "log").open("wb") as log:
        command = [
            *python_command("training.child_process", "how_it_ended(int(sys.argv[1]))"),
            "3",
        ]
        with child_process(command, tmp_path, os.environ, log) as process:
            assert process.wait() == 0


def test_end_of_a_log(tmp_path):
    log = tmp_path / "log"
    log.write_text("".join(f"line {n}\n" for n in range(100_000)))
    assert end_of_log(log).splitlines()[0] == "    line 99985"
    start = log.stat().st_size - len("line 99999\n")
    assert end_of_log(log, start) == "    line 99999"


def test_waiting_threads_are_patient_unless_the_user_says_otherwise():
    assert with_patient_threads({"A": "1"}) == {"A": "1", "GOMP_SPINCOUNT": "3000"}
    assert with_patient_threads({"GOMP_SPINCOUNT": "7"})["GOMP_SPINCOUNT"] == "7"
    assert with_patient_threads({"OMP_WAIT_POLICY": "ACTIVE"}) == {"OMP_WAIT_POLICY": "ACTIVE"}
