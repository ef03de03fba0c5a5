"""The dev cluster on which it is measured, its project, and the runner as `jf` starts it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import yaml
from jobflow import Flow
from jobflow_remote.config.base import Project

from tests.dev_cluster.cluster import DevCluster
from tests.dev_cluster.project import prepare, write_settings_and_project
from tests.dev_cluster.runner import runner_process, stop_runner
from workflows.environment import cuprolith_version
from workflows.hpc.setup.project import ProjectFiles
from workflows.hpc.setup.settings import HpcSettings
from workflows.hpc.setup.settings_file import checked_settings
from workflows.hpc.submission.queue_file import (
    QueueFile,
    routes,
    write_queue_file,
)
from workflows.hpc.submission.queue_planner import QueuePlanner
from workflows.labelling.label_plan import label_folder
from workflows.workdir import Workdir

from .trivial_label import trivial_labels

Mode = Literal["batch", "plain"]
CAMPAIGN = "overhead"
PROJECT = "overhead"
_ROOT = Path(__file__).parents[3]
_CLOCK = "clock"
_CLASS = "dft-small"


class Site:
    """A dev cluster with a project as `cuprolith hpc init` writes it.

    Its jobs also append what processor time their shells have taken to the file ``job``.

    Parameters
    ----------
    folder
        New; holds all of it.
    """

    def __init__(self, folder: Path, mode: Mode, cpus: int) -> None:
        self.folder = folder.resolve()
        self.mode = mode
        self.cluster = DevCluster(self.folder / "cluster")
        self.cluster.up(cpus=cpus)
        self.settings = self._settings()
        self.workdir = Workdir(self.folder / "campaign")
        self.times = self.folder / "times"
        self.times.mkdir()
        self._write_project()

    @property
    def environment(self) -> dict[str, str]:
        """All variables for the runner; `sbatch` hands them on to the jobs."""
        return self.cluster.environment | {
            "JFREMOTE_PROJECTS_FOLDER": str(self._files.folder),
            "JFREMOTE_PROJECT": PROJECT,
            "PYTHONPATH": str(_ROOT),
        }

    @cached_property
    def project(self) -> Project:
        """As jobflow-remote reads it."""
        return Project.model_validate(yaml.safe_load(self._files.project.read_text()))

    @contextmanager
    def controller(self) -> Iterator[Any]:
        """Open the database."""
        opened = self.project.get_job_controller()
        try:
            yield opened
        finally:
            opened.close()

    def submit(self, n_jobs: int) -> int:
        """Add so many trivial label jobs to the queue; return how many jobs the queue has then."""
        self.workdir.runs.mkdir(parents=True)
        queue = QueueFile(
            campaign=CAMPAIGN,
            project=PROJECT,
            version=cuprolith_version(),
            submission=0,
            routes={
                name: route.model_copy(update={"exec_config": _CLOCK})
                for name, route in routes(self.settings).items()
            },
            dft_large_from_atoms=100,
        )
        write_queue_file(self.workdir, queue)
        planner = QueuePlanner(self.workdir, queue, label_folder(self.workdir), "label")
        flow = planner.flow([Flow(trivial_labels(n_jobs))])
        with self.controller() as controller:
            return len(controller.add_flow(flow, worker=_CLASS))

    def start_runner(self) -> None:
        """Start the runner's four processes, as a person does."""
        jf = Path(sys.executable).with_name("jf")
        command = [str(jf), "-p", PROJECT, "runner", "start"]
        subprocess.run(command, env=self.environment, check=True, capture_output=True)

    def runner_pid(self) -> int | None:
        """The supervisor of the runner's processes."""
        process = runner_process(self._files.base)
        return None if process is None else process.pid

    def n_labels(self) -> int:
        """Labels that are there."""
        return sum(1 for _ in label_folder(self.workdir).results())

    def queue_is_empty(self) -> bool:
        return not self.cluster.run("squeue", "--noheader").strip()

    def n_submitted(self) -> int:
        """Jobs that SLURM was ever given."""
        shown = self.cluster.run("scontrol", "show", "config")
        (line,) = (line for line in shown.splitlines() if line.startswith("NEXT_JOB_ID"))
        return int(line.partition("=")[2]) - 1

    def close(self) -> None:
        """Stop all of it; the files stay."""
        stop_runner(self._files.base)
        self.cluster.down()

    @property
    def _files(self) -> ProjectFiles:
        return ProjectFiles(self.folder / "projects", PROJECT)

    def _settings(self) -> HpcSettings:
        common = {"queue": "dev", "walltime": "24:00:00"}
        small = {"batch": {"processes": self.cluster.state.cpus}} if self.mode == "batch" else {}
        classes = dict.fromkeys(("dft-large", "gpu", "cpu"), common)
        data = {
            "project": PROJECT,
            "scheduler": "slurm",
            "work_dir": str(self.folder / "work"),
            "environment": {"bin": str(Path(sys.executable).parent)},
            "classes": {_CLASS: {**common, **small}, **classes},
            "mongodb": {
                "host": "127.0.0.1",
                "port": self.cluster.state.ports["database"],
                "database": PROJECT,
            },
        }
        return checked_settings(data, self.folder)

    def _write_project(self) -> None:
        write_settings_and_project(self.settings, self._files)
        document = yaml.safe_load(self._files.project.read_text())
        document["exec_config"] = {_CLOCK: {"pre_run": self._clock("job")}}
        self._files.project.write_text(yaml.safe_dump(document))
        prepare(self._files)

    def _clock(self, name: str) -> str:
        return f"trap 'times >> {self.times / name}' EXIT"
