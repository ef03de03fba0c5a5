"""A cluster to break on purpose: its queue, its database, its node, and the runner between them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from cuprolith.errors import CuprolithError
from tests.dev_cluster.cluster import DevCluster
from tests.dev_cluster.project import prepare, write_settings_and_project
from workflows.hpc.jobs.campaign_jobs import CampaignJobs, JobRecord, find_job
from workflows.hpc.jobs.retry import retry
from workflows.hpc.jobs.status import CampaignStatus, campaign_status
from workflows.hpc.setup.project import ProjectFiles
from workflows.hpc.setup.settings import HpcSettings
from workflows.hpc.setup.settings_file import checked_settings

if TYPE_CHECKING:
    from jobflow_remote.jobs.jobcontroller import JobController

ROOT = Path(__file__).parents[3]
PROJECT = "faults"
VERBS = "\nfrom workflows.cli.main import main; main()"
MOMENT = timedelta(seconds=0.1)
# Of the worker `gpu`, which labels nothing: jobs that are sent there are told to have no more.
SHORT_WALL_TIME = 15
# And so much the queue gives them; SLURM counts in minutes.
LIMIT = "00:01:00"
_WAIT_SECONDS = 180.0
_POLL_SECONDS = 0.2

# As jobflow-remote's, but it looks every second, and dies before it writes a certain state.
_RUNNER = """
import os, sys
from jobflow_remote.jobs.jobcontroller import JobController
from jobflow_remote.jobs.runner import Runner
from jobflow_remote.utils.db import MongoLock

project, dies_before = sys.argv[1:]
release = MongoLock.release


def die(*arguments, **options):
    os.kill(os.getpid(), 9)


def release_or_die(lock, *arguments):
    changes = lock.update_on_release
    if isinstance(changes, dict) and changes.get("$set", {}).get("state") == dies_before:
        die()
    release(lock, *arguments)


MongoLock.release = release_or_die
if dies_before == "COMPLETED":  # of the flow; the job's is written without a lock's release
    JobController.update_flow_state = die
runner = Runner(project)
for name in ("checkout", "check_run_status", "advance_status", "update_batch"):
    setattr(runner.runner_options, f"delay_{name}", 1)
runner.run()
"""


@dataclass
class FaultyCluster:
    """A dev cluster with a project whose workers are one core each.

    Attributes
    ----------
    folder
        Holds project and work folders.
    """

    cluster: DevCluster
    folder: Path
    runner: subprocess.Popen[bytes] | None = None
    settings: HpcSettings = field(init=False)

    def __post_init__(self) -> None:
        self.settings = checked_settings(self._settings(), self.folder)
        write_settings_and_project(self.settings, self._files)
        prepare(self._files)

    @property
    def environment(self) -> dict[str, str]:
        """All variables for verbs and the runner; `sbatch` hands them on to the jobs."""
        return self.cluster.environment | {
            "JFREMOTE_PROJECTS_FOLDER": str(self._files.folder),
            "JFREMOTE_PROJECT": PROJECT,
            "PYTHONPATH": str(ROOT),
            "CUPROLITH_REHEARSAL": "emt-like",
            "COLUMNS": "200",
        }

    @contextmanager
    def controller(self) -> "Iterator[JobController]":
        """Open the database."""
        from jobflow_remote.config.base import Project

        document = yaml.safe_load(self._files.project.read_text())
        opened = Project.model_validate(document).get_job_controller()
        try:
            yield opened
        finally:
            opened.close()

    def start_runner(self, dies_before: str = "") -> subprocess.Popen[bytes]:
        """Start a runner; none is to run."""
        assert self.runner is None or self.runner.poll() is not None
        log = (self.folder / "runner.log").open("ab")
        with log:
            self.runner = subprocess.Popen(
                [sys.executable, "-c", _RUNNER, PROJECT, dies_before],
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        return self.runner

    def runner_dies_before(self, state: str) -> None:
        """Start a runner and wait until it is killed, about to write a state."""
        runner = self.start_runner(state)
        self.wait_until(lambda: runner.poll() is not None)
        assert runner.returncode == -signal.SIGKILL

    def kill_runner(self) -> None:
        """End the runner as ``kill -9`` does."""
        if self.runner is not None:
            self.runner.kill()
            self.runner.wait(30)

    def stop_runner(self) -> None:
        """Let the runner finish what it does, and end it: it leaves no lock."""
        if self.runner is not None and self.runner.poll() is None:
            self.runner.send_signal(signal.SIGTERM)
            self.runner.wait(60)

    def verb(self, *arguments: str, exit_code: int = 0) -> str:
        """Give a verb of the command line; return what it says."""
        process = self.begin_verb(*arguments)
        said, _ = process.communicate(timeout=_WAIT_SECONDS)
        assert process.returncode == exit_code, said
        return said

    def begin_verb(self, *arguments: str, before: str = "") -> subprocess.Popen[str]:
        """Begin a verb of the command line.

        Parameters
        ----------
        before
            Python code that runs before it.
        """
        return subprocess.Popen(
            [sys.executable, "-c", before + VERBS, *arguments],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def status(self, campaign: str, silent_after: timedelta = MOMENT) -> CampaignStatus:
        """Return how a campaign stands."""
        with self.controller() as controller:
            return campaign_status(controller, campaign, silent_after=silent_after)

    def in_states(self, campaign: str, *states: str) -> list[JobRecord]:
        """Return the jobs of a campaign that are in some states."""
        with self.controller() as controller:
            return list(CampaignJobs(controller, campaign).in_states(*states))

    def queue_id(self, campaign: str, name: str) -> str:
        """Return SLURM's id of a job."""
        with self.controller() as controller:
            query = {"job.metadata.campaign": campaign, "job.name": name}
            found = controller.jobs.find_one(query, ["remote"])
        return str(found["remote"]["process_id"])

    def recover(self, campaign: str) -> list[str]:
        """Try again what a killed runner has left behind; return the names of these jobs."""
        silent = [
            each for each in self.status(campaign).troubles if each.kind in ("silent", "retried")
        ]
        recovered = []
        with self.controller() as controller:
            for each in silent:
                try:
                    retry(controller, find_job(controller, each.db_id), silent_after=MOMENT)
                    recovered.append(each.name)
                except CuprolithError as error:  # it needs a runner and nothing else
                    assert "no runner moves it on" in str(error), error
        return sorted(recovered)

    def wait_for_end(self, campaign: str, n_failed: int = 0) -> CampaignStatus:
        """Wait until no job of a campaign is left; return how it stands then."""

        def at_rest() -> bool:
            standing = self.status(campaign, timedelta(minutes=15))
            moving = [stage.running for stage in standing.stages]
            return standing.n_failed >= n_failed and not (
                any(moving) or (standing.left and not n_failed)
            )

        self.wait_until(at_rest)
        return self.status(campaign, timedelta(minutes=15))

    def wait_until(self, condition: Callable[[], object]) -> None:
        """Wait for a condition; without it, tell how everything stands."""
        wait_until(condition, self.explained)

    def explained(self) -> str:
        """Return all jobs, the queue and the end of the runner's log."""
        with self.controller() as controller:
            fields = ["job.name", "state", "worker", "error", "remote.error", "lock_time"]
            jobs = [str({**each, "_id": ""}) for each in controller.jobs.find({}, fields)]
        queue = self.cluster.run("squeue")
        log = (self.folder / "runner.log").read_text(errors="replace")[-3000:]
        return "\n".join([*jobs, queue, log])

    @property
    def _files(self) -> ProjectFiles:
        return ProjectFiles(self.folder / "projects", PROJECT)

    def _settings(self) -> dict[str, Any]:
        one = {"queue": "dev", "walltime": "01:00:00"}
        batch = {"longest_job": "00:10:00", "processes": 2}
        short = {"variables": {"CUPROLITH_WALL_TIME": str(SHORT_WALL_TIME)}}
        return {
            "project": PROJECT,
            "scheduler": "slurm",
            "work_dir": str(self.folder / "work"),
            "environment": {"bin": str(Path(sys.executable).parent)},
            "classes": {
                "dft-small": {**one, "batch": batch},
                "dft-large": one,
                "gpu": {**one, "walltime": LIMIT, "environment": short},
                "cpu": one,
            },
            "mongodb": {
                "host": "127.0.0.1",
                "port": self.cluster.state.ports["database"],
                "database": PROJECT,
            },
        }


def wait_until(
    condition: Callable[[], object],
    explained: Callable[[], str] = lambda: "",
    seconds: float = _WAIT_SECONDS,
) -> None:
    """Wait for a condition; fail with an explanation when the time is over."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, explained()
        time.sleep(_POLL_SECONDS)


def is_root() -> bool:
    """Whether this process may do what only root may."""
    return os.geteuid() == 0
