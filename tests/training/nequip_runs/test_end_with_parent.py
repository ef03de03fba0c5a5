"""Processes end with a killed parent: stuck in C, still starting, or where the kernel helps not."""

import os
import subprocess
import sys
import time

import psutil
import pytest

from training.nequip_runs.child_process import child_process

# The parent of the tests starts a process in one of the two ways and waits.
PARENT = """
import ctypes, os, sys, time
from pathlib import Path
from training.nequip_runs.child_process import child_process
from training.nequip_runs.end_with_parent import GuardedContext

def note():
    Path(str(os.getpid())).touch()

def stuck():
    note()
    ctypes.PyDLL(None).sleep(60)  # no other thread of this process runs meanwhile

class StuckWhileItStarts:
    def __reduce__(self):
        return stuck, ()

if __name__ == "__main__":
    context = GuardedContext()
    if sys.argv[1] == "command":
        with open("log", "wb") as log, child_process(eval(sys.argv[2]), Path("."), os.environ, log):
            time.sleep(60)
    else:
        process = context.Process(target=StuckWhileItStarts() if sys.argv[1] == "starts" else stuck)
        process.start()
        time.sleep(60)
"""
CHILD = """
import os, sys, time
from pathlib import Path
from training.nequip_runs import child_process
from training.nequip_runs import end_with_parent
{before}
child_process.end_with_command()
Path(str(os.getpid())).touch()
{after}
"""
ELSEWHERE = "end_with_parent._kernel_kills_with_parent = lambda: False"
STUCK = "import ctypes; ctypes.PyDLL(None).sleep(60)"


def wait_until(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("way", "before", "after"),
    [
        ("command", "", STUCK),
        ("behind a launcher", "", "time.sleep(60)"),
        ("command", ELSEWHERE, "time.sleep(60)"),
        ("starts", "", ""),
        ("runs", "", ""),
    ],
)
def test_a_process_ends_with_its_killed_parent(way, before, after, tmp_path):
    command = [sys.executable, "-c", CHILD.format(before=before, after=after)]
    if way == "behind a launcher":
        command = [sys.executable, "-c", f"import subprocess; subprocess.run({command!r})"]
    (tmp_path / "parent.py").write_text(PARENT)
    arguments = ["command" if way == "behind a launcher" else way, repr(command)]
    parent = subprocess.Popen(
        [sys.executable, "parent.py", *arguments],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    try:
        wait_until(lambda: any(path.name.isdecimal() for path in tmp_path.iterdir()))
        children = psutil.Process(parent.pid).children(recursive=True)
    finally:
        parent.kill()
        parent.wait()
    (pid,) = (int(path.name) for path in tmp_path.iterdir() if path.name.isdecimal())
    noted = [child for child in children if child.pid == pid]
    assert psutil.wait_procs(noted, timeout=5)[1] == []
    for child in children:  # the launcher of ours, which knows of nothing
        if way == "behind a launcher" and child.is_running():
            child.kill()


def test_a_child_whose_parent_ended_before_it_asked_ends(tmp_path):
    """It is given the id of a process that is no more."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    code = f"""
import time
from training.nequip_runs.end_with_parent import end_with_parent
end_with_parent({gone.pid})
time.sleep(60)
"""
    with (tmp_path / "log").open("wb") as log:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        with child_process([sys.executable, "-c", code], tmp_path, environment, log) as process:
            assert process.wait(20) == 1
