"""What the doctor's job examines on the node where it runs.

Workers import this module: something missing must be reported, and not make an import fail.
"""

from __future__ import annotations

import os
import platform
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from workflows.checks import Check
from workflows.engine import ENGINES
from workflows.environment import cuprolith_version

_SECONDS = 60
# Variables with which schedulers give a job's number of cores on this node.
_CORES = ("SLURM_CPUS_ON_NODE", "NCPUS", "NSLOTS")
_BYTES_PER_GIB = 2**30


def own_subject(worker: str) -> str:
    """Return the subject of the check that concerns this worker alone."""
    return f"job on {worker}"


def examine_node(worker: str, work_dir: str, *, engines: bool, gpus: int | None) -> dict[str, Any]:
    """Examine the machine this runs on; also print what was found, for the queue's log.

    Parameters
    ----------
    work_dir
        Folder of all jobs.
    engines
        Whether engines run on this worker with programs of their own.
    gpus
        GPUs that jobs of this worker ask for; None if it is not the worker for GPUs.

    Returns
    -------
    dict
        Version of Cuprolith, path of Python, and the checks. Those that may be the same on several
        workers do not name this one: "VASP", not "VASP on dft-small".
    """
    checks = [_node(own_subject(worker), Path(work_dir))]
    if engines:
        checks += [check for entry in ENGINES for check in entry.node_checks()]
    if gpus is not None:
        checks.append(_gpu(gpus))
    for check in checks:
        print(f"{check.subject}: {check.found}", flush=True)
    return {
        "cuprolith": cuprolith_version(),
        "executable": sys.executable,
        "checks": [check.model_dump() for check in checks],
    }


def _node(subject: str, work_dir: Path) -> Check:
    cores = _cores()
    found = (
        f"ran on {socket.gethostname()}: Cuprolith {cuprolith_version()}, Python "
        f"{platform.python_version()}, {cores} core{'s' if cores > 1 else ''}"
    )
    try:
        with tempfile.TemporaryFile(dir=work_dir) as file:
            file.write(b"x" * 4096)
            file.flush()
            os.fsync(file.fileno())
        free = shutil.disk_usage(work_dir).free // _BYTES_PER_GIB
    except OSError as error:
        return Check.missing(
            subject,
            f"{found}, but `work_dir` cannot be written there: {error}",
            "choose a `work_dir` on a file system that nodes write to, not only the login node",
        )
    return Check.ok(subject, f"{found}, `work_dir` writable, {free} GiB free")


def _cores() -> int:
    given = (os.environ.get(name, "") for name in _CORES)
    return next((int(n) for n in given if n.isdecimal()), len(os.sched_getaffinity(0)))


def _gpu(asked: int) -> Check:
    listed, (names, problem) = _gpus_of_driver(), _gpus_of_torch()
    if names and len(names) >= asked:
        return Check.ok("GPU", f"torch sees {', '.join(names)}")
    found = (
        f"torch sees {len(names) or 'none'}{f' ({problem})' if problem else ''}, "
        f"nvidia-smi lists {len(listed) or 'none'}; the class asks for {asked or 'none'}"
    )
    if not asked:
        remedy = "where there are GPUs, set `classes.gpu.gpus_per_node`"
        return Check.note("GPU", f"{found}, trainings run on the CPU", remedy)
    remedy = "install torch's CUDA build there, for the driver of that node"
    if len(listed) < asked:
        remedy = "check `queue`, `gpus_per_node` and `gpu_type` of `classes.gpu`"
    return Check.missing("GPU", found, remedy)


def _gpus_of_driver() -> list[str]:
    try:
        listed = subprocess.run(
            ["nvidia-smi", "-L"], capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [] if listed.returncode else listed.stdout.splitlines()


def _gpus_of_torch() -> tuple[list[str], str]:
    """Return the names of the GPUs that torch can use, or why it cannot be asked."""
    try:
        import torch

        return [torch.cuda.get_device_name(n) for n in range(torch.cuda.device_count())], ""
    except Exception as error:  # noqa: BLE001 -- a torch that does not fit its CUDA raises anything
        return [], f"{type(error).__name__}: {error}"
