"""A single-node SLURM with a munged of its own, under any user."""

from __future__ import annotations

import os
import pwd
import re
import secrets
import shutil
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import psutil

from cuprolith.errors import CuprolithError
from tests.dev_cluster.layout import Layout, node_name

PARTITION = "dev"
_PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "sinfo", "scontrol")
_SYSTEM_FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/local/bin", "/usr/bin")
_COMMAND_SECONDS = 60
_STATE_SECONDS = 5
_KILL_SECONDS = 10
_CREDENTIAL_SECONDS = 30
_MUNGE_KEY_BYTES = 128
_USABLE = ("idle", "mixed", "allocated", "completing")


def slurm_programs() -> dict[str, str]:
    """Return the path of every program of SLURM and munge.

    Raises
    ------
    CuprolithError
        If one is not installed.
    """
    # Debian's users do not have the daemons' folders on their path.
    path = os.pathsep.join([os.environ.get("PATH", ""), *_SYSTEM_FOLDERS])
    found = {name: shutil.which(name, path=path) for name in _PROGRAMS}
    missing = [name for name, program in found.items() if program is None]
    if missing:
        raise CuprolithError(
            f"SLURM is not installed here: there is no {', '.join(missing)}",
            remedy="apt-get install slurm-wlm munge (Debian and Ubuntu)",
        )
    return {name: program for name, program in found.items() if program is not None}


def slurm_conf(layout: Layout, *, slurmctld_port: int, slurmd_port: int, cpus: int) -> str:
    """Return ``slurm.conf``.

    Nothing in it needs root, cgroups, systemd or an accounting database, and everything listens
    on the loopback address alone.
    """
    user = pwd.getpwuid(os.geteuid()).pw_name
    node = node_name()
    memory = psutil.virtual_memory().total // 2**20
    return "\n".join(
        [
            "ClusterName=dev",
            f"SlurmctldHost={node}(127.0.0.1)",
            f"SlurmctldPort={slurmctld_port}",
            f"SlurmdPort={slurmd_port}",
            "CommunicationParameters=NoInAddrAny,NoCtldInAddrAny",
            f"SlurmUser={user}",
            f"SlurmdUser={user}",
            "AuthType=auth/munge",
            "CredType=cred/munge",
            # A job that lost its node waits for as long as a credential lasts, 120 s by default.
            f"AuthInfo=socket={layout.munge_socket},cred_expire={_CREDENTIAL_SECONDS}",
            f"StateSaveLocation={layout.slurm}/state",
            f"SlurmdSpoolDir={layout.spool}",
            f"SlurmctldPidFile={layout.slurm}/slurmctld.pid",
            f"SlurmdPidFile={layout.slurm}/slurmd.pid",
            "MailProg=/bin/true",
            "MpiDefault=none",
            "ProctrackType=proctrack/linuxproc",
            "TaskPlugin=task/none",
            "JobAcctGatherType=jobacct_gather/none",
            "AccountingStorageType=accounting_storage/none",
            "JobCompType=jobcomp/none",
            "SelectType=select/cons_tres",
            "SelectTypeParameters=CR_Core",
            "ReturnToService=2",
            # In containers SLURM counts the host's cores; what stands here shall hold.
            "SlurmdParameters=config_overrides",
            "SchedulerParameters=sched_interval=2,batch_sched_delay=0,bf_interval=2",
            f"NodeName={node} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory} State=UNKNOWN",
            f"PartitionName={PARTITION} Nodes={node} Default=YES MaxTime=INFINITE State=UP",
            "",
        ]
    )


def munged_command(programs: Mapping[str, str], layout: Layout) -> list[str]:
    """Return munged's command line; its key is made when there is none."""
    if not layout.munge_key.exists():
        partial = layout.munge_key.with_suffix(".partial")
        partial.unlink(missing_ok=True)
        partial.touch(mode=0o600)
        partial.write_bytes(secrets.token_bytes(_MUNGE_KEY_BYTES))
        partial.rename(layout.munge_key)
    return [
        programs["munged"],
        "--foreground",
        f"--socket={layout.munge_socket}",
        f"--key-file={layout.munge_key}",
        f"--pid-file={layout.munge}/munged.pid",
        f"--seed-file={layout.munge}/munged.seed",
        f"--log-file={layout.munge}/munged.log",
    ]


def slurmctld_command(programs: Mapping[str, str], layout: Layout) -> list[str]:
    """Return slurmctld's command line."""
    return [programs["slurmctld"], "-D", "-f", str(layout.slurm_conf)]


def slurmd_command(programs: Mapping[str, str], layout: Layout) -> list[str]:
    """Return slurmd's command line."""
    return [programs["slurmd"], "-D", "-f", str(layout.slurm_conf), "-N", node_name()]


def run_slurm(
    environment: Mapping[str, str], *command: str, seconds: float = _COMMAND_SECONDS
) -> str:
    """Run a command of SLURM and return what it prints.

    Parameters
    ----------
    seconds
        Time it may take; without munged, or while slurmctld restores its queue, it waits.

    Raises
    ------
    CuprolithError
        If it fails.
    """
    try:
        done = subprocess.run(
            command,
            env=dict(environment),
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CuprolithError(f"{command[0]} failed: {error}") from error
    if done.returncode:
        raise CuprolithError(
            f"{' '.join(command)} failed: {done.stderr.strip() or done.stdout.strip()}",
            remedy="python -m tests.dev_cluster status says which part does not run; up starts it",
        )
    return done.stdout


def node_state(environment: Mapping[str, str]) -> str | None:
    """Return the node's state as ``sinfo`` tells it; None while the controller is silent."""
    try:
        command = ("sinfo", "--noheader", "--format=%T")
        return run_slurm(environment, *command, seconds=_STATE_SECONDS).strip() or None
    except CuprolithError:
        return None


def is_usable(state: str | None) -> bool:
    """Return whether a node in this state starts or runs jobs."""
    return state in _USABLE


def is_out_of_service(state: str | None) -> bool:
    """Return whether a node in this state waits for an administrator's word."""
    return re.match("down|drain|fail", state or "") is not None


def end_steps(spool: Path) -> None:
    """End the job steps with all their processes, as a power cut does; slurmd is to be down."""
    for step in _steps(spool).values():
        processes = [step]
        with suppress(psutil.NoSuchProcess):
            processes += step.children(recursive=True)
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(processes, timeout=_KILL_SECONDS)


def requeue_lost_jobs(environment: Mapping[str, str], spool: Path) -> None:
    """Queue the jobs again that run according to slurmctld alone; slurmd is to be down.

    A job that may run but once is cancelled.
    """
    listed = run_slurm(environment, "squeue", "--noheader", "--states=running", "--format=%A")
    for job_id in set(listed.split()) - set(_steps(spool)):
        try:
            run_slurm(environment, "scontrol", "requeue", job_id)
        except CuprolithError:
            run_slurm(environment, "scancel", job_id)


def _steps(spool: Path) -> dict[str, psutil.Process]:
    """Return the process that holds the steps of each job, which outlives slurmd, by job id.

    It listens at a socket in the spool, ``<node>_<job>.<step>``.
    """
    steps = {}
    for connection in psutil.net_connections("unix"):
        path = Path(str(connection.laddr))
        if connection.pid is not None and path.parent == spool:
            job_id = path.name.rpartition("_")[2].partition(".")[0]
            steps[job_id] = psutil.Process(connection.pid)
    return steps
