"""Jobs of one flow at the same time: the same records as one after another, and clean ends."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest
import side_by_side_samples as samples
from jobflow import Flow
from runner_samples import add, named, output, stored

from workflows.jobs.disk_space import DiskFullError
from workflows.jobs.job_folder import JobFolder
from workflows.jobs.job_log import read_job_log
from workflows.jobs.runner import run_flow


@pytest.fixture
def store(tmp_path):
    return JobFolder(tmp_path / "labels", tmp_path / "work")


@pytest.fixture(autouse=True)
def threads_not_set(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)


def chain():
    """Jobs side by side, one of which needs a job that runs alone, as another needs it."""
    first = named(add(1, 1), "first")
    middle = [samples.beside(samples.doubled(k), "independent", k) for k in range(2)]
    resolved = samples.beside(samples.doubled(first.output), "resolved")
    last = named(add(resolved.output, 1), "last")
    return Flow([first, *middle, resolved, last])


def test_jobs_run_at_the_same_time_in_their_own_processes_and_share_the_cores(store, tmp_path):
    names = ["a", "b"]
    flow = Flow([samples.beside(samples.meet(str(tmp_path), n, names), n) for n in names])
    summary = run_flow(flow, store, workers=2)
    assert (summary.finished, summary.failed) == (2, 0)
    met = [output(store, name) for name in names]
    assert len({document["pid"] for document in met} | {os.getpid()}) == 3
    share = max(1, len(os.sched_getaffinity(0)) // 2)
    assert {document["threads"] for document in met} == {str(share)}
    assert {document["cwd"] for document in met} == {str(tmp_path / "work")}


def test_records_are_those_of_one_after_another(store, tmp_path):
    alone = JobFolder(tmp_path / "alone", tmp_path)
    run_flow(chain(), alone)
    summary = run_flow(chain(), store, workers=2, log_path=tmp_path / "log.jsonl")
    assert sorted(stored(store)) == sorted(stored(alone))
    assert summary.finished == 5
    assert output(store, "last") == 5
    again = run_flow(chain(), store, workers=2)
    assert (again.finished, again.skipped) == (0, 5)
    events = [(entry["event"], entry["name"]) for entry in read_job_log(tmp_path / "log.jsonl")]
    assert events.count(("finished", "resolved")) == 1


def test_what_a_job_leads_to_runs_before_the_rest(store, tmp_path):
    leaders = [samples.beside(samples.lead_on(k), "leader", k) for k in range(2)]
    after = named(add(leaders[0].output, leaders[1].output), "after")
    summary = run_flow(Flow([*leaders, after]), store, workers=2, log_path=tmp_path / "log.jsonl")
    assert summary.finished == 5
    finished = [e["name"] for e in read_job_log(tmp_path / "log.jsonl") if e["event"] == "finished"]
    assert finished[2:] == ["led to-0", "led to-1", "after"]


def test_failures_are_recorded_and_the_others_go_on(store):
    bad = [
        samples.beside(samples.die(), "dies"),
        samples.beside(samples.raise_awkward(), "awkward"),
    ]
    good = samples.beside(samples.doubled(4), "good")
    child = samples.beside(samples.doubled(bad[0].output), "child")
    summary = run_flow(Flow([*bad, good, child]), store, workers=2)
    assert (summary.finished, summary.failed, summary.not_run) == (1, 2, 1)
    errors = {failure.name: failure for failure in store.failures()}
    assert errors["dies"].error == "RuntimeError: the process was killed by SIGKILL"
    assert "AwkwardError: this and that" in errors["awkward"].error
    assert "in raise_awkward" in errors["awkward"].traceback


def test_a_full_disk_ends_the_run(store):
    flow = Flow([samples.beside(samples.fill_disk(), "fills"),
                 samples.beside(samples.wait_long("/tmp", 0, 60), "long")])  # fmt: skip
    with pytest.raises(DiskFullError, match="no space left"):
        run_flow(flow, store, workers=2)
    assert not multiprocessing_children()


def test_ctrl_c_ends_the_processes(store, tmp_path):
    class Interrupted:
        def on_start(self, job):
            if job.name == "slow-1":
                raise KeyboardInterrupt

        on_flow = on_skip = on_finish = on_fail = lambda *_: None

    with pytest.raises(KeyboardInterrupt):
        run_flow(samples.slow_flow(tmp_path, 60), store, Interrupted(), workers=2)
    assert not multiprocessing_children()


@pytest.mark.slow
def test_kill_9_ends_the_processes_and_loses_only_what_was_in_progress(store, tmp_path):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, samples.__file__, str(tmp_path)]
    process = subprocess.Popen([*command, "60"], env=environment)
    pids = [tmp_path / f"pid-{number}" for number in range(2)]
    wait_until(lambda: all(path.exists() and path.read_text() for path in pids))
    process.send_signal(signal.SIGKILL)
    process.wait()
    wait_until(lambda: not any(psutil.pid_exists(int(path.read_text())) for path in pids))
    ended = subprocess.run(
        [*command, "0"], env=environment, capture_output=True, text=True, check=True
    )
    assert ended.stdout.split() == ["3", "0", "0"]


def multiprocessing_children():
    """Living ones; earlier tests may have left zombies."""
    return [
        child
        for child in psutil.Process().children()
        if child.status() != psutil.STATUS_ZOMBIE and "spawn_main" in " ".join(child.cmdline())
    ]


def wait_until(condition, patience=60.0):
    end = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)
