import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

from workflows.jobs import processes
from workflows.jobs.processes import even_shares, one_gpu_each, run_in_processes


def note(job):
    """Write which GPU this process has, wait until the others have theirs, then end or fail."""
    folder, name = job
    (folder / name).write_text(os.environ["CUDA_VISIBLE_DEVICES"])
    limit = time.monotonic() + 30
    while len(list(folder.iterdir())) < 2 and time.monotonic() < limit:
        time.sleep(0.02)
    if name == "bad":
        raise ValueError("bad")


def test_every_process_has_a_gpu_of_its_own_and_errors_come_back(tmp_path):
    jobs = [(tmp_path, "good"), (tmp_path, "bad"), (tmp_path, "late")]
    endings = run_in_processes(note, jobs, one_gpu_each(["3", "5"]))
    ended = {job[1]: error for job, error in endings}
    assert ended["good"] is None
    assert ended["late"] is None
    assert isinstance(ended["bad"], ValueError)
    assert {(tmp_path / name).read_text() for name in ("good", "bad")} == {"3", "5"}


def fail_badly(how):
    """Die, or raise what cannot be sent as it is."""

    class UnsendableError(Exception):
        pass

    if how == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    raise UnsendableError(how)


def test_a_killed_process_and_an_error_that_cannot_be_sent_are_explained():
    endings = dict(run_in_processes(fail_badly, ["killed", "raised"], [{}, {}]))
    assert "was killed by SIGKILL" in str(endings["killed"])
    assert str(endings["raised"]) == "UnsendableError: raised"
    assert "fail_badly" in endings["raised"].__notes__[0]


def test_calls_share_the_cores_and_the_gpus(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(processes, "visible_gpus", lambda: ["0", "1"])
    share = str(max(1, len(os.sched_getaffinity(0)) // 3))
    shares = even_shares(3)
    assert [each["OMP_NUM_THREADS"] for each in shares] == [share] * 3
    assert [each["CUDA_VISIBLE_DEVICES"] for each in shares] == ["0", "1", "0"]
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    assert "OMP_NUM_THREADS" not in even_shares(2)[0]


def sleep(folder):
    """Say that this process is there, and stay in a call that lets no other thread run."""
    (folder / str(os.getpid())).touch()
    ctypes.PyDLL(None).sleep(60)


def test_all_processes_end_with_a_killed_parent(tmp_path):
    program = (
        "import sys; from pathlib import Path\n"
        "from workflows.jobs.processes import run_in_processes\n"
        "import test_processes\n"
        "if __name__ == '__main__':\n"
        f"    list(run_in_processes(test_processes.sleep, [Path({str(tmp_path)!r})], [{{}}]))\n"
    )
    path = [str(Path(__file__).parent), str(Path(__file__).parents[3])]
    script = tmp_path.with_suffix(".py")
    script.write_text(f"import sys; sys.path[:0] = {path!r}\n{program}")
    parent = subprocess.Popen([sys.executable, str(script)])
    try:
        wait_until(lambda: list(tmp_path.iterdir()))
        (worker,) = (int(path.name) for path in tmp_path.iterdir())
        children = psutil.Process(parent.pid).children(recursive=True)
    finally:
        parent.kill()
        parent.wait()
    assert worker in {child.pid for child in children}
    wait_until(lambda: not any(child.is_running() for child in children))


def wait_until(condition):
    limit = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.05)
