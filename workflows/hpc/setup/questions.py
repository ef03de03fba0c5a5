"""What `cuprolith hpc init` asks, and where in the settings each answer goes."""

from __future__ import annotations

import getpass
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Data = dict[str, Any]
_DFT = ("classes.dft-small", "classes.dft-large")


def _always(_: Data) -> bool:
    return True


@dataclass(frozen=True)
class Question:
    """A question, and the keys that its answer sets.

    Attributes
    ----------
    name
        As the flag has it, with underscores.
    default
        What an empty answer means; None: nothing is set.
    several
        The answer is a list; words apart by commas.
    when
        Whether to ask, by what is known so far.
    """

    name: str
    keys: tuple[str, ...]
    text: str
    explanation: str
    default: Callable[[Data], Any] | str | int | None = None
    several: bool = False
    when: Callable[[Data], bool] = _always

    def default_for(self, data: Data) -> Any:
        """Return what stands in the settings already, or else the default."""
        found = value_at(data, self.keys[0])
        if found is not None:
            return found
        return self.default(data) if callable(self.default) else self.default


def value_at(data: Data, key: str) -> Any:
    """Return what stands at a dotted key; None if nothing does."""
    found: Any = data
    for part in key.split("."):
        if not isinstance(found, dict):
            return None
        found = found.get(part)
    return found


def _is_sge(data: Data) -> bool:
    return data.get("scheduler") == "sge"


def _has_ssh(data: Data) -> bool:
    return bool(value_at(data, "ssh.name"))


def _has_user(data: Data) -> bool:
    return bool(value_at(data, "mongodb.user"))


def _has_no_venv(data: Data) -> bool:
    return not value_at(data, "environment.venv")


def _has_conda(data: Data) -> bool:
    return bool(value_at(data, "environment.conda.base"))


def _each(classes: tuple[str, ...], key: str) -> tuple[str, ...]:
    return tuple(f"{name}.{key}" for name in classes)


QUESTIONS: tuple[Question, ...] = (
    Question(
        "scheduler",
        ("scheduler",),
        "Scheduler: slurm, pbs or sge",
        "What `sbatch` (slurm) or `qsub` (pbs, sge) belongs to.",
        "slurm",
    ),
    Question(
        "ssh_host",
        ("ssh.name",),
        "Login node to reach through SSH",
        "Empty if you are on it: jobflow-remote's runner then submits from here.",
    ),
    Question("ssh_user", ("ssh.user",), "Your name there", "Empty: as here.", when=_has_ssh),
    Question(
        "ssh_key",
        ("ssh.key_file",),
        "Private key, full path",
        "Empty: those of ssh-agent and ~/.ssh. Passwords for SSH are not supported.",
        when=_has_ssh,
    ),
    Question(
        "work_dir",
        ("work_dir",),
        "Folder where jobs run",
        "On the cluster's parallel file system (scratch), visible to all nodes; no spaces.",
    ),
    Question("account", ("account",), "Account", "Who is charged; empty: the cluster's default."),
    Question(
        "dft_queue",
        _each(_DFT, "queue"),
        "Partition or queue for DFT",
        "Empty: the cluster's default.",
    ),
    Question(
        "dft_cores",
        ("classes.dft-large.tasks_per_node",),
        "MPI ranks per DFT node",
        "Cores of a node: dft-large uses all, dft-small half.",
        32,
    ),
    Question(
        "dft_nodes",
        ("classes.dft-large.nodes",),
        "Nodes of a dft-large job",
        "Interfaces and molecular dynamics; dft-small uses one.",
        1,
    ),
    Question(
        "dft_walltime",
        _each(_DFT, "walltime"),
        "Wall time of DFT jobs",
        "hours:minutes:seconds; a run that hits it continues in the next job.",
        "24:00:00",
    ),
    Question(
        "gpu_queue",
        ("classes.gpu.queue",),
        "Partition or queue for training on GPUs",
        "Empty: the cluster's default.",
    ),
    Question(
        "gpus",
        ("classes.gpu.gpus_per_node",),
        "GPUs of a training job",
        "0 trains on CPUs.",
        1,
    ),
    Question(
        "gpu_cores",
        ("classes.gpu.threads_per_task",),
        "CPU cores of a training job",
        "They feed the GPU.",
        8,
    ),
    Question(
        "gpu_walltime", ("classes.gpu.walltime",), "Wall time of training", "As above.", "24:00:00"
    ),
    Question(
        "cpu_queue",
        ("classes.cpu.queue",),
        "Partition or queue for small work on CPUs",
        "Generating, collecting, reporting. Empty: the cluster's default.",
    ),
    Question(
        "cpu_walltime", ("classes.cpu.walltime",), "Wall time of that", "As above.", "04:00:00"
    ),
    Question(
        "parallel_environment",
        ("sge.parallel_environment",),
        "SGE's parallel environment",
        "`qconf -spl` lists them.",
        "mpi",
        when=_is_sge,
    ),
    Question(
        "sge_user",
        ("sge.user",),
        "Your name on the cluster",
        "SGE lists jobs by their user.",
        lambda data: value_at(data, "ssh.user") or getpass.getuser(),
        when=_is_sge,
    ),
    Question(
        "modules",
        ("environment.modules",),
        "Modules of all jobs",
        "Apart by commas; empty: none.",
        several=True,
    ),
    Question(
        "dft_modules",
        _each(_DFT, "environment.modules"),
        "Further modules of DFT jobs",
        "VASP's, say; apart by commas.",
        several=True,
    ),
    Question(
        "gpu_modules",
        ("classes.gpu.environment.modules",),
        "Further modules of training",
        "CUDA's, say; apart by commas.",
        several=True,
    ),
    Question(
        "venv",
        ("environment.venv",),
        "Virtual environment with cuprolith on the cluster, full path",
        "Empty if it is a conda environment.",
    ),
    Question(
        "conda_base",
        ("environment.conda.base",),
        "Where conda is installed there",
        "`conda info --base`.",
        when=_has_no_venv,
    ),
    Question(
        "conda_env",
        ("environment.conda.name",),
        "Name of the conda environment",
        "Or its full path.",
        "cuprolith",
        when=_has_conda,
    ),
    Question(
        "vasp_command",
        ("vasp.command",),
        "Command that runs VASP in a job",
        "Through the queue's launcher; - if there is no VASP.",
        "srun vasp_std",
    ),
    Question(
        "potcars",
        ("vasp.potcars",),
        "Folder of VASP's potentials there",
        "Holds potpaw_PBE.54 or the like (PMG_VASP_PSP_DIR).",
        when=lambda data: bool(value_at(data, "vasp.command")),
    ),
    Question(
        "mongo_host",
        ("mongodb.host",),
        "Host of MongoDB",
        "As this machine reaches it; the compute nodes need not.",
        "localhost",
    ),
    Question("mongo_port", ("mongodb.port",), "Its port", "", 27017),
    Question(
        "mongo_database",
        ("mongodb.database",),
        "Name of the database",
        "Each project needs its own: two in one would run each other's jobs.",
        lambda data: re.sub(r"[^A-Za-z0-9_-]", "-", str(data.get("project", "cuprolith"))),
    ),
    Question(
        "mongo_user",
        ("mongodb.user",),
        "Your name there",
        "Empty: it asks for no password, so whoever reaches it can run jobs as you.",
    ),
    Question(
        "mongo_password_from",
        ("mongodb.password_from",),
        "Where the password is",
        "env:VARIABLE, keyring:SERVICE or file:/full/path (mode 600); not the password itself.",
        "env:CUPROLITH_MONGO_PASSWORD",
        when=_has_user,
    ),
)
BY_NAME = {question.name: question for question in QUESTIONS}
