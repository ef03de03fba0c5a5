"""Faults on a true SLURM with a true database: afterwards every label is there, and once."""

import signal
import subprocess
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import psutil
import pytest

from cuprolith.errors import CuprolithError
from tests.dev_cluster.cluster import DevCluster
from tests.dev_cluster.database import database_server
from tests.dev_cluster.project import require_jobflow_remote
from tests.dev_cluster.slurm import slurm_programs
from tests.workflows.hpc.faulty_cluster import FaultyCluster, is_root
from tests.workflows.hpc.rehearsed_campaign import RELAX_STEPS, SEGMENTS, RehearsedCampaign
from tests.workflows.hpc.waiting_jobs import WaitingCampaign, label_job
from workflows.environment import cuprolith_version
from workflows.hpc.submission.queue_file import read_queue_file, write_queue_file
from workflows.labelling.label_plan import label_folder
from workflows.stages.label import label
from workflows.workdir import Workdir

pytestmark = pytest.mark.slow

# More than the machine has: most jobs wait.
CORES = 16


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    for required in (slurm_programs, database_server, require_jobflow_remote):
        try:
            required()
        except CuprolithError as error:
            pytest.skip(str(error))
    folder = tmp_path_factory.mktemp("faults")
    cluster = DevCluster(folder / "cluster")
    started = None
    try:
        cluster.up(cpus=CORES)
        started = FaultyCluster(cluster, folder)
        yield started
    finally:
        if started is not None:
            started.stop_runner()
        cluster.down(purge=True)


@pytest.fixture
def site(running, monkeypatch):
    """The cluster without a runner; this process speaks with its SLURM."""
    for name, value in running.environment.items():
        monkeypatch.setenv(name, value)
    running.stop_runner()
    return running


def test_a_node_that_fails(site, tmp_path):
    plain, short = (
        label_job("plain", on="dft-large"),
        label_job("short", on="dft-small", short=True),
    )
    campaign = WaitingCampaign(site, tmp_path / "node", [plain, short, label_job("after", plain)])
    campaign.submit()
    site.start_runner()
    site.wait_until(lambda: campaign.waits("plain") and campaign.waits("short"))
    site.wait_until(lambda: len(site.in_states("node", "RUNNING")) == 2)
    site.cluster.fail_node()
    site.cluster.up()
    campaign.go()
    # SLURM runs both again
    campaign.assert_whole()
    assert [campaign.attempts(name) for name in campaign.names] == [2, 2, 1]


def test_jobs_that_are_cancelled_in_the_queue(site, tmp_path):
    plain, short = (
        label_job("plain", on="dft-large"),
        label_job("short", on="dft-small", short=True),
    )
    campaign = WaitingCampaign(site, tmp_path / "cancelled", [plain, short])
    campaign.submit()
    site.start_runner()
    site.wait_until(lambda: campaign.waits("plain") and campaign.waits("short"))
    site.wait_until(lambda: len(site.in_states("cancelled", "RUNNING")) == 2)
    site.cluster.scancel(*(site.queue_id("cancelled", name) for name in campaign.names))
    standing = site.wait_for_end("cancelled", n_failed=2)
    assert all("killed" in trouble.error for trouble in standing.troubles)
    campaign.go()
    assert "again" in site.verb("retry", "--failed", "--campaign", "cancelled", "--yes")
    campaign.assert_whole()
    assert [campaign.attempts(name) for name in campaign.names] == [2, 2]


def test_a_runner_that_is_killed_before_each_state(site, tmp_path):
    """Between `sbatch` and the database, too: that is before SUBMITTED."""
    short = [label_job(f"short-{n}", on="dft-small", short=True) for n in range(5)]
    jobs = [*(label_job(f"plain-{n}") for n in range(5)), *short]
    campaign = WaitingCampaign(site, tmp_path / "runner", jobs)
    campaign.submit()
    for state in ("UPLOADED", "SUBMITTED", "RUNNING"):
        site.runner_dies_before(state)
    campaign.go()
    for state in ("DOWNLOADED", "COMPLETED"):
        site.runner_dies_before(state)
    assert len(site.recover("runner")) >= 4  # of five deaths, each leaves one job at most
    site.start_runner()
    campaign.assert_whole()
    assert {campaign.attempts(name) for name in campaign.names} == {1}


def test_a_database_that_is_killed(site, tmp_path):
    """Some jobs end while it is down, others are not even submitted."""
    first = [label_job(f"first-{n}", on="dft-large") for n in range(2)]
    last = [label_job(f"last-{n}", first[n]) for n in range(2)]
    campaign = WaitingCampaign(site, tmp_path / "database", [*first, *last])
    campaign.submit()
    site.start_runner()
    site.wait_until(lambda: all(campaign.waits(each.name) for each in first))
    site.cluster.kill("database")
    campaign.go()
    site.wait_until(lambda: all(campaign.jobs.result(each.uuid) for each in first))
    site.cluster.up()
    # it would go on by itself after 120 s, jobflow-remote's pause after an error
    site.kill_runner()
    site.recover("database")
    site.start_runner()
    campaign.assert_whole()
    assert {campaign.attempts(name) for name in campaign.names} == {1}


def assert_whole(campaign, tmp_path):
    """All labels are there, once; those of the dynamics are the ones of undisturbed dynamics."""
    assert campaign.gather() == len(SEGMENTS) + 1
    relaxed, *segments = campaign.labels()
    home = campaign.relaxed_elsewhere(tmp_path / "home")
    label(home.workdir)
    others = home.labels()[1:]
    for found, expected in zip(segments, others, strict=True):
        for key in ("trajectory_id", "first_step", "n_frames", "task"):
            assert found[key] == expected[key]
        for key in ("positions", "energies", "forces", "scf_converged"):
            ours, theirs = (each["trajectory"][key] for each in (found, expected))
            np.testing.assert_allclose(ours, theirs, atol=2e-6, err_msg=key)
    assert relaxed["trajectory_id"] == home.labels()[0]["trajectory_id"]
    assert [row["n_steps"] for row in campaign.rows()] == [relaxed["n_frames"], sum(SEGMENTS)]
    assert all(row["complete"] for row in campaign.rows())


def assert_went_on(campaign, run, n_steps):
    """Each attempt began where the one before ended: no step but the last of it came twice.

    A relaxation begins with that, as VASP's do, and counts it among the steps that are left.
    """
    attempts = campaign.energies(run)
    assert len(attempts) > 1
    if run == "relax":
        for before, after in pairwise(attempts):
            assert after[0] == pytest.approx(before[-1], abs=1e-6)
    repeated = len(attempts) - 1 if run == "relax" else 0
    n_labels = sum(map(len, attempts)) - repeated
    assert n_labels == n_steps - (run == "relax")


def processes_below(folder):
    return [
        process
        for process in psutil.process_iter(["cwd"])
        if (process.info["cwd"] or "").startswith(f"{folder}/")
    ]


@pytest.fixture(scope="module")
def short_of_time(running, tmp_path_factory):
    """A rehearsed campaign in the queue whose jobs have less wall time than their runs take."""
    campaign = RehearsedCampaign(tmp_path_factory.mktemp("short") / "short-of-time")
    campaign.order("relax", "slow", seconds=1.1, times=99)
    campaign.order("1", "slow", seconds=2.0, times=99)
    campaign.submit(running, worker="gpu")
    return campaign


@pytest.fixture(scope="module")
def overrun(running, tmp_path_factory):
    """One whose relaxation believes to have time, until the queue ends its job."""
    campaign = RehearsedCampaign(tmp_path_factory.mktemp("overrun") / "overrun", wall_time=3600)
    campaign.order("relax", "slow", seconds=15)
    campaign.submit(running, worker="gpu")
    return campaign


@pytest.mark.usefixtures("short_of_time", "overrun")  # their jobs run meanwhile
def test_vasp_that_is_killed_goes_on_from_its_last_step(site, tmp_path):
    campaign = RehearsedCampaign(tmp_path / "killed")
    for run in ("relax", "1"):
        campaign.order(run, "frozen", at_step=4)
    campaign.submit(site)
    site.start_runner()
    for run in ("relax", "1"):
        site.wait_until(lambda run=run: campaign.n_printed(run) == 3)
        site.wait_until(lambda: site.in_states("killed", "RUNNING"))
        (job,) = site.in_states("killed", "RUNNING")
        site.cluster.scancel(site.queue_id("killed", job.name))
        (trouble,) = site.wait_for_end("killed", n_failed=1).troubles
        assert "killed" in trouble.error
        site.wait_until(lambda: not processes_below(tmp_path))
        site.verb("retry", trouble.db_id)
    assert site.wait_for_end("killed").troubles == []
    assert_whole(campaign, tmp_path)
    for run, n_steps in (("relax", RELAX_STEPS), ("1", SEGMENTS[0])):
        assert_went_on(campaign, run, n_steps)
        assert len(campaign.energies(run)[0]) == 3


def test_the_end_of_the_wall_time_needs_no_hand(site, short_of_time, tmp_path):
    site.start_runner()
    standing = site.wait_for_end("short-of-time")
    assert standing.troubles == []
    assert_whole(short_of_time, tmp_path)
    for run, n_steps in (("relax", RELAX_STEPS), ("1", SEGMENTS[0])):
        assert_went_on(short_of_time, run, n_steps)
    assert "WalltimeHandler" in short_of_time.corrections("relax")
    n_attempts = [len(short_of_time.energies(run)) for run in ("relax", "1", "2")]
    # and one more where the time was over as VASP took its last step
    assert sum(stage.done for stage in standing.stages) >= sum(n_attempts)


@pytest.fixture
def small_disk(tmp_path):
    """A folder with room for 1 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if not is_root() or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("no mounts here")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk(site, small_disk):
    jobs = [label_job("small"), label_job("large", size=500_000)]
    campaign = WaitingCampaign(site, small_disk / "disk-full", jobs)
    campaign.go()
    campaign.submit()
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(850_000))
    site.start_runner()
    standing = site.wait_for_end("disk-full", n_failed=1)
    (trouble,) = standing.troubles
    assert trouble.name == "large"
    assert "no space left on the" in trouble.error
    assert "No space left on device" in site.verb("logs", trouble.db_id)
    ballast.unlink()
    site.verb("retry", trouble.db_id)
    campaign.assert_whole()


def test_a_node_with_another_version(site, tmp_path):
    campaign = WaitingCampaign(site, tmp_path / "version", [label_job("one"), label_job("two")])
    campaign.go()
    campaign.submit(version="0.0.7")
    site.start_runner()
    told = f"submitted by Cuprolith 0.0.7, but this node has {cuprolith_version()}"
    standing = site.wait_for_end("version", n_failed=2)
    assert all(told in trouble.error for trouble in standing.troubles)
    assert told in " ".join(site.verb("status", "version").split())
    assert told in site.verb("logs", standing.troubles[0].db_id)
    assert campaign.attempts("one") == campaign.attempts("two") == 0
    # as `submit` does, once the node has the version that submits
    write_queue_file(
        campaign.workdir,
        read_queue_file(campaign.workdir).model_copy(update={"version": cuprolith_version()}),
    )
    site.verb("retry", "--failed", "--campaign", "version", "--yes")
    campaign.assert_whole()


def test_a_job_that_the_queue_ends_at_its_limit(site, overrun, tmp_path):
    site.start_runner()
    (trouble,) = site.wait_for_end("overrun", n_failed=1).troubles
    assert "killed" in trouble.error
    n_printed = overrun.n_printed("relax")
    assert 0 < n_printed < RELAX_STEPS
    site.wait_until(lambda: not processes_below(overrun.workdir.root))
    site.verb("retry", trouble.db_id)
    assert site.wait_for_end("overrun").troubles == []
    assert_whole(overrun, tmp_path)
    assert_went_on(overrun, "relax", RELAX_STEPS)
    assert len(overrun.energies("relax")[0]) == n_printed


CAMPAIGN = """\
name: submitted
crystals:
  Cu: {prototype: fcc, a: 3.575}
structures:
  bulk: {strains: [-0.02, 0.0, 0.02]}
engine:
  name: vasp
  vasp: {vasp_cmd: cuprolith-vasp-rehearsal, pbe_start: false}
"""
N_STRUCTURES = 3
N_STAGES = 6
DIES_AMIDST = """
import os
from pymongo.collection import Collection
Collection.insert_many = lambda *_, **__: os.kill(os.getpid(), 9)
"""


def test_submissions_that_are_killed_or_given_twice_at_once(site, tmp_path):
    """The first one dies between the flow and its jobs; then two come, on a node that is behind."""
    given = tmp_path / "submitted.yaml"
    given.write_text(CAMPAIGN)
    killed = site.begin_verb("submit", str(given), before=DIES_AMIDST)
    killed.communicate()
    assert killed.returncode == -signal.SIGKILL
    assert "a moment ago" in site.verb("submit", str(given), exit_code=1)
    with site.controller() as controller:
        long_ago = datetime.now(UTC) - timedelta(minutes=5)
        of_campaign = {"metadata.campaign": "submitted"}
        controller.flows.update_many(of_campaign, {"$set": {"created_on": long_ago}})

    both = [site.begin_verb("submit", str(given)) for _ in range(2)]
    said = [process.communicate()[0] for process in both]
    assert 0 in [process.returncode for process in both], said
    assert "stages added" in "".join(said)
    with site.controller() as controller:
        (flow,) = controller.flows.find(of_campaign)
        jobs = list(controller.jobs.find({"job.metadata.campaign": "submitted"}))
    assert sorted(job["uuid"] for job in jobs) == sorted(flow["jobs"])
    assert len(jobs) == N_STAGES

    site.start_runner()
    workdir = Workdir(Path(jobs[0]["job"]["metadata"]["workdir"]))
    # All labels are there, once; the strained cells are one group, which collect refuses to split.
    (trouble,) = site.wait_for_end("submitted", n_failed=1).troubles
    assert (trouble.stage, "unrelated group" in trouble.error) == ("collect", True)
    assert len(list(label_folder(workdir).results())) == N_STRUCTURES
