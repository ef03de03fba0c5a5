"""SLURM."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from workflows.hpc.setup.scheduler import Scheduler
from workflows.hpc.setup.settings import ClassSettings, HpcSettings, Name
from workflows.hpc.setup.walltime import clock
from workflows.resource_classes import ResourceClass


class SlurmClassSettings(ClassSettings):
    """What the jobs of a resource class ask SLURM for."""

    qos: Name | None = Field(default=None, description="quality of service")
    constraint: Name | None = Field(default=None, description="features that nodes must have")


class SlurmSettings(HpcSettings):
    """A cluster with SLURM."""

    scheduler: Literal["slurm"]
    classes: dict[ResourceClass, SlurmClassSettings] = Field(description="what each class asks for")

    def resources(self, name: ResourceClass) -> dict[str, Any]:
        """Return the options of the header."""
        given = self.classes[name]
        kind = f"{given.gpu_type}:" if given.gpu_type else ""
        return {
            "partition": given.queue,
            "account": given.account or self.account,
            "qos": given.qos,
            "constraint": given.constraint,
            "nodes": given.nodes,
            "ntasks_per_node": given.tasks_per_node,
            "cpus_per_task": given.threads_per_task,
            "mem": f"{given.memory_gb}G" if given.memory_gb else None,
            "gres": f"gpu:{kind}{given.gpus_per_node}" if given.gpus_per_node else None,
            "time": clock(given.walltime),
        }

    def thread_variables(self, threads: int) -> dict[str, int]:
        """Return the variables; srun does not take --cpus-per-task from its job since 22.05."""
        common = super().thread_variables(threads)
        return common | ({"SRUN_CPUS_PER_TASK": threads} if threads > 1 else {})


SCHEDULER = Scheduler(
    name="slurm",
    settings=SlurmSettings,
    class_keys="""\
    #qos: long                # quality of service
    #constraint: rome|milan   # features that nodes must have
""",
    launcher="srun",
)
