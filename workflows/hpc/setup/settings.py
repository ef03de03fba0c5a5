"""Settings of a cluster: the file from which the jobflow-remote project is written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field, field_validator, model_validator

from cuprolith.settings import Settings
from workflows.hpc.setup.walltime import Walltime
from workflows.resource_classes import RESOURCE_CLASSES, ResourceClass

_PLAIN_PATH = re.compile(r"/[A-Za-z0-9_./@+-]*")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PROJECT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,59}")
_LONGEST = 2000


def _line(text: str) -> str:
    if not text or not text.isprintable() or len(text) > _LONGEST:
        raise ValueError("write one line without control characters, at most 2000 characters")
    return text


def _name(text: str) -> str:
    if " " in _line(text):
        raise ValueError("write one word, without spaces")
    return text


def _absolute_path(text: str) -> str:
    if not _line(text).startswith("/"):
        raise ValueError("write an absolute path")
    return text


def _plain_path(text: str) -> str:
    if not _PLAIN_PATH.fullmatch(text):
        raise ValueError(
            "write an absolute path of letters, digits and `_ . / @ + -`: jobflow-remote and the "
            "schedulers do not quote it (a link without spaces may lead there)"
        )
    return text


def _variable(text: str) -> str:
    if not _VARIABLE.fullmatch(text):
        raise ValueError("name a variable: letters, digits and `_`, no digit first")
    return text


def project_name(text: str) -> str:
    """Check the name of a project, which is a file's name, too."""
    if not _PROJECT.fullmatch(text):
        raise ValueError("write at most 60 of: letters, digits, `_ . -`; a letter or a digit first")
    return text


Line = Annotated[str, AfterValidator(_line)]
"""Any text that stays on its line."""
Name = Annotated[str, AfterValidator(_name)]
"""One word: schedulers get it unquoted, on a line of the header that no shell reads."""
AbsolutePath = Annotated[str, AfterValidator(_absolute_path)]
PlainPath = Annotated[str, AfterValidator(_plain_path)]
VariableName = Annotated[str, AfterValidator(_variable)]
ProjectName = Annotated[str, AfterValidator(project_name)]
Count = Annotated[int, Field(ge=1, le=100_000)]
Port = Annotated[int, Field(ge=1, le=65535)]


class CondaSettings(Settings):
    """A conda environment."""

    base: AbsolutePath = Field(description="where conda is installed (`conda info --base`)")
    name: Line = Field(description="the environment's name or full path")


class EnvironmentSettings(Settings):
    """What a job's shell needs before the work: in this order modules, lines, Python, variables."""

    modules: list[Name] = Field(default=[], description="modules to load, in order")
    lines: list[Line] = Field(
        default=[], description="commands of bash, which go into the job scripts as they are"
    )
    venv: AbsolutePath | None = Field(
        default=None, description="virtual environment that holds cuprolith and jobflow-remote"
    )
    conda: CondaSettings | None = Field(
        default=None, description="conda environment that holds them"
    )
    bin: AbsolutePath | None = Field(
        default=None, description="folder of `jf` and `python`, where it is neither of these"
    )
    variables: dict[VariableName, Line] = Field(
        default={}, description="environment variables, exported as they are written"
    )

    @model_validator(mode="after")
    def _one_python(self) -> EnvironmentSettings:
        if len(self.pythons) > 1:
            raise ValueError(f"{' and '.join(self.pythons)}: give one of them")
        return self

    @property
    def pythons(self) -> list[str]:
        """The keys that say where Python is."""
        return [key for key in ("venv", "conda", "bin") if getattr(self, key) is not None]


class BatchSettings(Settings):
    """Jobs of the scheduler that run several short jobs, one after the other."""

    processes: Count = Field(
        default=2, description="such jobs in the queue at a time (the worker's max_jobs)"
    )
    jobs_per_process: Count = Field(default=20, description="most short jobs in one of them")
    longest_job: Walltime = Field(
        default=1800, description="no short job is begun when less of the wall time is left"
    )
    up_to_atoms: Count = Field(
        default=16, description="jobs that label structures with at most so many atoms are short"
    )


class ClassSettings(Settings):
    """What the jobs of a resource class ask the scheduler for."""

    queue: Name | None = Field(
        default=None, description="partition or queue; else the cluster's default"
    )
    account: Name | None = Field(default=None, description="instead of the common account")
    nodes: Count = Field(default=1, description="nodes of a job")
    tasks_per_node: Count = Field(default=1, description="MPI ranks per node")
    threads_per_task: Count = Field(default=1, description="OpenMP threads per rank")
    memory_gb: Count | None = Field(
        default=None, description="memory per node, GiB; else the cluster's default"
    )
    gpus_per_node: Annotated[int, Field(ge=0, le=64)] = Field(
        default=0, description="GPUs of each node"
    )
    gpu_type: Name | None = Field(
        default=None, description="kind of GPU as the scheduler names it, such as a100"
    )
    walltime: Walltime = Field(description="hours:minutes:seconds")
    max_jobs: Count | None = Field(
        default=None, description="jobs in the queue at a time; without it, no limit"
    )
    environment: EnvironmentSettings = Field(
        default=EnvironmentSettings(), description="beyond the common environment"
    )
    batch: BatchSettings | None = Field(
        default=None, description="also make a worker `<class>-batch` for short jobs"
    )

    @model_validator(mode="after")
    def _possible(self) -> ClassSettings:
        if self.gpu_type is not None and not self.gpus_per_node:
            raise ValueError("`gpu_type` without `gpus_per_node`")
        if self.batch is not None and self.batch.longest_job >= self.walltime:
            raise ValueError("`batch.longest_job` must be less than `walltime`")
        return self


class SshSettings(Settings):
    """A login node that is reached through SSH, by key."""

    name: Name = Field(description="address of the login node")
    user: Name | None = Field(default=None, description="user there, if not that of here")
    port: Port | None = Field(default=None, description="port of SSH, if not its own default")
    key_file: AbsolutePath | None = Field(
        default=None, description="private key; else those of ssh-agent and ~/.ssh"
    )


class VaspWorkerSettings(Settings):
    """VASP on the cluster; a campaign's own ``engine.vasp.vasp_cmd`` goes before."""

    command: Line = Field(description="what runs VASP in a job, such as `srun vasp_std`")
    potcars: AbsolutePath | None = Field(
        default=None, description="folder of the potentials (PMG_VASP_PSP_DIR)"
    )
    ncore: Count | None = Field(default=None, description="cores per orbital (NCORE)")
    kpar: Count | None = Field(default=None, description="groups of k-points (KPAR)")


class MongoSettings(Settings):
    """The database of jobflow-remote; reached from where its runner runs, not from the nodes."""

    host: Name = Field(default="localhost", description="machine of the database")
    port: Port = Field(default=27017, description="port of the database")
    database: Annotated[Name, Field(max_length=60)] = Field(
        default="cuprolith", description="name of the database, one for each project"
    )
    user: Line | None = Field(
        default=None, description="its password is in CUPROLITH_MONGO_PASSWORD or `password_file`"
    )
    password_file: AbsolutePath | None = Field(
        default=None, description="file with the password on one line, of mode 600"
    )
    auth_source: Name | None = Field(
        default=None, description="database that knows the user; else `database`"
    )
    tls: bool = Field(default=False, description="encrypt the connection")
    tls_ca_file: AbsolutePath | None = Field(
        default=None, description="certificates of those who may sign the server's"
    )

    @model_validator(mode="after")
    def _complete(self) -> MongoSettings:
        if self.password_file is not None and self.user is None:
            raise ValueError("`password_file` without `user`")
        if self.tls_ca_file is not None and not self.tls:
            raise ValueError("`tls_ca_file` without `tls: true`")
        return self


class HpcSettings(Settings):
    """A cluster, and how campaigns use it; each scheduler has a subclass in `hpc.schedulers`."""

    project: ProjectName = Field(description="name of the jobflow-remote project")
    scheduler: str = Field(description="one of `cuprolith hpc init --help`")
    ssh: SshSettings | None = Field(
        default=None, description="login node, if the runner is not to run on it"
    )
    work_dir: PlainPath = Field(description="where jobs run, on the cluster's file system")
    account: Name | None = Field(default=None, description="account that is charged")
    environment: EnvironmentSettings = Field(
        default=EnvironmentSettings(), description="of all classes"
    )
    classes: Mapping[ResourceClass, ClassSettings] = Field(description="what each class asks for")
    dft_large_from_atoms: Count = Field(
        default=100,
        description="relaxations of so many atoms or more run on dft-large, as all dynamics do",
    )
    vasp: VaspWorkerSettings | None = None
    mongodb: MongoSettings = MongoSettings()

    @field_validator("classes")
    @classmethod
    def _all_classes(
        cls, classes: Mapping[ResourceClass, ClassSettings]
    ) -> Mapping[ResourceClass, ClassSettings]:
        missing = [name for name in RESOURCE_CLASSES if name not in classes]
        if missing:
            raise ValueError(f"missing: {', '.join(missing)}")
        return {name: classes[name] for name in RESOURCE_CLASSES}

    @model_validator(mode="after")
    def _one_python_each(self) -> HpcSettings:
        for name, given in self.classes.items():
            pythons = self.environment.pythons + given.environment.pythons
            if len(pythons) != 1:
                raise ValueError(
                    f"classes.{name}: {'more than one' if pythons else 'no'} Python: give `venv`, "
                    "`conda` or `bin` once, in `environment` or in the class's"
                )
        return self

    @property
    def scheduler_user(self) -> str | None:
        """Whose jobs the scheduler lists, where it cannot list them by id."""
        return None

    def resources(self, name: ResourceClass) -> dict[str, Any]:
        """Return what a class asks for, as qtoolkit's template of the header names it.

        qtoolkit's `QResources` are not used: they know no memory per node, and for SGE they yield
        PBS's ``select=…``. What is None is left out.
        """
        raise NotImplementedError

    def thread_variables(self, threads: int) -> dict[str, int]:
        """Return the variables that set the number of threads of each rank."""
        return {"OMP_NUM_THREADS": threads}
