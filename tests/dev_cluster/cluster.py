"""A dev cluster: start it, look at it, break it on purpose, stop it."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

from cuprolith.json_files import write_atomically
from cuprolith.lock import workdir_lock
from tests.dev_cluster.daemon import accepts_connections
from tests.dev_cluster.database import answers, database_server, scripts_folder
from tests.dev_cluster.layout import DEFAULT_FOLDER, Layout, node_name
from tests.dev_cluster.ports import port_is_free
from tests.dev_cluster.project import (
    PROJECT_NAME,
    cluster_settings,
    prepare,
    project_files,
    remove_project,
    require_jobflow_remote,
    write_project,
)
from tests.dev_cluster.runner import stop_runner
from tests.dev_cluster.slurm import (
    end_steps,
    is_out_of_service,
    is_usable,
    munged_command,
    node_state,
    requeue_lost_jobs,
    run_slurm,
    slurm_conf,
    slurm_programs,
    slurmctld_command,
    slurmd_command,
)
from tests.dev_cluster.state import (
    ClusterState,
    Part,
    choose_state,
    part_daemon,
    read_state,
)
from tests.dev_cluster.status import PartStatus, part_statuses

_START_SECONDS = 60.0
_STOP_SECONDS = 20.0
# slurmctld first: it shall neither start more jobs nor hear how those end that are cut off
_STOP_ORDER: tuple[Part, ...] = ("slurmctld", "slurmd", "munged", "database")


class DevCluster:
    """A single-node SLURM, a MongoDB-wire server and their jobflow-remote project.

    Parameters
    ----------
    folder
        Holds all of it; need not exist.
    """

    project_name = PROJECT_NAME

    def __init__(self, folder: Path = DEFAULT_FOLDER) -> None:
        self.layout = Layout.of(folder)

    @property
    def state(self) -> ClusterState:
        """Ports, database server, cores and folder of projects.

        Raises
        ------
        CuprolithError
            If the cluster has never been started.
        """
        return read_state(self.layout)

    @property
    def environment(self) -> dict[str, str]:
        """All variables for processes that work with the cluster: `sbatch`, `jf`, the runner.

        jobflow-remote reads them once, when it is imported.

        Raises
        ------
        CuprolithError
            If the cluster has never been started, or SLURM is not installed.
        """
        before, behind = _folders()
        path = os.pathsep.join([before, os.environ.get("PATH", os.defpath), behind])
        return {**os.environ, **self._variables(), "PATH": path}

    def up(self, *, cpus: int | None = None, projects: Path | None = None) -> None:
        """Start what does not run, leave alone what runs, and wait until all of it answers.

        Parameters
        ----------
        cpus
            Cores of the node; as before, or else those of this process.
        projects
            Folder of jobflow-remote's project files; as before, or else one in the folder.

        Raises
        ------
        CuprolithError
            If something is not installed, or a part does not start.
        """
        slurm_programs()
        require_jobflow_remote()
        self.layout.claim()
        with workdir_lock(self.layout.folder):
            self.layout.create()
            state = choose_state(self.layout, cpus, projects)
            environment = self.environment
            self._start_slurm(state, environment)
            self._start_database(state, environment)
            settings = cluster_settings(
                self.layout,
                database_port=state.ports["database"],
                cpus=state.cpus,
                projects=state.projects,
            )
            write_project(state.projects, self.layout, settings)
            prepare(project_files(state.projects))
            write_atomically(self.layout.environment_script, [self._environment_script()])

    def down(self, *, purge: bool = False) -> list[str]:
        """Stop what runs and return its names; jobs that run end as in a power cut.

        SLURM keeps its queue: after the next `up` it runs the jobs again that were cut off.

        Parameters
        ----------
        purge
            Remove all files, too.
        """
        if not self.layout.state_file.exists():
            return []
        with workdir_lock(self.layout.folder):
            stopped = ["runner"] if stop_runner(self.layout.runner) else []
            daemons = [part_daemon(self.layout, part) for part in _STOP_ORDER]
            stopped += [daemon.name for daemon in daemons if daemon.stop(_STOP_SECONDS)]
            end_steps(self.layout.spool)
            if purge:
                remove_project(self.state.projects, self.layout)
                shutil.rmtree(self.layout.runtime, ignore_errors=True)
                shutil.rmtree(self.layout.folder, ignore_errors=True)
        return stopped

    def status(self) -> list[PartStatus]:
        """Return how each part is.

        Raises
        ------
        CuprolithError
            If the cluster has never been started.
        """
        return part_statuses(self.layout, self.state, self.environment)

    def kill(self, part: Part) -> None:
        """End one part as ``kill -9`` does; `up` starts it again."""
        part_daemon(self.layout, part).kill()

    def run(self, *command: str) -> str:
        """Run a command of SLURM on the cluster and return what it prints.

        Raises
        ------
        CuprolithError
            If it fails.
        """
        return run_slurm(self.environment, *command)

    def scancel(self, *job_ids: str) -> None:
        """Cancel jobs of the queue."""
        self.run("scancel", *job_ids)

    def fail_node(self) -> None:
        """Break the node: SLURM ends its jobs, queues them again, and finds the node repaired."""
        self.run("scontrol", "update", f"NodeName={node_name()}", "State=down", "Reason=failed")

    def _start_slurm(self, state: ClusterState, environment: dict[str, str]) -> None:
        layout, programs = self.layout, slurm_programs()
        conf = slurm_conf(
            layout,
            slurmctld_port=state.ports["slurmctld"],
            slurmd_port=state.ports["slurmd"],
            cpus=state.cpus,
        )
        if not layout.slurm_conf.exists() or layout.slurm_conf.read_text() != conf:
            part_daemon(layout, "slurmd").stop(_STOP_SECONDS)
            part_daemon(layout, "slurmctld").stop(_STOP_SECONDS)
            write_atomically(layout.slurm_conf, [conf])
        if not accepts_connections(layout.munge_socket):
            # a munged that runs has lost its socket, as happens to old files in /tmp
            part_daemon(layout, "munged").stop(_STOP_SECONDS)
        self._start(
            "munged",
            munged_command(programs, layout),
            environment,
            lambda: accepts_connections(layout.munge_socket),
        )
        self._start(
            "slurmctld",
            slurmctld_command(programs, layout),
            environment,
            lambda: node_state(environment) is not None,
        )
        if part_daemon(layout, "slurmd").pid is None:
            requeue_lost_jobs(environment, layout.spool)
        self._start(
            "slurmd",
            slurmd_command(programs, layout),
            environment,
            lambda: _node_serves(state.ports["slurmd"], environment),
        )

    def _start_database(self, state: ClusterState, environment: dict[str, str]) -> None:
        port, data = state.ports["database"], self.layout.database(state.database)
        data.mkdir(parents=True, exist_ok=True)
        command = database_server(state.database).command(port, data)
        self._start("database", command, environment, lambda: answers(port))

    def _start(
        self,
        part: Part,
        command: list[str],
        environment: dict[str, str],
        ready: Callable[[], bool],
    ) -> None:
        daemon = part_daemon(self.layout, part)
        if daemon.pid is None:
            daemon.start(command, environment, self.layout.logs)
        daemon.wait_until(ready, _START_SECONDS)

    def _variables(self) -> dict[str, str]:
        return {
            "SLURM_CONF": str(self.layout.slurm_conf),
            "JFREMOTE_PROJECTS_FOLDER": str(self.state.projects),
            "JFREMOTE_PROJECT": PROJECT_NAME,
        }

    def _environment_script(self) -> str:
        lines = [f"export {name}={shlex.quote(value)}" for name, value in self._variables().items()]
        before, behind = (shlex.quote(folder) for folder in _folders())
        return "\n".join([*lines, f'export PATH={before}:"$PATH":{behind}', ""])


def _node_serves(port: int, environment: dict[str, str]) -> bool:
    """Return whether the node takes jobs; put it back into service if it is out of it."""
    if port_is_free(port):
        return False
    state = node_state(environment)
    if is_out_of_service(state):
        run_slurm(environment, "scontrol", "update", f"NodeName={node_name()}", "State=resume")
    return is_usable(state)


def _folders() -> tuple[str, str]:
    """Return the folders of `jf` and of SLURM's commands; the first goes before the others."""
    return scripts_folder(), str(Path(slurm_programs()["sinfo"]).parent)
