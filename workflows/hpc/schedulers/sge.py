"""Sun Grid Engine and its successors."""

from __future__ import annotations

import math
from typing import Any, Literal

from pydantic import Field, model_validator

from cuprolith.settings import Settings
from workflows.hpc.setup.scheduler import Scheduler
from workflows.hpc.setup.settings import HpcSettings, Name
from workflows.hpc.setup.walltime import clock
from workflows.resource_classes import ResourceClass

_MIB_PER_GIB = 1024


class SgeNames(Settings):
    """Names that each SGE cluster chooses for itself (`qconf -spl`, `qconf -sc`)."""

    parallel_environment: Name = Field(default="mpi", description="for several ranks")
    thread_environment: Name = Field(
        default="smp", description="for one rank of several threads: all slots on one node"
    )
    memory_resource: Name = Field(default="h_vmem", description="memory of a slot")
    gpu_resource: Name = Field(default="gpu", description="GPUs, counted per job (consumable JOB)")
    user: Name | None = Field(
        default=None, description="whose jobs `qstat` lists: SGE cannot list jobs by their ids"
    )


class SgeSettings(HpcSettings):
    """A cluster with SGE."""

    scheduler: Literal["sge"]
    sge: SgeNames = Field(default=SgeNames(), description="the cluster's own names")

    @model_validator(mode="after")
    def _possible_on_sge(self) -> SgeSettings:
        if self.scheduler_user is None:
            raise ValueError("SGE lists jobs by their user: give `sge.user`")
        for name, given in self.classes.items():
            if given.nodes > 1:
                raise ValueError(
                    f"classes.{name}: SGE counts slots, not nodes: leave `nodes` at 1, give all "
                    "ranks as `tasks_per_node`, and a `sge.parallel_environment` that spans nodes"
                )
        return self

    @property
    def scheduler_user(self) -> str | None:
        """Whose jobs are listed."""
        return self.sge.user or (self.ssh.user if self.ssh is not None else None)

    def resources(self, name: ResourceClass) -> dict[str, Any]:
        """Return the options of the header; memory is asked for per slot."""
        given, names = self.classes[name], self.sge
        slots = given.tasks_per_node * given.threads_per_task
        environment = (
            names.parallel_environment if given.tasks_per_node > 1 else names.thread_environment
        )
        requests = []
        if given.memory_gb:
            per_slot = math.ceil(given.memory_gb * _MIB_PER_GIB / slots)
            requests.append(f"{names.memory_resource}={per_slot}M")
        if given.gpus_per_node:
            requests.append(f"{names.gpu_resource}={given.gpus_per_node}")
        if given.gpu_type:
            requests.append(f"{names.gpu_resource}_type={given.gpu_type}")
        return {
            "queue": given.queue,
            "device": given.account or self.account,  # -P, the project
            "model": f"{environment} {slots}" if slots > 1 else None,
            "select": ",".join(requests) or None,
            "walltime": clock(given.walltime),
            # queues in posix_compliant mode ignore the script's first line
            "qverbatim": "#$ -S /bin/bash",
        }


SCHEDULER = Scheduler(
    name="sge",
    settings=SgeSettings,
    section="""
sge:                             # names that each SGE cluster chooses for itself
  user: {user}                   # whose jobs `qstat` lists: SGE cannot list jobs by their ids
  parallel_environment: mpi      # for several ranks (`qconf -spl` lists them)
  #thread_environment: smp       # for one rank of several threads: all slots on one node
  #memory_resource: h_vmem       # memory of a slot (`qconf -sc` lists them)
  #gpu_resource: gpu             # GPUs, counted per job (consumable JOB)
""",
)
