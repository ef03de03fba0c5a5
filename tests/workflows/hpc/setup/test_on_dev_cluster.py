"""The written project on a true SLURM: one trivial job per worker, through jobflow-remote."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.dev_cluster.cluster import DevCluster
from tests.dev_cluster.project import prepare, write_settings_and_project
from workflows.hpc.setup.job_script import job_script
from workflows.hpc.setup.project import ProjectFiles, validated_project
from workflows.hpc.setup.settings_file import checked_settings

pytest.importorskip("jobflow_remote")

WORKERS = ("dft-small", "dft-small-batch", "dft-large", "gpu", "cpu")
SUBMIT = """
import operator, sys
from jobflow import Flow, job
from jobflow_remote import submit_flow
for worker in sys.argv[1:]:
    made = job(operator.add)(1, 2)
    made.name = f"add on {worker}"
    submit_flow(Flow([made]), worker=worker,
                exec_config="vasp" if worker.startswith("dft") else None)
"""


def settings(cluster, work):
    one = {"queue": "dev", "walltime": "00:10:00"}
    return {
        "project": "licu",
        "scheduler": "slurm",
        "work_dir": str(work),
        "environment": {
            "bin": str(Path(sys.executable).parent),
            "lines": ["ulimit -c 0", "export PATH=/opt/nothing:$PATH"],
            "variables": {"OF_ALL": "two words; 'x'"},
        },
        "classes": {
            "dft-small": {**one, "batch": {"longest_job": "00:01:00"}},
            "dft-large": {**one, "tasks_per_node": 2, "memory_gb": 1},
            "gpu": {**one, "threads_per_task": 2},
            "cpu": one.copy(),
        },
        "vasp": {"command": "srun vasp_std", "potcars": "/home/lena/my potentials"},
        "mongodb": {
            "host": "127.0.0.1",
            "port": cluster.state.ports["database"],
            "database": "licu",
        },
    }


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    if shutil.which("slurmctld", path=f"{os.environ['PATH']}:/usr/sbin:/sbin") is None:
        pytest.skip("no SLURM here")
    cluster = DevCluster(tmp_path_factory.mktemp("dev") / "cluster")
    cluster.up(cpus=2)
    try:
        yield cluster
    finally:
        cluster.down(purge=True)


def submitted(cluster, given, tmp_path, *workers):
    """Run a job on each worker; return each worker's state and folder, and how to call more."""
    files = ProjectFiles(tmp_path / "projects", given.project)
    write_settings_and_project(given, files)
    assert prepare(files)
    assert not prepare(files)
    environment = cluster.environment | {
        "JFREMOTE_PROJECTS_FOLDER": str(files.folder),
        "JFREMOTE_PROJECT": given.project,
    }

    def call(program, *arguments):
        done = subprocess.run(
            [sys.executable, "-c", program, *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    call(SUBMIT, *workers)
    call(RUN)
    lines = [line.split() for line in call(STATES).splitlines()]
    assert sorted(line[0] for line in lines) == sorted(workers)
    return {worker: (state, Path(folder)) for worker, state, folder in lines}, call


@pytest.mark.slow
def test_each_worker_runs_what_its_script_says(cluster, tmp_path):
    work = tmp_path / "work"
    given = checked_settings(settings(cluster, work), Path("settings"))
    jobs, call = submitted(cluster, given, tmp_path, *WORKERS)
    project = validated_project(given, ProjectFiles(tmp_path / "projects", "licu"))
    for worker, (state, folder) in jobs.items():
        assert state == "COMPLETED", worker
        expected = job_script(
            project,
            worker,
            job_name=f"add on {worker}",
            run_dir=folder,
        )
        assert (folder / "submit.sh").read_text() == expected
    # the nodes need not know where the database is, let alone its password
    files_of_jobs = [path for path in work.rglob("*") if path.is_file()]
    assert len(files_of_jobs) > len(WORKERS)
    assert not any(b"MongoStore" in path.read_bytes() for path in files_of_jobs)
    assert "MongoStore" not in call(DOCUMENTS)


@pytest.mark.slow
def test_a_module_that_does_not_load_ends_the_job_and_says_so(cluster, tmp_path):
    data = settings(cluster, tmp_path / "work")
    data |= {"project": "modules", "mongodb": {**data["mongodb"], "database": "modules"}}
    data["classes"]["cpu"]["environment"] = {"modules": ["nothing/1.0"]}
    given = checked_settings(data, Path("settings"))
    jobs, _ = submitted(cluster, given, tmp_path, "cpu")
    state, folder = jobs["cpu"]
    assert state == "FAILED"
    said = (folder / "queue.err").read_text()
    assert "this line of the job script failed: module load nothing/1.0" in said
    assert not (folder / "jfremote_out.json").exists()


@pytest.mark.slow
@pytest.mark.parametrize("worker", WORKERS)
def test_sbatch_reads_the_golden_files(cluster, worker):
    """With a partition and sizes that this cluster has in place of theirs."""
    here = ["--partition=dev", "--nodes=1", "--ntasks-per-node=1", "--cpus-per-task=1"]
    here += ["--mem=0", "--gres=none", "--constraint="]
    script = Path(__file__).parent / "golden" / "slurm" / f"{worker}.sh"
    cluster.run("sbatch", "--test-only", *here, str(script))


RUN = """
from jobflow_remote.jobs.runner import Runner
runner = Runner()
for name in ("checkout", "check_run_status", "advance_status", "update_batch"):
    setattr(runner.project.runner, f"delay_{name}", 1)
runner.run_all_jobs(max_seconds=80)
"""
STATES = """
from jobflow_remote import get_jobstore
from jobflow_remote.jobs.jobcontroller import JobController
for job in JobController.from_project_name().get_jobs_info():
    print(job.worker, job.state.name, job.run_dir)
"""
DOCUMENTS = """
from jobflow_remote.jobs.jobcontroller import JobController
controller = JobController.from_project_name()
print(*controller.jobs.find(), *controller.flows.find(), *controller.auxiliary.find())
"""
