"""What a resource class asks for, in the words of each scheduler.

The keys are those of qtoolkit's templates. Its `QResources` are not used: they know no memory per
node, and for SGE they yield PBS's ``select=…``.
"""

from __future__ import annotations

import math
from typing import Any

from workflows.hpc.setup.settings import ClassSettings, HpcSettings, SgeSettings
from workflows.hpc.setup.walltime import clock

_MIB = 1024


def resources(settings: HpcSettings, given: ClassSettings) -> dict[str, Any]:
    """Return the options of the job script's header."""
    build = {"slurm": _slurm, "pbs": _pbs, "sge": _sge}[settings.scheduler]
    options = build(settings, given)
    return {name: value for name, value in options.items() if value is not None}


def _slurm(settings: HpcSettings, given: ClassSettings) -> dict[str, Any]:
    kind = f"{given.gpu_type}:" if given.gpu_type else ""
    return {
        "partition": given.queue,
        "account": given.account or settings.account,
        "qos": given.qos,
        "constraint": given.constraint,
        "nodes": given.nodes,
        "ntasks_per_node": given.tasks_per_node,
        "cpus_per_task": given.threads_per_task,
        "mem": f"{given.memory_gb}G" if given.memory_gb else None,
        "gres": f"gpu:{kind}{given.gpus_per_node}" if given.gpus_per_node else None,
        "time": clock(given.walltime),
    }


def _pbs(settings: HpcSettings, given: ClassSettings) -> dict[str, Any]:
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
        "account": given.account or settings.account,
        "select": ":".join(chunk),
        "place": "scatter" if given.nodes > 1 else None,
        "walltime": clock(given.walltime),
        # without it, the script runs in the login shell of whoever submits
        "qverbatim": "#PBS -S /bin/bash",
    }


def _sge(settings: HpcSettings, given: ClassSettings) -> dict[str, Any]:
    names = settings.sge or SgeSettings()
    slots = given.tasks_per_node * given.threads_per_task
    environment = (
        names.parallel_environment if given.tasks_per_node > 1 else names.thread_environment
    )
    requests = []
    if given.memory_gb:  # SGE counts per slot
        per_slot = math.ceil(given.memory_gb * _MIB / slots)
        requests.append(f"{names.memory_resource}={per_slot}M")
    if given.gpus_per_node:
        requests.append(f"{names.gpu_resource}={given.gpus_per_node}")
    if given.gpu_type:
        requests.append(f"{names.gpu_resource}_type={given.gpu_type}")
    return {
        "queue": given.queue,
        "device": given.account or settings.account,  # -P, the project
        "model": f"{environment} {slots}" if slots > 1 else None,
        "select": ",".join(requests) or None,
        "walltime": clock(given.walltime),
        # queues in posix_compliant mode ignore the script's first line
        "qverbatim": "#$ -S /bin/bash",
    }
