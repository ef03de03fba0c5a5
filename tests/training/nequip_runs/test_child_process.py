"""Children end with the block that started them, and their logs are told."""

import os
import sys

from training.nequip_runs.child_process import (
    child_process,
    end_of_log,
    exit_description,
    python_command,
    with_passive_threads,
)


def test_a_child_ends_with_the_block(tmp_path):
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    with (tmp_path / "log").open("wb") as log, child_process(command, tmp_path, {}, log) as process:
        assert process.poll() is None
    assert exit_description(process.returncode) == "was killed by SIGKILL"


def test_the_command_imports_ours_and_nothing_from_the_working_directory(tmp_path):
    (tmp_path / "training.py").write_text("raise SystemExit(7)")
    with (tmp_path / "log").open("wb") as log:
        command = [
            *python_command(
                "training.nequip_runs.child_process", "exit_description(int(sys.argv[1]))"
            ),
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
    assert with_passive_threads({"A": "1"}) == {"A": "1", "GOMP_SPINCOUNT": "3000"}
    assert with_passive_threads({"GOMP_SPINCOUNT": "7"})["GOMP_SPINCOUNT"] == "7"
    assert with_passive_threads({"OMP_WAIT_POLICY": "ACTIVE"}) == {"OMP_WAIT_POLICY": "ACTIVE"}
