"""PBS Professional and OpenPBS."""

from __future__ import annotations

from typing import Any, Literal

from workflows.hpc.setup.scheduler import Scheduler
from workflows.hpc.setup.settings import HpcSettings
from workflows.hpc.setup.walltime import clock
from workflows.resource_classes import ResourceClass


class PbsSettings(HpcSettings):
    """A cluster with PBS."""

    scheduler: Literal["pbs"]

    def resources(self, name: ResourceClass) -> dict[str, Any]:
        """Return the options of the header."""
        given = self.classes[name]
        chunk = [
            f"select={given.nodes}",
            f"ncpus={given.tasks_per_node * given.threads_per_task}",
            f"mpiprocs={given.tasks_per_node}",
            f"ompthreads={given.threads_per_task}",
        ]
        if given.gpus_per_node:
            chunk.append(f"ngpus={given.gpus_per_node}")
        if given.gpu_type:
            chunk.append(f"gpu_type={given.gpu_type}")
        if given.memory_gb:
            chunk.append(f"mem={given.memory_gb}gb")
        return {
            "queue": given.queue,
            "account": given.account or self.account,
            "select": ":".join(chunk),
            "place": "scatter" if given.nodes > 1 else None,
            "walltime": clock(given.walltime),
            # without it, the script runs in the login shell of whoever submits
            "qverbatim": "#PBS -S /bin/bash",
        }


SCHEDULER = Scheduler(name="pbs", settings=PbsSettings)
