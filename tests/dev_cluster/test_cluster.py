"""On a true SLURM."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.dev_cluster.cluster import DevCluster
from tests.dev_cluster.state import part_daemon

pytestmark = pytest.mark.slow

PARTS = ("munged", "slurmctld", "slurmd", "database")


def pids(cluster):
    return {part: part_daemon(cluster.layout, part).pid for part in PARTS}


def serving(cluster):
    return [status.name for status in cluster.status() if status.serves]


def submit(cluster, script, *options):
    """Submit a script whose output is appended to a file, and return the job's id and the file."""
    folder = cluster.layout.work / str(time.monotonic_ns())
    folder.mkdir()
    output = folder / "output.txt"
    places = [f"--chdir={folder}", f"--output={output}", "--open-mode=append"]
    options = ["--parsable", *places, *options]
    return cluster.run("sbatch", *options, "--wrap", script).strip(), output


def states(cluster):
    listed = cluster.run("squeue", "--noheader", "--format=%A %T").split()
    return dict(zip(listed[::2], listed[1::2], strict=True))


def start_now(cluster, job):
    """Spare a job that was queued again the wait for its credential to expire."""
    wait_for(lambda: states(cluster)[job] == "PENDING")
    cluster.run("scontrol", "update", f"JobId={job}", "StartTime=now")


def command_lines():
    found = psutil.process_iter(["cmdline"])
    return [" ".join(process.info["cmdline"] or ()) for process in found]


def wait_for(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_all_serve_after_up(cluster):
    assert serving(cluster) == list(PARTS)
    job, output = submit(cluster, "echo $SLURM_JOB_ID")
    wait_for(lambda: job not in states(cluster))
    assert output.read_text().strip() == job


def test_nothing_listens_beyond_this_machine(cluster):
    listening = [
        connection.laddr.ip
        for pid in pids(cluster).values()
        for process in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True))
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert len(listening) >= 3
    assert set(listening) == {"127.0.0.1"}


def test_up_again_changes_nothing(cluster):
    before = pids(cluster)
    cluster.up()
    assert pids(cluster) == before
    assert cluster.state.cpus == 2


def test_other_cores_and_another_folder_of_projects(cluster, tmp_path):
    """More cores than the machine has, and back; the choice holds."""
    before = cluster.state
    cluster.up(cpus=64, projects=tmp_path / "my projects")
    cluster.up()
    assert cluster.run("sinfo", "--noheader", "--format=%c %T").split() == ["64", "idle"]
    assert (tmp_path / "my projects" / "dev-cluster.yaml").exists()
    assert cluster.environment["JFREMOTE_PROJECTS_FOLDER"] == str(tmp_path / "my projects")
    cluster.up(cpus=before.cpus, projects=before.projects)
    assert cluster.state == before
    assert not (tmp_path / "my projects" / "dev-cluster.yaml").exists()
    assert serving(cluster) == list(PARTS)


@pytest.mark.parametrize("killed", [*((part,) for part in PARTS), PARTS])
def test_up_starts_what_was_killed_and_no_more(cluster, killed):
    before = pids(cluster)
    for part in killed:
        cluster.kill(part)
    assert not {"munged", "database"} & set(killed) & set(serving(cluster))
    cluster.up()
    after = pids(cluster)
    assert serving(cluster) == list(PARTS)
    assert {part for part in PARTS if after[part] != before[part]} == set(killed)


def test_up_mends_what_a_cleaner_of_tmp_removed(cluster):
    before = pids(cluster)
    shutil.rmtree(cluster.layout.runtime)
    cluster.up()
    after = pids(cluster)
    assert serving(cluster) == list(PARTS)
    assert {part for part in PARTS if after[part] != before[part]} == {"munged"}
    job, output = submit(cluster, "echo done")
    wait_for(lambda: job not in states(cluster))
    assert output.read_text().strip() == "done"


def test_a_job_goes_on_while_slurm_is_dead(cluster):
    job, output = submit(cluster, "echo begun; sleep 8; echo done")
    saved = cluster.layout.slurm / "state" / "job_state"
    wait_for(lambda: output.exists() and saved.stat().st_mtime > output.stat().st_mtime)
    cluster.kill("slurmd")
    cluster.kill("slurmctld")
    cluster.up()
    wait_for(lambda: job not in states(cluster))
    assert output.read_text().split() == ["begun", "done"]


def test_scancel(cluster):
    job, output = submit(cluster, "sleep 100 && echo done")  # the sleep may end before its shell
    wait_for(lambda: states(cluster).get(job) == "RUNNING")
    cluster.scancel(job)
    wait_for(lambda: job not in states(cluster))
    assert "done" not in output.read_text()


def test_a_failed_node_s_job_runs_again(cluster):
    job, output = submit(cluster, "echo begun; test -e again && exit; touch again; sleep 100")
    wait_for(output.exists)
    cluster.fail_node()
    start_now(cluster, job)
    wait_for(lambda: job not in states(cluster))
    text = output.read_text()
    assert text.count("begun") == 2
    assert "NODE FAILURE" in text


def test_down_cuts_jobs_off_and_up_runs_them_again(cluster):
    script = "echo begun; test -e again && exit; touch again; (trap '' TERM; sleep 1234)"
    cut, output = submit(cluster, script, "--ntasks=2")
    waiting, other = submit(cluster, "echo begun", "--ntasks=2")
    wait_for(output.exists)
    assert set(cluster.down()) == set(PARTS)
    assert not any("sleep 1234" in line for line in command_lines())
    assert not any(status.serves for status in cluster.status())
    assert cluster.down() == []
    cluster.up()
    start_now(cluster, cut)
    wait_for(lambda: not {cut, waiting} & set(states(cluster)))
    assert output.read_text().count("begun") == 2
    assert other.read_text().count("begun") == 1


def test_a_port_that_a_stranger_took_is_changed(cluster):
    before = cluster.state.ports
    cluster.down()
    with socket.socket() as stranger, socket.socket() as another:
        for taker, part in ((stranger, "database"), (another, "slurmd")):
            taker.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taker.bind(("127.0.0.1", before[part]))
            taker.listen()
        cluster.up()
        after = cluster.state.ports
        assert serving(cluster) == list(PARTS)
    assert after["slurmctld"] == before["slurmctld"]
    assert after["database"] != before["database"]
    assert after["slurmd"] != before["slurmd"]
    project = (cluster.state.projects / f"{cluster.project_name}.yaml").read_text()
    assert f"port: {after['database']}" in project
    assert f"port: {before['database']}\n" not in project


def test_up_that_was_killed_half_way_goes_on(installed, tmp_path):
    cluster = DevCluster(tmp_path / "c")
    program = (
        "import os, sys; from pathlib import Path\n"
        "from tests.dev_cluster.cluster import DevCluster\n"
        "DevCluster._start_database = lambda *_: os.kill(os.getpid(), 9)\n"
        "DevCluster(Path(sys.argv[1])).up()"
    )
    command = [sys.executable, "-c", program, str(cluster.layout.folder)]
    assert subprocess.run(command, check=False).returncode == -9
    try:
        slurm = pids(cluster)
        assert slurm.pop("database") is None
        cluster.up()
        assert serving(cluster) == list(PARTS)
        assert {part: pids(cluster)[part] for part in slurm} == slurm
    finally:
        cluster.down(purge=True)
    assert not cluster.layout.folder.exists()
    assert not cluster.layout.runtime.exists()


FLOW = """
import json, sys, time
from operator import add
from jobflow import Flow, job
from jobflow_remote import submit_flow
from jobflow_remote.jobs.jobcontroller import JobController
from jobflow_remote.jobs.state import JobState

first = job(add)(1, 2)
second = job(data=list)(add)([first.output], [10])
submit_flow(Flow([first, second]), worker="cpu")
controller = JobController.from_project_name()
while True:
    jobs = controller.get_jobs_info()
    if all(info.state in (JobState.COMPLETED, JobState.FAILED, JobState.REMOTE_ERROR)
           for info in jobs) or time.monotonic() > float(sys.argv[1]):
        break
    time.sleep(0.5)
print(json.dumps({
    "states": [info.state.value for info in jobs],
    "queue_ids": [info.remote.process_id for info in jobs],
    "output": controller.jobstore.get_output(second.uuid),
}))
"""


def test_a_flow_goes_through_sbatch_to_its_end(cluster, tmp_path):
    environment = {**cluster.environment, "PYTHONPATH": os.pathsep.join(sys.path)}
    script = tmp_path / "flow.py"
    script.write_text(FLOW)
    started = ["jf", "runner", "start", "--single"]
    subprocess.run(started, env=environment, check=True, capture_output=True)
    command = [sys.executable, str(script), str(time.monotonic() + 120)]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["states"] == ["COMPLETED", "COMPLETED"]
    assert result["output"] == [3, 10]
    assert all(queue_id.isdigit() for queue_id in result["queue_ids"])
    assert "runner" in serving(cluster)
    scripts = list(cluster.layout.work.rglob("submit.sh"))
    assert len(scripts) == 2
    assert all("#SBATCH --partition=dev" in path.read_text() for path in scripts)
    assert "runner" in cluster.down()
    assert not any(str(cluster.layout.runner) in line for line in command_lines())


ORDINARY_USER = """
import sys
from pathlib import Path
from tests.dev_cluster.cluster import DevCluster

cluster = DevCluster(Path(sys.argv[1]))
try:
    cluster.up()
    print([status.name for status in cluster.status() if status.serves])
    print(cluster.run("srun", "id", "--user", "--name"))
finally:
    cluster.down(purge=True)
"""


def as_nobody(*arguments):
    return subprocess.run(
        [sys.executable, "-c", *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "HOME": "/nonexistent"},
        user="nobody",
        group="nogroup",
        extra_groups=[],
        cwd="/tmp",
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_an_ordinary_user(installed):
    try:
        if as_nobody("import tests.dev_cluster.cluster").returncode:
            pytest.skip("nobody may not read this project or its libraries")
    except PermissionError:
        pytest.skip(f"nobody may not run {sys.executable}")
    folder = Path("/tmp") / f"cuprolith-nobody-{os.getpid()}"
    folder.mkdir()
    shutil.chown(folder, "nobody")
    try:
        done = as_nobody(ORDINARY_USER, str(folder / "c"))
    finally:
        shutil.rmtree(folder)
    assert done.stdout.splitlines() == [str(list(PARTS)), "nobody", ""], done.stderr
