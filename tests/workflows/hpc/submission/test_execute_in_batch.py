import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from jobflow import JobStore
from maggma.stores import JSONStore
from monty.serialization import dumpfn, loadfn

from cuprolith.errors import CuprolithError
from tests.dev_cluster.project import require_jobflow_remote
from tests.workflows.hpc.submission.observing import observe

ROOT = Path(__file__).parents[4]
TMP = "t" * 120  # longer than the path of a socket may be


@pytest.fixture(autouse=True)
def _jobflow_remote():
    try:
        require_jobflow_remote()
    except CuprolithError as error:
        pytest.skip(str(error))


@pytest.fixture
def run_jobs(tmp_path):
    """Start a process that runs jobs one after another, as jobflow-remote's batch process does."""
    (tmp_path / TMP).mkdir()
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path / TMP)}

    def started(*folders):
        loop = 'for folder in "$@"; do cd "$folder"; bash submit.sh; echo $? > status; done'
        command = ["bash", "-c", loop, "batch", *folders]
        return subprocess.Popen(command, env=environment)

    return started


def job_folder(parent, name, does="", given=""):
    folder = parent / name
    folder.mkdir()
    store = JobStore(JSONStore(str(folder / "remote_job_data.json"), read_only=False))
    dumpfn({"job": observe(does), "store": store}, folder / "jfremote_in.json")
    module = "workflows.hpc.submission.execute_in_batch"
    lines = ["exec > queue.out 2> queue.err", f"export GIVEN={given}"]
    run = f"{sys.executable} -P -m {module} {folder}"
    (folder / "submit.sh").write_text("\n".join([*lines, run, ""]))
    return folder


def observed(folder):
    return json.loads((folder / "observed.json").read_text())


def status(folder):
    return int((folder / "status").read_text())


def wait_until(condition):
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_jobs_are_forks_of_one_python(run_jobs, tmp_path):
    folders = [job_folder(tmp_path, name) for name in "abc"]
    assert run_jobs(*folders).wait(60) == 0
    seen = [observed(folder) for folder in folders]
    assert len({each["parent"] for each in seen}) == 1
    assert len({each["pid"] for each in seen}) == len({each["drawn"] for each in seen}) == 3
    assert [each["cwd"] for each in seen] == list(map(str, folders))
    for folder in folders:
        assert status(folder) == 0
        assert (folder / "queue.out").read_text().splitlines().count("said by the job") == 1
        assert loadfn(folder / "jfremote_out.json")["error"] is None
    wait_until(lambda: not psutil.pid_exists(seen[0]["parent"]))
    assert not list((tmp_path / TMP).glob("cuprolith-python-*/*"))


def test_a_job_with_an_environment_of_its_own_runs_by_itself(run_jobs, tmp_path):
    first, other, last = (
        job_folder(tmp_path, name, given=given) for name, given in ("a1", "b2", "c1")
    )
    assert run_jobs(first, other, last).wait(60) == 0
    assert [observed(folder)["given"] for folder in (first, other, last)] == ["1", "2", "1"]
    assert observed(first)["parent"] == observed(last)["parent"] != observed(other)["parent"]
    assert [status(folder) for folder in (first, other, last)] == [0, 0, 0]


def test_a_job_that_dies_takes_none_with_it(run_jobs, tmp_path):
    dies, after = job_folder(tmp_path, "a", "dies"), job_folder(tmp_path, "b")
    assert run_jobs(dies, after).wait(60) == 0
    assert [status(dies), status(after)] == [3, 0]
    assert "error" not in loadfn(dies / "jfremote_out.json")
    assert observed(dies)["parent"] == observed(after)["parent"]


def test_a_python_that_is_killed_takes_its_job_alone_with_it(run_jobs, tmp_path):
    killed, after = job_folder(tmp_path, "a", "waits"), job_folder(tmp_path, "b")
    batch = run_jobs(killed, after)
    wait_until((killed / "observed.json").exists)
    seen = observed(killed)
    psutil.Process(seen["parent"]).kill()
    psutil.Process(seen["pid"]).kill()
    assert batch.wait(60) == 0
    assert [status(killed), status(after)] == [1, 0]
    assert observed(after)["parent"] != seen["parent"]


def test_a_job_ends_with_the_process_that_waits_for_it(run_jobs, tmp_path):
    waits = job_folder(tmp_path, "a", "waits")
    batch = run_jobs(waits)
    wait_until((waits / "observed.json").exists)
    seen = observed(waits)
    batch.kill()
    batch.wait()
    wait_until(lambda: not any(map(psutil.pid_exists, (seen["pid"], seen["parent"]))))


def test_what_was_killed_leaves_nothing_for_long(run_jobs, tmp_path):
    folder = tmp_path / TMP / f"cuprolith-python-{os.geteuid()}"
    folder.mkdir(mode=0o700)
    (folder / "999999999-1").touch()  # no system has so many processes
    (folder / f"{os.getpid()}-1").touch()  # a process of today with the number of an earlier one
    assert run_jobs(job_folder(tmp_path, "a")).wait(60) == 0
    wait_until(lambda: not list(folder.iterdir()))


def test_a_folder_that_others_can_reach_is_not_used(run_jobs, tmp_path):
    folder = tmp_path / TMP / f"cuprolith-python-{os.geteuid()}"
    folder.mkdir()
    folder.chmod(0o777)
    first, second = (job_folder(tmp_path, name) for name in "ab")
    assert run_jobs(first, second).wait(60) == 0
    assert observed(first)["parent"] != observed(second)["parent"]
    assert [status(first), status(second)] == [0, 0]
    assert not list(folder.iterdir())
