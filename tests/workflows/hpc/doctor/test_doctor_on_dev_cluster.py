"""`cuprolith doctor --hpc` on a true SLURM: all is well, and then much is not."""

import getpass
import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from tests.dev_cluster.cluster import DevCluster
from tests.dev_cluster.project import (
    controller_of,
    prepare,
    project_files,
    write_settings_and_project,
)
from workflows.environment import cuprolith_version
from workflows.hpc.jobs.runner_status import runner_status
from workflows.hpc.setup.project import ProjectFiles
from workflows.hpc.setup.settings_file import checked_settings

pytest.importorskip("jobflow_remote")
pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[4]
WORKERS = ("dft-small", "dft-small-batch", "dft-large", "gpu", "cpu")
CUPROLITH = "from workflows.cli.main import main; main()"
RUNNER = """
from jobflow_remote.jobs.runner import Runner
runner = Runner()
for name in ("checkout", "check_run_status", "advance_status", "update_batch"):
    setattr(runner.project.runner, f"delay_{name}", 1)
runner.run()
"""


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


def settings(cluster, folder):
    """Settings of a project with a VASP and potentials that exist."""
    program = folder / "bin" / "vasp_std"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    (folder / "potcars" / "POT_GGA_PAW_PBE_54").mkdir(parents=True)
    one = {"queue": "dev", "walltime": "00:10:00"}
    database = {"host": "127.0.0.1", "port": cluster.state.ports["database"]}
    return {
        "project": folder.name,
        "scheduler": "slurm",
        "work_dir": str(folder / "work"),
        "environment": {
            "bin": str(Path(sys.executable).parent),
            "variables": {"PYTHONPATH": str(ROOT)},
        },
        "classes": {
            "dft-small": {**one, "batch": {"longest_job": "00:01:00"}},
            "dft-large": {**one, "tasks_per_node": 2},
            "gpu": one.copy(),
            "cpu": one.copy(),
        },
        "vasp": {"command": f"srun {program}", "potcars": str(folder / "potcars")},
        "mongodb": {**database, "database": folder.name},
    }


@contextmanager
def doctor(cluster, data, folder, *, runs=True):
    """Write a project and start its runner; yield how to ask the doctor."""
    given = checked_settings(data, Path("settings"))
    files = ProjectFiles(folder / "projects", given.project)
    write_settings_and_project(given, files)
    environment = cluster.environment | {
        "JFREMOTE_PROJECTS_FOLDER": str(files.folder),
        "JFREMOTE_PROJECT": given.project,
        "PYTHONPATH": str(ROOT),
    }

    def ask(*options):
        done = subprocess.run(
            [sys.executable, "-c", CUPROLITH, "doctor", "--hpc", "--json", *options],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            cwd=folder,
        )
        assert done.returncode in {0, 1}, done.stderr
        return done.returncode, {check["subject"]: check for check in json.loads(done.stdout)}

    def kill_when_jobs_wait(cluster):
        command = [sys.executable, "-c", CUPROLITH, "doctor", "--hpc"]
        killed = subprocess.Popen(command, env=environment, cwd=folder, stdout=subprocess.DEVNULL)
        while "doctor-" not in cluster.run("squeue", "--noheader", "--format=%j"):
            assert killed.poll() is None
            time.sleep(0.2)
        killed.kill()
        killed.wait()

    ask.prepare = lambda: prepare(files)
    ask.kill_when_jobs_wait = kill_when_jobs_wait
    runner = None
    if runs:
        ask.prepare()
        runner = subprocess.Popen([sys.executable, "-c", RUNNER], env=environment, cwd=folder)
        wait_for_sign(runner, files)
    try:
        yield ask
    finally:
        if runner is not None:
            runner.kill()
            runner.wait()


def wait_for_sign(runner, files):
    """Wait for a runner's first sign: without one, the doctor rightly calls it missing."""
    with controller_of(files) as controller:
        while runner_status(controller).runs is False:
            assert runner.poll() is None
            time.sleep(0.2)


def files_of_jobs(folder):
    """Files of jobs; those of allocations are jobflow-remote's, and their end is awaited."""
    work = folder / "work"
    return [path for path in work.rglob("*") if path.is_file() and "batches" not in path.parts]


def test_all_is_well(cluster, tmp_path):
    data = settings(cluster, tmp_path)
    with doctor(cluster, data, tmp_path) as ask:
        code, found = ask("--timeout", "120")
    assert code == 0, found
    for worker in WORKERS:
        assert found[f"job on {worker}"]["status"] == "ok"
        assert f"Cuprolith {cuprolith_version()}" in found[f"job on {worker}"]["found"]
    on_dft = "dft-small, dft-small-batch, dft-large"
    assert str(tmp_path / "bin" / "vasp_std") in found[f"VASP on {on_dft}"]["found"]
    assert found[f"VASP potentials on {on_dft}"]["status"] == "ok"
    assert found["GPU on gpu"]["status"] in {"ok", "note"}
    assert files_of_jobs(tmp_path) == []


def test_what_is_wrong_is_found_on_the_node(cluster, tmp_path):
    data = settings(cluster, tmp_path)
    data["vasp"] = {"command": "srun vasp_std", "potcars": str(tmp_path / "nothing")}
    other = tmp_path / "other" / "cuprolith-0.0.1.dist-info"
    other.mkdir(parents=True)
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: cuprolith\nVersion: 0.0.1\n")
    elsewhere = {"OTHER": "x", "PYTHONPATH": f"{other.parent}:{ROOT}"}
    data["classes"]["cpu"]["environment"] = {"variables": elsewhere}
    data["classes"]["dft-large"]["environment"] = {"modules": ["nothing/1.0"]}
    data["classes"]["gpu"]["queue"] = "nothing"
    with doctor(cluster, data, tmp_path) as ask:
        code, found = ask("--timeout", "120")
    assert code == 1
    on_dft = "dft-small, dft-small-batch"
    vasp = found[f"VASP on {on_dft}"]
    assert (vasp["status"], "no program vasp_std there" in vasp["found"]) == ("missing", True)
    assert "`vasp.command`" in vasp["remedy"]
    assert found[f"VASP potentials on {on_dft}"]["status"] == "missing"
    cpu = found["job on cpu"]
    assert cpu["status"] == "missing"
    assert "Cuprolith 0.0.1 there" in cpu["found"]
    assert f"{cuprolith_version()} here" in cpu["found"]
    large = found["job on dft-large"]
    assert large["found"].endswith("this line of the job script failed: module load nothing/1.0")
    gpu = found["job on gpu"]
    assert "invalid partition" in gpu["found"]
    assert files_of_jobs(tmp_path) == []


def test_a_busy_queue_is_no_failure(cluster, tmp_path):
    data = settings(cluster, tmp_path)
    cluster.run("sbatch", "--exclusive", "--output=/dev/null", "--wrap=sleep 600")
    try:
        with doctor(cluster, data, tmp_path) as ask:
            code, found = ask("--timeout", "30")
            assert code == 0, found
            cpu = found["job on cpu"]
            assert cpu["status"] == "note"
            assert "waits in the queue" in cpu["found"]
            assert cpu["remedy"].startswith("cuprolith logs ")
            waiting = cluster.run("squeue", "--noheader", "--format=%A %j").splitlines()
            assert sum("doctor-" in line for line in waiting) == 5
            # the next one takes these out of the queue first
            ask("--timeout", "1")
            left = cluster.run("squeue", "--noheader", "--format=%A %j").splitlines()
            assert not {line for line in left if "doctor-" in line} & set(waiting)
    finally:
        cluster.scancel("--user", getpass.getuser())


def test_without_a_queue_and_without_a_runner(cluster, tmp_path):
    data = settings(cluster, tmp_path)
    with doctor(cluster, data, tmp_path, runs=False) as ask:
        code, found = ask()
        assert code == 1
        assert found["queue"]["remedy"].startswith("cuprolith hpc prepare")
        ask.prepare()
        code, found = ask()
    assert code == 1
    assert found["queue"]["status"] == "ok"
    assert found["runner"]["remedy"] == f"jf -p {tmp_path.name} runner start"
    assert found["round trip"]["status"] == "skipped"


def test_a_doctor_killed_amid_does_not_block_the_next(cluster, tmp_path):
    data = settings(cluster, tmp_path)
    with doctor(cluster, data, tmp_path) as ask:
        ask.kill_when_jobs_wait(cluster)
        code, found = ask("--timeout", "120")
    assert code == 0, found
    assert files_of_jobs(tmp_path) == []


def test_what_it_advises_on_a_dev_cluster_leaves_that_whole(cluster, tmp_path):
    """VASP is put into the settings; then the cluster comes up again, and all is well."""
    program, potcars = tmp_path / "vasp_std", tmp_path / "potcars"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    (potcars / "POT_GGA_PAW_PBE_54").mkdir(parents=True)
    environment = cluster.environment | {"PYTHONPATH": str(ROOT)}

    def shell(*command):
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout

    def cuprolith(*arguments):
        return shell(sys.executable, "-c", CUPROLITH, *arguments)

    path = project_files(cluster.state.projects).settings
    data = yaml.safe_load(path.read_text())
    data["vasp"] = {"command": f"srun {program}", "potcars": str(potcars)}
    path.write_text(yaml.safe_dump(data))
    cuprolith("hpc", "write")
    cluster.up()
    shell("jf", "-p", "dev-cluster", "runner", "start")
    found = {
        check["subject"]: check
        for check in json.loads(cuprolith("doctor", "--hpc", "--json", "--timeout", "300"))
    }
    on_dft = "dft-small, dft-small-batch, dft-large"
    assert str(program) in found[f"VASP on {on_dft}"]["found"]
    assert found[f"VASP potentials on {on_dft}"]["status"] == "ok"
    assert found["runner"]["found"] == "runs here"
