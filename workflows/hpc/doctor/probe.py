"""What the doctor's job finds on the node where it runs.

Workers import this module: whatever is missing must be found out, not fail an import.
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

from pydantic import BaseModel

from workflows.environment import cuprolith_version
from workflows.hpc.doctor.program_search import ProgramSearch, search_programs

_SECONDS = 60
# what the schedulers tell a job of its cores on this node; else those that it may use
_CORES = ("SLURM_CPUS_ON_NODE", "NCPUS", "NSLOTS")
_BYTES_PER_GIB = 2**30


class EngineReport(BaseModel):
    """An engine's program and data as a job sees them.

    Attributes
    ----------
    command
        Empty if none is set.
    programs
        What was found of it; None without a command.
    data
        Folder of the engine's data (potentials); empty if none is set.
    data_problem
        Why that folder cannot be read; empty if it can.
    """

    command: str = ""
    programs: ProgramSearch | None = None
    data: str = ""
    data_problem: str = ""


class GpuReport(BaseModel):
    """GPUs as a job sees them.

    Attributes
    ----------
    driver
        Lines of ``nvidia-smi -L``.
    torch
        Names of those that torch can use.
    torch_problem
        Why torch cannot be asked; empty if it can.
    """

    driver: list[str] = []
    torch: list[str] = []
    torch_problem: str = ""


class NodeReport(BaseModel):
    """What a job finds where it runs.

    Attributes
    ----------
    cores
        Those of the node that the job has.
    free_gib
        Free space of the file system with all jobs, GiB.
    work_dir_problem
        Why the folder of all jobs cannot be written from there; empty if it can.
    """

    host: str
    cuprolith: str
    python: str
    executable: str
    cores: int
    free_gib: int = 0
    work_dir_problem: str = ""
    engine: EngineReport | None = None
    gpu: GpuReport | None = None


def examine_node(work_dir: str, *, engine: bool, gpu: bool) -> dict[str, Any]:
    """Report on the machine this runs on; also on standard output, for the queue's log.

    Parameters
    ----------
    work_dir
        Folder of all jobs.
    engine, gpu
        What to look for.

    Returns
    -------
    dict
        A `NodeReport`.
    """
    free, problem = _room(Path(work_dir))
    report = NodeReport(
        host=socket.gethostname(),
        cuprolith=cuprolith_version(),
        python=platform.python_version(),
        executable=sys.executable,
        cores=_cores(),
        free_gib=free,
        work_dir_problem=problem,
        engine=_engine() if engine else None,
        gpu=_gpu() if gpu else None,
    )
    print(report.model_dump_json(indent=1), flush=True)
    return report.model_dump()


def _cores() -> int:
    told = (os.environ.get(name, "") for name in _CORES)
    return next((int(n) for n in told if n.isdecimal()), len(os.sched_getaffinity(0)))


def _room(folder: Path) -> tuple[int, str]:
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"x" * 4096)
            file.flush()
            os.fsync(file.fileno())
        return shutil.disk_usage(folder).free // _BYTES_PER_GIB, ""
    except OSError as error:
        return 0, str(error)


def _engine() -> EngineReport:
    """Look for VASP, the one engine whose program and data the cluster's settings name."""
    command = os.environ.get("VASP_CMD", "")
    data = os.environ.get("PMG_VASP_PSP_DIR", "")
    return EngineReport(
        command=command,
        programs=search_programs(command) if command else None,
        data=data,
        data_problem=_reading_problem(Path(data)) if data else "",
    )


def _reading_problem(folder: Path) -> str:
    try:
        return "" if any(folder.iterdir()) else "the folder is empty"
    except OSError as error:
        return error.strerror or str(error)


def _gpu() -> GpuReport:
    driver: list[str] = []
    if shutil.which("nvidia-smi") is not None:
        try:
            command = ["nvidia-smi", "-L"]
            said = subprocess.run(
                command, capture_output=True, text=True, timeout=_SECONDS, check=False
            )
            driver = [] if said.returncode else said.stdout.splitlines()
        except (OSError, subprocess.TimeoutExpired):
            pass
    try:
        import torch

        names = [torch.cuda.get_device_name(n) for n in range(torch.cuda.device_count())]
    # a torch that does not fit its CUDA raises what it likes
    except Exception as error:  # noqa: BLE001
        return GpuReport(driver=driver, torch_problem=f"{type(error).__name__}: {error}")
    return GpuReport(driver=driver, torch=names)
