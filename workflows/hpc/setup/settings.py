"""What a person says about a cluster: the file from which the jobflow-remote project is written."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from workflows.hpc.resource_classes import RESOURCE_CLASSES, ResourceClass
from workflows.hpc.setup.secrets import PasswordPlace
from workflows.hpc.setup.shell_words import (
    AccountName,
    CommandLine,
    DatabaseName,
    EnvironmentName,
    FeatureExpression,
    HostName,
    ModuleName,
    ParallelEnvironment,
    PlainPath,
    ProjectName,
    QueueName,
    QuotablePath,
    SetupLine,
    VariableName,
)
from workflows.hpc.setup.shell_words import Literal as LiteralText
from workflows.hpc.setup.walltime import Walltime

Scheduler = Literal["slurm", "pbs", "sge"]
Count = Annotated[int, Field(ge=1, le=100_000)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class CondaSettings(_Section):
    """A conda environment."""

    base: QuotablePath = Field(description="where conda is installed (`conda info --base`)")
    name: EnvironmentName = Field(description="the environment's name or full path")


class EnvironmentSettings(_Section):
    """What a job's shell needs before the work: in this order modules, lines, Python, variables."""

    modules: list[ModuleName] = Field(default=[], description="modules to load, in order")
    lines: list[SetupLine] = Field(
        default=[],
        description="module …, source FILE, export NAME=VALUE, unset NAME, ulimit …, conda …",
    )
    venv: QuotablePath | None = Field(
        default=None, description="virtual environment that holds cuprolith and jobflow-remote"
    )
    conda: CondaSettings | None = Field(
        default=None, description="conda environment that holds them"
    )
    bin: QuotablePath | None = Field(
        default=None, description="folder of `jf` and `python`, where it is neither of these"
    )
    variables: dict[VariableName, LiteralText] = Field(
        default={}, description="environment variables, exported as they stand"
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


class BatchSettings(_Section):
    """Jobs of the scheduler that run several short jobs, one after the other."""

    processes: Count = Field(
        default=2, description="such jobs in the queue at a time (the worker's max_jobs)"
    )
    jobs_per_process: Count = Field(default=20, description="most short jobs in one of them")
    longest_job: Walltime = Field(
        default=1800, description="no short job is begun when less of the wall time is left"
    )
    up_to_atoms: Count = Field(
        default=16, description="label jobs of structures with at most so many atoms are short"
    )


class ClassSettings(_Section):
    """What the jobs of a resource class ask the scheduler for."""

    queue: QueueName | None = Field(
        default=None, description="partition (SLURM) or queue; else the cluster's default"
    )
    account: AccountName | None = Field(default=None, description="instead of the common account")
    nodes: Count = 1
    tasks_per_node: Count = Field(default=1, description="MPI ranks per node")
    threads_per_task: Count = Field(default=1, description="OpenMP threads per rank")
    memory_gb: Count | None = Field(
        default=None, description="memory per node, GiB; else the cluster's default"
    )
    gpus_per_node: Annotated[int, Field(ge=0, le=64)] = 0
    gpu_type: FeatureExpression | None = Field(
        default=None, description="kind of GPU as the scheduler names it, say a100"
    )
    walltime: Walltime = Field(description="hours:minutes:seconds")
    qos: AccountName | None = Field(default=None, description="quality of service (SLURM)")
    constraint: FeatureExpression | None = Field(
        default=None, description="features that nodes must have (SLURM)"
    )
    max_jobs: Count | None = Field(
        default=None, description="jobs in the queue at a time; else as many as there are"
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


class SshSettings(_Section):
    """A login node that is reached through SSH, by key."""

    name: HostName = Field(description="address of the login node")
    user: AccountName | None = None
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    key_file: QuotablePath | None = Field(
        default=None, description="private key; else those of ssh-agent and ~/.ssh"
    )


class VaspWorkerSettings(_Section):
    """VASP on the cluster; a campaign's own ``engine.vasp.vasp_cmd`` goes before."""

    command: CommandLine = Field(description="what runs VASP in a job, say `srun vasp_std`")
    potcars: QuotablePath | None = Field(
        default=None, description="folder of the potentials (PMG_VASP_PSP_DIR)"
    )
    ncore: Count | None = Field(default=None, description="cores per orbital (NCORE)")
    kpar: Count | None = Field(default=None, description="groups of k-points (KPAR)")


class MongoSettings(_Section):
    """The database of jobflow-remote; reached from where its runner runs, not from the nodes."""

    host: HostName = "localhost"
    port: Annotated[int, Field(ge=1, le=65535)] = 27017
    database: DatabaseName = "cuprolith"
    user: Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]+$", max_length=200)] | None = None
    password_from: PasswordPlace | None = Field(
        default=None, description="env:VARIABLE, keyring:SERVICE or file:/full/path"
    )
    auth_source: DatabaseName | None = Field(
        default=None, description="database that knows the user; else `database`"
    )
    tls: bool = Field(default=False, description="encrypt the connection")
    tls_ca_file: QuotablePath | None = Field(
        default=None, description="certificates of those who may sign the server's"
    )

    @model_validator(mode="after")
    def _complete(self) -> MongoSettings:
        if (self.user is None) is not (self.password_from is None):
            raise ValueError("`user` and `password_from` belong together")
        if self.tls_ca_file is not None and not self.tls:
            raise ValueError("`tls_ca_file` without `tls: true`")
        return self


class SgeSettings(_Section):
    """Names that each SGE cluster chooses for itself (`qconf -spl`, `qconf -sc`)."""

    parallel_environment: ParallelEnvironment = Field(
        default="mpi", description="for several ranks"
    )
    thread_environment: ParallelEnvironment = Field(
        default="smp", description="for one rank of several threads: all slots on one node"
    )
    memory_resource: VariableName = Field(
        default="h_vmem", description="resource for the memory of a slot"
    )
    gpu_resource: VariableName = Field(
        default="gpu", description="resource for GPUs, counted per job (consumable JOB)"
    )
    user: AccountName | None = Field(
        default=None, description="whose jobs `qstat` lists: SGE cannot list jobs by their ids"
    )


class HpcSettings(_Section):
    """A cluster, and how campaigns use it."""

    project: ProjectName = Field(description="name of the jobflow-remote project")
    scheduler: Scheduler
    ssh: SshSettings | None = Field(
        default=None, description="login node, if the runner is not to run on it"
    )
    work_dir: PlainPath = Field(description="where jobs run, on the cluster's file system")
    account: AccountName | None = Field(default=None, description="account that is charged")
    environment: EnvironmentSettings = Field(
        default=EnvironmentSettings(), description="of all classes"
    )
    classes: dict[ResourceClass, ClassSettings] = Field(description="what each class asks for")
    dft_large_from_atoms: Count = Field(
        default=100,
        description="relaxations of so many atoms or more run on dft-large, as all dynamics do",
    )
    vasp: VaspWorkerSettings | None = None
    mongodb: MongoSettings = MongoSettings()
    sge: SgeSettings | None = Field(default=None, description="for `scheduler: sge`")

    @field_validator("classes")
    @classmethod
    def _all_classes(
        cls, classes: dict[ResourceClass, ClassSettings]
    ) -> dict[ResourceClass, ClassSettings]:
        missing = [name for name in RESOURCE_CLASSES if name not in classes]
        if missing:
            raise ValueError(f"missing: {', '.join(missing)}")
        return {name: classes[name] for name in RESOURCE_CLASSES}

    @model_validator(mode="after")
    def _consistent(self) -> HpcSettings:
        if (self.scheduler == "sge") is not (self.sge is not None):
            raise ValueError("the section `sge` and `scheduler: sge` belong together")
        if self.scheduler == "sge" and self.scheduler_user is None:
            raise ValueError("SGE lists jobs by their user: give `sge.user`")
        for name, given in self.classes.items():
            self._check_class(name, given)
        return self

    @property
    def scheduler_user(self) -> str | None:
        """Whose jobs the scheduler lists, where it cannot list them by id."""
        if self.sge is None:
            return None
        return self.sge.user or (self.ssh.user if self.ssh is not None else None)

    def _check_class(self, name: str, given: ClassSettings) -> None:
        common, own = self.environment, given.environment
        pythons = common.pythons + own.pythons
        if len(pythons) != 1:
            raise ValueError(
                f"classes.{name}: {'no' if not pythons else 'more than one'} Python: give `venv`, "
                "`conda` or `bin` once, in `environment` or in the class's"
            )
        if self.scheduler != "slurm" and (given.qos or given.constraint):
            raise ValueError(f"classes.{name}: `qos` and `constraint` are SLURM's")
        if self.scheduler == "sge" and given.nodes > 1:
            raise ValueError(
                f"classes.{name}: SGE counts slots, not nodes: leave `nodes` at 1, give all ranks "
                "as `tasks_per_node`, and a `sge.parallel_environment` that spans nodes"
            )

    def as_data(self) -> dict[str, Any]:
        """Return what the settings' file holds."""
        return self.model_dump(mode="json", exclude_defaults=True)
