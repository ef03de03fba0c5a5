"""What it costs to keep track of a job, apart from running it.

``pytest tests/benchmarks/test_bench_bookkeeping.py --benchmark-enable`` measures; without that
option the same code runs at tiny sizes. Jobs do nothing; in "20 kB" they return 1,000 floats.
"""

import time

import numpy as np
import pytest
from jobflow import Flow, JobStore, job, run_locally
from maggma.stores import JSONStore, MemoryStore

from workflows.jobs.job_folder import JobFolder
from workflows.jobs.job_ids import stable_uuid
from workflows.jobs.runner import run_flows

OUTPUTS = {"trivial": 0, "20 kB": 1000}


@job
def label(number, n_floats):
    return {"number": number, "forces": np.random.default_rng(number).random(n_floats).tolist()}


def independent_jobs(n_jobs, output):
    jobs = [label(k, OUTPUTS[output]) for k in range(n_jobs)]
    for k, made in enumerate(jobs):
        made.set_uuid(stable_uuid("bench", str(k)))
    return Flow(jobs)


class Clock:
    """Notes when jobs finish or are skipped, by the wall and by the processor.

    Each job waits for the disk once, for a time that depends on what else the disk does: whether
    the cost is flat is judged by processor time.
    """

    def __init__(self):
        self.marks = [self._now()]

    def _now(self):
        return time.perf_counter(), time.process_time()

    def on_finish(self, job, seconds):
        self.marks.append(self._now())

    def on_skip(self, job):
        self.marks.append(self._now())

    on_flow = on_start = on_fail = lambda *_: None

    def medians(self):
        """Median microseconds per job, by wall and processor, in the first and last tenth."""
        tenth = max(1, len(self.marks) // 10)
        times = 1e6 * np.diff(self.marks, axis=0)
        return np.median(times[1 : tenth + 1], axis=0), np.median(times[-tenth:], axis=0)


def note(benchmark, n_jobs, seconds):
    benchmark.extra_info.update(jobs=n_jobs, us_per_job=round(1e6 * seconds / n_jobs))


SIZES = [
    pytest.param(100, "trivial"),
    pytest.param(300, "trivial"),
    pytest.param(1_000, "trivial"),
    pytest.param(10_000, "trivial"),
    pytest.param(100, "20 kB"),
    pytest.param(300, "20 kB"),
    pytest.param(1_000, "20 kB"),
]


@pytest.mark.parametrize(("size", "output"), SIZES)
def test_run_and_resume(benchmark, tmp_path, size, output):
    n_jobs = size if benchmark.enabled else 5
    store = JobFolder(tmp_path / "labels", tmp_path)
    log = tmp_path / "log.jsonl"
    clock = Clock()
    started = time.perf_counter()
    summary = benchmark.pedantic(
        lambda: run_flows([independent_jobs(n_jobs, output)], store, clock, log_path=log), rounds=1
    )
    note(benchmark, n_jobs, time.perf_counter() - started)
    assert summary.finished == n_jobs
    first, last = clock.medians()
    for tenth, (wall, processor) in (("first", first), ("last", last)):
        benchmark.extra_info[f"us_{tenth}_tenth_wall"] = round(wall)
        benchmark.extra_info[f"us_{tenth}_tenth_processor"] = round(processor)

    again = run_flows([independent_jobs(n_jobs, output)], store, log_path=log)
    assert (again.finished, again.skipped) == (0, n_jobs)
    benchmark.extra_info["us_per_job_skipped"] = round(1e6 * again.seconds / n_jobs)
    files = [path.stat().st_size for path in store.root.rglob("*.gz")]
    benchmark.extra_info["bytes_per_job"] = sum(files) // n_jobs
    if n_jobs >= 1_000:
        assert last[1] < 3 * first[1]  # a cost that grew with the jobs would be far above


@pytest.mark.parametrize(("size", "output"), [case for case in SIZES if case.values[0] <= 300])
@pytest.mark.parametrize("kind", ["json", "memory"])
def test_peers(benchmark, tmp_path, size, output, kind):
    """``run_locally`` with maggma's stores: JSON, which outlives the process, and memory."""
    n_jobs = size if benchmark.enabled else 5
    if kind == "json":
        docs = JSONStore(str(tmp_path / "labels.json"), read_only=False)
    else:
        docs = MemoryStore()
    store = JobStore(docs)
    store.connect(force_reset=True)

    started = time.perf_counter()
    responses = benchmark.pedantic(
        lambda: run_locally(independent_jobs(n_jobs, output), store=store, log=False), rounds=1
    )
    note(benchmark, n_jobs, time.perf_counter() - started)
    assert len(responses) == n_jobs
    store.close()
