"""Several short jobs in one job of the queue, run here."""

import json
import os
import time

import numpy as np
import psutil
import pytest
from jobflow import Flow, JobConfig, OnMissing

from cuprolith.errors import WallTimeError
from tests.workflows.hpc.submission.chains import Queue, build, named, relax, slow
from workflows.hpc.setup.settings import BatchSettings
from workflows.hpc.submission.queue_file import Route, write_queue_file
from workflows.hpc.submission.queue_planner import attempt
from workflows.hpc.submission.short_jobs import WALL_TIME_VARIABLE, Ending, run_one_after_another
from workflows.jobs.job_ids import stable_uuid
from workflows.labelling.label_metadata import BUILDS, N_ATOMS, RUNS_ON, TASK

pytest.importorskip("jobflow_remote")

SHORT = BatchSettings(jobs_per_process=5, longest_job=60)


class ShortQueue(Queue):
    """A queue in which small relaxations are short."""

    def __init__(self, folder, submission=0, **changed):
        super().__init__(folder, submission)
        small = Route(worker="dft-small", batch=SHORT.model_copy(update=changed))
        self.file = self.file.model_copy(
            update={"routes": {**self.file.routes, "dft-small": small}}
        )
        write_queue_file(self.workdir, self.file)
        self.jobs.directory.mkdir(exist_ok=True)


def label(made, name, n_atoms=2, task="relax"):
    made.update_metadata({RUNS_ON: "mpi", TASK: task, N_ATOMS: n_atoms, "structure_id": name})
    return named(made, name)


def relaxations(n_jobs, **known):
    return [label(relax(f"r{n}", float(n)), f"r{n}", **known) for n in range(n_jobs)]


def groups(flow):
    return [[each[:8] for each in made.function_args[2]] for made in flow.jobs]


def ids(*names):
    return [stable_uuid("test", name)[:8] for name in names]


@pytest.fixture
def queue(tmp_path):
    return ShortQueue(tmp_path)


@pytest.mark.parametrize(
    ("n_jobs", "sizes"),
    [(1, [1]), (2, [1, 1]), (4, [2, 2]), (10, [5, 5]), (11, [3, 4, 4]), (23, [4, 5, 4, 5, 5])],
)
def test_they_are_divided_evenly_and_keep_the_worker_busy(queue, n_jobs, sizes):
    flow = queue.flow([Flow([made]) for made in relaxations(n_jobs)])
    assert [len(made.function_args[2]) for made in flow.jobs] == sizes
    assert {made.config.manager_config["worker"] for made in flow.jobs} == {"dft-small-batch"}


def test_large_ones_and_dynamics_run_alone(queue):
    large = label(relax("large", 1.0), "large", n_atoms=17)
    melt = label(relax("melt", 1.0), "melt", task="melt_quench")
    flow = queue.flow([Flow([made]) for made in (large, melt, *relaxations(4))])
    assert sorted(len(made.function_args[2]) for made in flow.jobs) == [1, 1, 2, 2]


def test_what_follows_starts_from_the_same_slab_runs_together(tmp_path):
    """Starts take no time: what follows one is not told apart by it, but by what it rests on."""
    queue = ShortQueue(tmp_path, processes=1)
    slabs = [label(relax(name, 8.0), name, n_atoms=40) for name in ("Cu", "Li")]
    flows = [Flow([slab]) for slab in slabs]
    for slab in slabs:
        for n in range(3):
            start = named(build("start", [slab.output["end"]]), f"start-{slab.name}-{n}")
            start.update_metadata({BUILDS: True})
            start.config = JobConfig(on_missing_references=OnMissing.NONE)
            name = f"{slab.name}-{n}"
            flows.append(Flow([start, label(relax(name, start.output["start"]), name)]))
    flow = queue.flow(flows)
    several = [group for group in groups(flow) if len(group) > 1]
    assert several == [ids(*(f"{slab}-{n}" for n in range(3))) for slab in ("Cu", "Li")]
    queue.run(flows)
    assert queue.output("Li-2") == {"end": 2.0, "trajectory": queue.output("Li-2")["trajectory"]}


def test_the_queue_knows_them_by_the_first_and_all_structures(queue):
    made = queue.flow([Flow([made]) for made in relaxations(10)]).jobs[0]
    assert made.name == "r0_and_4_more"
    assert made.metadata["structure_id"] == [f"r{n}" for n in range(5)]


def test_each_result_is_kept_and_what_has_one_does_not_run_again(tmp_path, queue):
    flows = [Flow([made]) for made in relaxations(6)]
    queue.run(flows)
    assert sorted(queue.noted()) == [f"r{n}" for n in range(6)]
    assert queue.output("r5")["end"] == 2.5
    assert ShortQueue(tmp_path, submission=1).flow(flows) is None


def test_one_that_fails_stops_no_other_and_is_run_once_more_by_itself(queue):
    (queue.jobs.directory / "broken-r1").touch()
    outputs = queue.run([Flow([made]) for made in relaxations(10)])
    assert sorted(queue.noted()) == sorted([*(f"r{n}" for n in range(10)), "r1"])
    (again,) = (output["run again"] for output in outputs.values() if "run again" in output)
    assert again == [stable_uuid("test", "r1")]
    (failure,) = queue.jobs.failures()
    assert failure.name == "r1"
    assert queue.output("r4")["end"] == 2.0


def test_one_whose_wall_time_is_over_is_resumed_and_the_others_run(queue):
    made = [label(slow("md", 3), "md"), *relaxations(5)]
    queue.run([Flow([each]) for each in made])
    assert queue.output("md") == {"steps": 3}
    assert queue.output("r4")["end"] == 2.0


def test_a_killed_one_is_resumed_with_what_is_missing(queue):
    """Its process died behind the second job, and the queue runs its job again."""
    flows = [Flow([made]) for made in relaxations(10)]
    first = queue.flow(flows).jobs[0].function_args[2]
    run_one_after_another(lambda uuid: attempt(queue.jobs, uuid), first[:2], 0)
    assert queue.noted() == ["r0", "r1"]
    queue.run(flows)
    assert sorted(queue.noted()) == [f"r{n}" for n in range(2, 10)]


def test_a_process_that_dies_ends_no_other_one(tmp_path):
    def run(uuid):
        if uuid == "dies":
            os._exit(3)
        (tmp_path / uuid).write_text(json.dumps([os.getpid(), float(np.random.random())]))  # noqa: NPY002

    endings = run_one_after_another(run, ["a", "dies", "b"], 0)
    assert endings == {"a": Ending.RAN, "dies": Ending.FAILED, "b": Ending.RAN}
    (first, drawn), (second, other) = (
        json.loads((tmp_path / name).read_text()) for name in ("a", "b")
    )
    assert len({first, second, os.getpid()}) == 3
    assert drawn != other


def test_none_is_begun_without_time_for_it(tmp_path, monkeypatch):
    age = time.time() - psutil.Process().create_time()
    monkeypatch.setenv(WALL_TIME_VARIABLE, str(age + 100))

    def run(uuid):
        note_left = tmp_path / uuid
        note_left.write_text(os.environ[WALL_TIME_VARIABLE])

    assert run_one_after_another(run, ["a", "b"], 200) == {"a": Ending.RAN}
    assert 0 < int((tmp_path / "a").read_text()) <= 100
    assert len(run_one_after_another(run, ["a", "b"], 10)) == 2


def test_the_end_of_the_wall_time_is_no_failure():
    def run(uuid):
        raise WallTimeError("wall time reached")

    assert run_one_after_another(run, ["a"], 0) == {"a": Ending.WALL_TIME}
