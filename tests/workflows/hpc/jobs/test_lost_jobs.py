"""Jobs that the queue knows and the database does not, or the other way round, on a true SLURM."""

import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
from jobflow import Flow, Job

from cuprolith.errors import CuprolithError
from tests.dev_cluster.cluster import DevCluster
from tests.dev_cluster.database import database_server
from tests.dev_cluster.project import require_jobflow_remote
from tests.dev_cluster.slurm import slurm_programs
from tests.workflows.hpc.submitted import double, fan_out, state
from workflows.hpc.jobs.campaign_jobs import find_job
from workflows.hpc.jobs.retry import retry
from workflows.hpc.jobs.status import campaign_status

ROOT = Path(__file__).parents[4]
pytestmark = pytest.mark.slow

RUNNER = """
from jobflow_remote.jobs.runner import Runner
Runner(project_name="dev-cluster").run_all_jobs(max_seconds=60)
"""
ONE_LOOK = """
from jobflow_remote.jobs.runner import Runner
runner = Runner(project_name="dev-cluster")
runner.check_run_status()
runner.advance_state(["CHECKED_OUT", "UPLOADED", "RUN_FINISHED", "DOWNLOADED"])
"""
# sbatch has accepted the job when the runner is killed, and the database does not know yet
KILLED = """
import os
from jobflow_remote.remote.queue import QueueManager
submit = QueueManager.submit
def killed(*arguments, **options):
    submit(*arguments, **options)
    os.kill(os.getpid(), 9)
QueueManager.submit = killed
"""
KILLED_ADDING = """
import os
from jobflow_remote.jobs.jobcontroller import JobController
append = JobController._append_flow
def killed(*arguments, **options):
    append(*arguments, **options)
    os.kill(os.getpid(), 9)
JobController._append_flow = killed
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    for required in (slurm_programs, database_server, require_jobflow_remote):
        try:
            required()
        except CuprolithError as error:
            pytest.skip(str(error))
    started = DevCluster(tmp_path_factory.mktemp("lost") / "cluster")
    try:
        started.up(cpus=2)
        yield started
    finally:
        started.down(purge=True)


@pytest.fixture
def controller(cluster, monkeypatch):
    import yaml
    from jobflow_remote.config.base import Project

    for name, value in cluster.environment.items():
        monkeypatch.setenv(name, value)
    document = yaml.safe_load((cluster.state.projects / "dev-cluster.yaml").read_text())
    opened = Project.model_validate(document).get_job_controller()
    yield opened
    opened.close()


def runs(cluster, program, *, killed=False):
    done = subprocess.run(
        [sys.executable, "-c", program],
        # the jobs' functions are the tests'
        env={**cluster.environment, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == (-9 if killed else 0), done.stderr


def submit_counting(controller, note, seconds):
    """Add a job that writes a line when it starts."""
    script = f"echo started >> {note}; sleep {seconds}"
    job = Job(function=subprocess.call, function_args=(["sh", "-c", script],), name="count")
    job.update_metadata({"campaign": "lost", "stage": "label", "resource": "cpu"})
    (db_id,) = controller.add_flow(Flow([job]), worker="cpu")
    return db_id


def wait_until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.5)


@pytest.mark.parametrize("ended", [False, True])
def test_runner_killed_between_sbatch_and_database(cluster, controller, tmp_path, ended):
    note = tmp_path / "note"
    db_id = submit_counting(controller, note, 0 if ended else 8)
    runs(cluster, KILLED + RUNNER, killed=True)
    assert state(controller, db_id) == "UPLOADED"
    runs(cluster, ONE_LOOK)
    # a new runner does not touch it: it is locked
    assert state(controller, db_id) == "UPLOADED"
    wait_until(note.exists)
    if ended:
        wait_until(lambda: not cluster.run("squeue", "--noheader").strip())
    moment = timedelta(seconds=0.1)
    standing = campaign_status(controller, "lost", silent_after=moment)
    (trouble,) = (each for each in standing.troubles if each.db_id == db_id)
    assert trouble.kind == "silent"
    assert trouble.remedy == f"cuprolith retry {db_id}"
    retry(controller, find_job(controller, db_id), silent_after=moment)
    assert state(controller, db_id) == ("DOWNLOADED" if ended else "SUBMITTED")
    runs(cluster, RUNNER)
    assert state(controller, db_id) == "COMPLETED"
    assert note.read_text() == "started\n"


@pytest.mark.parametrize("tried_by_the_runner", [False, True])
def test_runner_killed_as_it_adds_jobs(cluster, controller, tried_by_the_runner):
    first = fan_out(3)
    last = double(first.output)
    for job in (first, last):
        job.update_metadata({"campaign": "adding", "stage": "label", "resource": "cpu"})
    before = controller.count_jobs({})
    first_id, last_id = controller.add_flow(Flow([first, last]), worker="cpu")
    runs(cluster, KILLED_ADDING + RUNNER, killed=True)
    assert state(controller, first_id) == "DOWNLOADED"
    if tried_by_the_runner:
        controller.unlock_jobs()
        controller.unlock_flows()
        controller.jobs.update_one({"db_id": first_id}, {"$set": {"remote.step_attempts": 9}})
        runs(cluster, ONE_LOOK)
        assert state(controller, first_id) == "REMOTE_ERROR"
    retry(controller, find_job(controller, first_id), silent_after=timedelta(seconds=0.1))
    runs(cluster, RUNNER)
    assert controller.count_jobs({}) - before == 5
    flow = controller.flows.find_one({"jobs": first.uuid})
    assert len(flow["ids"]) == len(flow["jobs"]) == len(flow["parents"]) == 5
    assert state(controller, last_id) == "COMPLETED"
    assert flow["state"] == "COMPLETED"
    names = controller.jobs.distinct("job.metadata.campaign", {"uuid": {"$in": flow["jobs"]}})
    assert names == ["adding"]  # the jobs that were added say so, too
