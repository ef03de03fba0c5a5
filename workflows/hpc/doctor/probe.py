"""What the doctor's job finds on the node where it runs.

Workers import this module: whatever is not there must be found out, not fail an import.
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
from workflows.hpc.doctor.program_search import search_programs

_SECONDS = 60
# what the schedulers tell a job of its cores on this node; else those that it may use
_CORES = ("SLURM_CPUS_ON_NODE", "NCPUS", "NSLOTS")


class VaspReport(BaseModel):
    """VASP as a job sees it.

    Attributes
    ----------
    command
        ``VASP_CMD``; empty if it is not set.
    found, missing, container
        As `ProgramSearch` has them.
    potcars
        ``PMG_VASP_PSP_DIR``; empty if it is not set.
    potcars_problem
        Why that folder cannot be read; empty if it can.
    """

    command: str = ""
    found: dict[str, str] = {}
    missing: str = ""
    container: str = ""
    potcars: str = ""
    potcars_problem: str = ""


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
    work_dir_problem
        Why the folder of all jobs cannot be written from there; empty if it can.
    """

    host: str
    cuprolith: str
    python: str
    executable: str
    cores: int
    work_dir_problem: str = ""
    vasp: VaspReport | None = None
    gpu: GpuReport | None = None


def examine_node(work_dir: str, *, vasp: bool, gpu: bool) -> dict[str, Any]:
    """Report on the machine this runs on; also on standard output, for the queue's log.

    Parameters
    ----------
    work_dir
        Folder of all jobs.
    vasp, gpu
        What to look for.

    Returns
    -------
    dict
        A `NodeReport`.
    """
    report = NodeReport(
        host=socket.gethostname(),
        cuprolith=cuprolith_version(),
        python=platform.python_version(),
        executable=sys.executable,
        cores=_cores(),
        work_dir_problem=_writing_problem(Path(work_dir)),
        vasp=_vasp() if vasp else None,
        gpu=_gpu() if gpu else None,
    )
    print(report.model_dump_json(indent=1), flush=True)
    return report.model_dump()


def _cores() -> int:
    told = (os.environ.get(name, "") for name in _CORES)
    return next((int(n) for n in told if n.isdecimal()), len(os.sched_getaffinity(0)))


def _writing_problem(folder: Path) -> str:
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"x" * 4096)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return str(error)
    return ""


def _vasp() -> VaspReport:
    command = os.environ.get("VASP_CMD", "")
    potcars = os.environ.get("PMG_VASP_PSP_DIR", "")
    report = VaspReport(
        command=command,
        potcars=potcars,
        potcars_problem=_reading_problem(Path(potcars)) if potcars else "",
    )
    if not command:
        return report
    found = search_programs(command)
    return report.model_copy(
        update={"found": found.found, "missing": found.missing, "container": found.container}
    )


def _reading_problem(folder: Path) -> str:
    try:
        return "" if any(folder.iterdir()) else "the folder is empty"
    except OSError as error:
        return error.strerror or str(error)


def _gpu() -> GpuReport:
    names, problem = _torch_gpus()
    return GpuReport(driver=_driver_gpus(), torch=names, torch_problem=problem)


def _driver_gpus() -> list[str]:
    if shutil.which("nvidia-smi") is None:
        return []
    try:
        done = subprocess.run(
            ["nvidia-smi", "-L"], capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [] if done.returncode else done.stdout.splitlines()


def _torch_gpus() -> tuple[list[str], str]:
    try:
        import torch

        return [torch.cuda.get_device_name(n) for n in range(torch.cuda.device_count())], ""
    # a torch that does not fit its CUDA raises what it likes
    except Exception as error:  # noqa: BLE001
        return [], f"{type(error).__name__}: {error}"
