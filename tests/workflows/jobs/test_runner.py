import errno
import gc
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
import tracemalloc
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import runner_samples as samples
from jobflow import Flow, JobStore, OutputReference, Response, job, run_locally
from maggma.stores import MemoryStore
from pymatgen.core import Lattice, Structure

from cuprolith.disk_space import DiskFullError
from tests import damage
from workflows.engine_settings import MeltQuenchSettings
from workflows.engines.emt import EmtSettings
from workflows.jobs.job_folder import (
    DamagedFileError,
    JobFolder,
    UnwritableFolderError,
    result_name,
)
from workflows.jobs.job_ids import stable_uuid
from workflows.jobs.job_log import JobLog, read_job_log
from workflows.jobs.runner import run_flows
from workflows.labelling.calculator_makers import CalculatorMeltQuenchMaker
from workflows.labelling.document import Provenance, frames_of

run_flow = samples.run_flow

CALCULATOR = "workflows.labelling.calculator_engine.loaded_calculator"


@pytest.fixture
def store(tmp_path, monkeypatch):
    """A job folder that does not wait for the disk."""
    monkeypatch.setattr("cuprolith.staged_file.os.fsync", lambda _: None)
    return JobFolder(tmp_path / "labels", tmp_path / "runs")


@pytest.fixture
def traced(tmp_path, monkeypatch):
    """Return a function that tells what jobs have done since it was last asked."""
    path = tmp_path / "trace.txt"
    path.touch()
    monkeypatch.setenv(samples.TRACE, str(path))

    def done():
        lines = path.read_text().splitlines()
        path.write_text("")
        return lines

    return done


def stored_in_memory(store):
    """Return what jobflow's own runner stored, as `stored` returns what ours did."""
    return [
        (
            document["uuid"],
            document["index"],
            document["name"],
            document["metadata"],
            json.dumps(document["output"], sort_keys=True),
        )
        for document in store.query(load=True)
    ]


def memory_job_store():
    store = JobStore(MemoryStore(), additional_stores={"data": MemoryStore("data")})
    store.docs_store.connect(force_reset=True)
    store.additional_stores["data"].connect(force_reset=True)
    return store


def events(path):
    return Counter((entry["event"], entry["uuid"], entry["index"]) for entry in read_job_log(path))


class StopAt:
    """Ctrl-C when a job of some name, or the so-and-so-many-th one, starts."""

    def __init__(self, which):
        self.which = which
        self.started = 0

    def on_start(self, job):
        self.started += 1
        if self.which in (job.name, self.started):
            raise KeyboardInterrupt

    on_flow = on_skip = on_finish = on_fail = lambda *_: None


# ------------------------------------------------------------------- the same as run_locally does


@pytest.mark.parametrize("name", samples.FLOWS)
def test_outputs_and_order_are_those_of_run_locally(store, name):
    reference = memory_job_store()
    responses = run_locally(samples.FLOWS[name](), store=reference, log=False)
    summary = run_flow(samples.FLOWS[name](), store)
    assert samples.stored(store) == stored_in_memory(reference)
    assert summary.finished == sum(map(len, responses.values())) == samples.count(store)


@pytest.mark.parametrize("name", samples.FLOWS)
def test_a_second_run_runs_nothing_finished(store, name, tmp_path, traced):
    log = tmp_path / "log.jsonl"
    first = run_flow(samples.FLOWS[name](), store, log_path=log)
    before = samples.stored(store)
    traced()
    second = run_flow(samples.FLOWS[name](), store, log_path=log)
    assert samples.stored(store) == before
    assert (second.finished, second.skipped) == (0, first.finished)
    assert (second.failed, second.not_run) == (first.failed, first.not_run)
    assert [line for line in traced() if not line.startswith("fail ")] == []
    counts = events(log)
    assert {counts["finished", uuid, index] for uuid, index, *_ in before} == {1}
    assert {counts["skipped", uuid, index] for uuid, index, *_ in before} == {1}


@pytest.mark.parametrize("name", samples.FLOWS)
def test_stopped_after_every_job_it_ends_as_if_undisturbed(store, name):
    reference = memory_job_store()
    run_locally(samples.FLOWS[name](), store=reference, log=False)
    # a job that fails is tried again each time, so such a flow is never through without a stop
    stops = 0
    while stops <= reference.count():
        try:
            run_flow(samples.FLOWS[name](), store, StopAt(2))
            break
        except KeyboardInterrupt:
            stops += 1
    if name == "failure_flow":
        run_flow(samples.FLOWS[name](), store)
    else:
        assert stops == reference.count() - 1
    assert sorted(samples.stored(store)) == sorted(stored_in_memory(reference))


def test_summary_and_failures(store):
    seen = []

    class Recorder:
        def on_flow(self, n_jobs):
            seen.append(("flow", n_jobs))

        def on_start(self, job):
            seen.append(("start", job.name))

        def on_finish(self, job, seconds):
            assert seconds > 0
            assert store.result(result_name(job.uuid, job.index)) is not None
            seen.append(("finish", job.name))

        def on_skip(self, job):
            seen.append(("skip", job.name))

        def on_fail(self, job, error):
            seen.append(("fail", job.name, str(error)))

    summary = run_flow(samples.failure_flow(), store, Recorder())
    assert (summary.finished, summary.skipped, summary.failed, summary.not_run) == (3, 0, 2, 2)
    assert sorted(failure.error for failure in summary.failures) == [
        "ValueError: bad luck",
        "ValueError: inside",
    ]
    assert list(store.failures()) == summary.failures
    assert "raise ValueError(message)\nValueError: bad luck" in summary.failures[0].traceback
    assert summary.seconds > 0
    assert seen[0] == ("flow", 6)
    assert {("flow", 1), ("fail", "bad", "bad luck"), ("finish", "good")} <= set(seen)
    again = []
    seen, again = again, seen
    run_flow(samples.failure_flow(), store, Recorder())
    assert {("skip", "good"), ("skip", "tolerant"), ("start", "bad")} <= set(seen)
    assert ("start", "good") not in seen


def test_failed_job_is_retried_and_its_record_cleared(store, tmp_path, traced):
    marker = tmp_path / "marker"

    def flow():
        first = samples.named(samples.fail_unless(str(marker)), "first")
        first.metadata = {"structure_id": "slab-1"}
        child = samples.named(samples.add(first.output, " it is"), "child")
        tolerant = samples.named(samples.whatever_there_is([first.output]), "tolerant")
        beyond = samples.named(samples.whatever_there_is(tolerant.output), "beyond")
        return Flow([first, child, tolerant, beyond, samples.named(samples.add(1, 1), "other")])

    summary = run_flow(flow(), store)
    assert (summary.finished, summary.failed, summary.not_run) == (3, 1, 1)
    assert samples.output(store, "beyond") == [None]
    (failure,) = store.failures()
    assert (failure.name, failure.metadata) == ("first", {"structure_id": "slab-1"})
    assert "RuntimeError: not there yet" in failure.traceback

    assert run_flow(flow(), store).skipped == 3
    marker.touch()
    traced()
    summary = run_flow(flow(), store)
    # what ran without the failed job's output, and what follows from that, runs again
    assert traced() == ["fail_unless", "add there  it is", *["whatever_there_is"] * 2]
    assert (summary.finished, summary.skipped, summary.failed) == (4, 1, 0)
    assert samples.output(store, "child") == "there it is"
    assert samples.output(store, "beyond") == ["there"]
    assert list(store.failures()) == []
    assert run_flow(flow(), store).skipped == 5


@job
def stage(label_numbers):
    samples.trace("stage")
    labels = [samples.named(samples.label(k), "label", k) for k in label_numbers]
    return Response(output=len(labels), detour=Flow(labels))


def test_stage_jobs_run_always_and_their_children_once(store, traced):
    def flow(numbers):
        first = samples.named(stage(numbers), "stage")
        first.metadata["always_run"] = True
        after = samples.named(samples.add(first.output), "after")
        after.metadata["always_run"] = True
        return Flow([first, after])

    run_flow(flow([1, 2]), store)
    assert traced() == ["stage", "label 1", "label 2", "add 2 1"]
    summary = run_flow(flow([1, 2, 3]), store)
    assert traced() == ["stage", "label 3", "add 3 1"]
    assert (summary.finished, summary.skipped) == (3, 2)
    assert samples.output(store, "after") == 4


def test_a_result_made_again_takes_the_place_of_the_earlier_one(store):
    def flow():
        made = samples.named(samples.label(1), "label")
        made.metadata["always_run"] = True
        return made

    for _ in range(3):
        run_flow(flow(), store)
    assert len([path for path in store.root.rglob("*") if path.is_file()]) == 1
    assert samples.output(store, "label")["frames"][4] == [0.1, 4.0]


def test_a_summary_is_read_without_the_large_data(store):
    run_flow(samples.named(samples.label(1), "label"), store)
    name = stable_uuid("label")
    path = store.path_of_result(name)
    content = bytearray(path.read_bytes())
    content[-20] ^= 1
    path.write_bytes(content)
    assert store.result(name).document["output"] == {"energy": 1 / 3, "frames": None}
    with pytest.raises(DamagedFileError, match="checksum"):
        store.output(name)
    path.write_bytes(content[:-20])
    with pytest.raises(DamagedFileError, match="cut"):
        store.result(name)


@pytest.mark.parametrize("lost", ["removed", "cut", "flipped"])
def test_a_result_that_is_lost_or_damaged_is_made_again_and_no_other(
    store, traced, lost, monkeypatch
):
    said = []
    monkeypatch.setattr("workflows.jobs.runner.announce", said.append)
    run_flow(samples.data_flow(), store)
    before = samples.stored(store)
    traced()
    for k in (1, 2):
        path = store.path_of_result(stable_uuid("label", str(k)))
        {"removed": Path.unlink, "cut": damage.cut, "flipped": damage.flip}[lost](path)
    with pytest.raises(KeyboardInterrupt):
        run_flow(samples.data_flow(), store, StopAt("label-2"))
    summary = run_flow(samples.data_flow(), store)
    assert traced() == ["label 1", "label 2"]
    assert (summary.finished, summary.skipped) == (1, 3)
    assert sorted(samples.stored(store)) == sorted(before)
    assert (said != []) == (lost != "removed")
    assert all("the result of 'label-1' is damaged" in line for line in said[:1])


def test_what_a_job_led_to_stays_when_its_result_is_lost(store, traced):
    run_flow(samples.detour_flow(), store)
    traced()
    samples.forget(store, "chain", 2)
    assert run_flow(samples.detour_flow(), store).skipped == 5
    assert traced() == ["segment chain 2"]


def test_flow_run_inside_a_job(store):
    root, directory = store.root, store.directory

    @job
    def outer():
        return run_flow(samples.detour_flow(), JobFolder(root, directory)).finished

    summary = run_flow(samples.named(outer(), "outer"), store)
    assert summary.finished == 1
    assert samples.output(store, "outer") == samples.count(store) - 1 == 6


@job
def leads_to_local_function():
    @job
    def local():
        return 1

    return Response(output=1, detour=Flow([Flow([local()])]))


def test_job_whose_children_could_not_be_found_again_fails_clearly(store):
    summary = run_flow(Flow([leads_to_local_function(), samples.add(1)]), store)
    assert (summary.finished, summary.failed) == (1, 1)
    assert "must be importable and their inputs MSONable" in summary.failures[0].error
    assert samples.count(store) == 1


def test_job_whose_children_the_code_no_longer_knows_runs_again(store, caplog):
    run_flow(samples.detour_flow(), store)
    before = samples.stored(store)
    name = stable_uuid("chain", "1")
    _, followers = store.checked_record(name)
    followers[0]["jobs"][0]["function"]["@callable"] = "renamed_since"
    store.write_result(store.result(name), followers)
    summary = run_flow(samples.detour_flow(), store)
    assert (summary.finished, summary.skipped) == (1, 5)
    assert "chain-1" in caplog.text
    assert "runs again" in caplog.text
    assert sorted(samples.stored(store)) == sorted(before)


@job
def not_msonable():
    return object()


@job
def bytes_of_no_json():
    return {"x": b"\xff"}


@pytest.mark.parametrize(
    ("make", "message"),
    [(bytes_of_no_json, "not JSON serializable"), (not_msonable, "not MSONable")],
)
def test_output_that_cannot_be_stored_is_the_jobs_failure(store, make, message):
    summary = run_flow(Flow([make(), samples.add(1, 1)]), store)
    assert (summary.finished, summary.failed) == (1, 1)
    assert message in summary.failures[0].error
    assert samples.count(store) == 1


def test_jobs_may_use_results_of_other_flows_but_not_each_others(store):
    outside = samples.add(1, 1)

    def inside():
        return samples.named(samples.add(outside.output), "inside")

    failed = run_flow(inside(), store)
    assert outside.uuid in failed.failures[0].error
    run_flow(outside, store)
    run_flow(inside(), store)
    assert samples.output(store, "inside") == 3
    first, second = samples.add(1), samples.add(2)
    first.function_args, second.function_args = (second.output,), (first.output,)
    with pytest.raises(ValueError, match="acyclic"):
        run_flow([first, second], store)


def test_later_flows_depend_on_earlier_ones_as_jobs_of_one_flow_do(store, tmp_path, traced):
    def flows():
        yield samples.named(samples.fail_unless(str(tmp_path / "mended")), "unsure")
        yield samples.named(samples.stop_children(1), "stops")
        for parent in ("unsure", "stops"):
            reference = OutputReference(stable_uuid(parent))
            yield samples.named(samples.add(reference, "!"), f"after {parent}")
            yield samples.named(samples.whatever_there_is([reference]), f"whatever after {parent}")

    def run():
        return run_flows(flows(), store)

    first = run()
    assert (first.failed, first.not_run) == (1, 3)
    assert samples.output(store, "whatever after unsure") == [None]
    (tmp_path / "mended").touch()
    second = run()
    assert (second.finished, second.failed, second.not_run) == (3, 0, 2)
    assert samples.output(store, "whatever after unsure") != [None]
    third = run()
    assert (third.finished, third.not_run) == (0, 2)


@job
def where_am_i():
    os.chdir("/")
    return os.getcwd()  # noqa: PTH109


@job
def write_here(name):
    Path(name).write_text("x")


def test_jobs_work_in_the_folder_given(store, tmp_path):
    here = Path.cwd()
    root = tmp_path / "root"
    store = JobFolder(store.root, root)
    run_flow(Flow([where_am_i(), write_here("made.txt")]), store)
    assert (root / "made.txt").exists()
    assert Path.cwd() == here


@pytest.mark.slow
def test_long_chains_of_detours_need_no_recursion(store):
    depth = sys.getrecursionlimit() // 2

    def flow():
        return samples.named(samples.segment(1.0, "long", 0, depth), "long", 0)

    assert run_flow(flow(), store).finished == depth + 1
    assert run_flow(flow(), store).skipped == depth + 1


@job
def big(previous):
    return np.random.default_rng(len(previous)).random(10_000).tolist()


@pytest.mark.slow
def test_memory_does_not_grow_with_the_outputs(store):
    def peak(n_jobs):
        jobs = [big([])]
        for _ in range(n_jobs - 1):
            jobs.append(big(jobs[-1].output))
        gc.collect()
        tracemalloc.start()
        run_flow(Flow(jobs), store)
        (_, highest) = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return highest

    peak(2)
    few, many = peak(3), peak(9)
    one_output = 10_000 * (24 + 8)  # floats and the list's pointers to them
    assert few > one_output
    assert many < few + 2 * one_output


def test_flows_are_taken_one_at_a_time(store):
    def flows():
        for k in range(4):
            assert samples.count(store) == 2 * k
            first = samples.named(samples.add(k), "first", k)
            yield Flow([first, samples.named(samples.add(first.output), "second", k)])

    assert run_flows(flows(), store).finished == 8
    stop = [samples.stop_all_flow(), samples.detour_flow()]
    assert run_flows(stop, store).finished == 2


# ------------------------------------------------------------------------------- when things end


def test_full_disk_stops_the_run_and_it_continues_when_there_is_room(
    store, tmp_path, traced, monkeypatch
):
    def flow():
        return Flow([samples.named(samples.label(k), "label", k) for k in range(20)])

    log = tmp_path / "log.jsonl"
    room = [7]

    def sync(_):
        room[0] -= 1
        if room[0] < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("cuprolith.staged_file.os.fsync", sync)
    with pytest.raises(DiskFullError, match=r"free some space.*same command") as caught:
        run_flow(flow(), store, log_path=log)
    assert str(store.root) in str(caught.value)
    finished = samples.count(store)
    assert 1 < finished < 10
    assert not list(store.root.rglob("*.partial"))
    room[0] = 1000
    assert list(store.failures()) == []
    traced()
    summary = run_flow(flow(), store, log_path=log)
    assert (summary.skipped, summary.finished) == (finished, 20 - finished)
    assert len(traced()) == 20 - finished


@job
def disk_full_in_job(cause):
    error = OSError(cause, os.strerror(cause))
    raise RuntimeError("cannot write CHGCAR") from error


@pytest.mark.parametrize("cause", [errno.ENOSPC, errno.EDQUOT])
def test_job_that_finds_the_disk_full_is_not_a_failed_job(store, cause):
    with pytest.raises(DiskFullError):
        run_flow(Flow([disk_full_in_job(cause), samples.add(1)]), store)
    assert list(store.failures()) == []


def test_other_errors_of_the_system_are_the_jobs(store):
    summary = run_flow(disk_full_in_job(errno.EACCES), store)
    assert summary.failed == 1


@job
def own_database_fails():
    sqlite3.connect(":memory:").execute("SELECT * FROM nothing")


def test_database_error_of_a_job_is_its_failure(store):
    summary = run_flow(Flow([own_database_fails(), samples.add(1)]), store)
    assert (summary.failed, summary.finished) == (1, 1)


def test_a_folder_that_cannot_be_written_stops_the_run(store):
    store.root.mkdir()
    (store.root / "results").write_text("no folder")
    with pytest.raises(UnwritableFolderError, match=r"results.*cannot be recorded"):
        run_flow(Flow([samples.add(1), samples.add(2)]), store)
    assert list(store.failures()) == []


def test_log_survives_a_torn_line(tmp_path):
    path = tmp_path / "log.jsonl"
    with JobLog(path) as log:
        log.write("started", "u", 1, "näme\n", seconds=0.5)
    whole = path.read_bytes()
    for cut in (1, 2, 20, len(whole) - 1, len(whole)):
        path.write_bytes(whole + whole[:-cut])
        assert len(list(read_job_log(path))) == (2 if cut == 1 else 1)
        with JobLog(path) as log:
            assert log.last["uuid"] == "u"
            log.write("finished", "v", 1, "n")
        lines = path.read_bytes().splitlines()
        assert [json.loads(line)["uuid"] for line in lines] == ["u"] * (1 + (cut == 1)) + ["v"]
    path.write_bytes(b"\xff\x00 torn")
    with JobLog(path) as log:
        assert log.last is None
    assert path.read_bytes() == b""


def test_finish_that_a_kill_kept_from_the_log_is_made_up(store, tmp_path):
    log = tmp_path / "log.jsonl"
    run_flow(samples.data_flow(), store, log_path=log)
    *lines, _ = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join(lines))
    run_flow(samples.data_flow(), store, log_path=log)
    assert {count for (event, *_), count in events(log).items() if event == "finished"} == {1}
    assert sum(event == "finished" for event, *_ in events(log)) == 4


def start_samples(folder):
    """Start the sample run as a process of its own."""
    here = Path(__file__).parent
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "runner_samples", folder, "0.004"],
        env={**os.environ, "PYTHONPATH": f"{here.parents[2]}:{here}"},
        stdout=subprocess.PIPE,
        text=True,
    )


def kill_after(process, log, lines, delay):
    """Kill a run some time after it has logged some lines more."""

    def logged():
        return log.read_bytes().count(b"\n") if log.exists() else 0

    target = logged() + lines
    while process.poll() is None and logged() < target:
        time.sleep(0.0005)
    time.sleep(delay)
    process.send_signal(signal.SIGKILL)
    return process.wait()


@pytest.mark.slow
def test_killed_at_any_moment_it_ends_as_if_undisturbed(tmp_path):
    folder = tmp_path / "killed"
    log = folder / "log.jsonl"
    random = np.random.default_rng(7)
    for _ in range(6):
        # beyond the "skipped" lines of what is finished
        done = sum(event == "finished" for event, *_ in events(log)) if log.exists() else 0
        lines = done + int(random.integers(3, 12))
        with start_samples(folder) as process:
            assert kill_after(process, log, lines, random.uniform(0, 0.01)) == -signal.SIGKILL
    with start_samples(folder) as process:
        finished, skipped, failed = map(int, process.stdout.read().split())
    assert process.returncode == failed == 0
    assert min(finished, skipped) > 0

    reference = JobFolder(tmp_path / "reference", tmp_path)
    run_flow(samples.fan_flow(), reference)
    assert samples.stored(JobFolder(folder / "labels", folder)) == samples.stored(reference)
    assert not list(folder.rglob("*.partial"))
    counts = Counter()
    for entry in read_job_log(log):
        identity = entry["uuid"], entry["index"]
        assert entry["event"] != "started" or not counts[identity], "computed twice"
        counts[identity] += entry["event"] == "finished"
    assert counts == {(uuid, index): 1 for uuid, index, *_ in samples.stored(reference)}


# --------------------------------------------------------------------------- with a real maker


@pytest.mark.slow
def test_melt_quench_stopped_between_segments_gives_the_same_trajectory(
    store, tmp_path, monkeypatch
):
    structure = Structure.from_spacegroup("Fm-3m", Lattice.cubic(3.6), ["Cu"], [[0, 0, 0]])
    quench = MeltQuenchSettings(
        melt_temperature=600,
        final_temperature=10,
        cooling_rate=5900,
        hold_steps=10,
        segment_steps=7,
        thermostat_time=20,
    )

    def flow():
        maker = CalculatorMeltQuenchMaker(calculator=EmtSettings(), settings=quench)
        first = maker.make(structure, Provenance("bulk-1", "bulk", "", ""), run_id="r", seed=1)
        first.set_uuid(stable_uuid("r", "0"))
        return first

    for count in (2, 3):
        with pytest.raises(KeyboardInterrupt):
            run_flow(flow(), store, StopAt(count))
    summary = run_flow(flow(), store)
    assert summary.skipped == 3
    assert summary.finished == quench.n_segments - 3

    def frames(run_store):
        return [
            frame
            for k in range(quench.n_segments)
            for frame in frames_of(run_store.output(stable_uuid("r", str(k))))
        ]

    undisturbed = JobFolder(tmp_path / "undisturbed", tmp_path)
    run_flow(flow(), undisturbed)
    assert frames(store) == frames(undisturbed)
    assert len(frames(store)) == quench.n_steps + 1
