"""What the doctor's job found on a worker, held against what campaigns need there."""

from __future__ import annotations

import shlex
from typing import Any

from pydantic import ValidationError

from workflows.checks import Check
from workflows.engines.vasp.programs import VASP, program_of_command
from workflows.environment import cuprolith_version
from workflows.hpc.doctor.probe import EngineReport, GpuReport, NodeReport


def own_subject(worker: str) -> str:
    """Return the subject of the check that is a worker's alone."""
    return f"job on {worker}"


def judge(worker: str, output: Any, *, gpus: int) -> list[Check]:
    """Return what a job's output says about its worker.

    What may be the same on several workers does not name this one: "VASP", not "VASP on cpu".

    Parameters
    ----------
    output
        What `examine_node` returned there.
    gpus
        GPUs that the class asks for on a node.
    """
    subject = own_subject(worker)
    here = cuprolith_version()
    there = output.get("cuprolith") if isinstance(output, dict) else None
    if there != here:
        where = f" of {output.get('executable')}" if isinstance(output, dict) else ""
        return [
            _failed(
                subject,
                f"Cuprolith {there} there{where}, {here} here",
                f"install {here} there, or name the Python that has it in `environment`",
            )
        ]
    try:
        report = NodeReport.model_validate(output)
    except ValidationError:
        return [_failed(subject, f"its answer is not understood: {output}", f"install {here}")]
    checks = [_node(subject, report)]
    if report.engine is not None:
        checks += _engine(report.engine)
    if report.gpu is not None:
        checks.append(_gpu(report.gpu, gpus))
    return checks


def _node(subject: str, report: NodeReport) -> Check:
    found = (
        f"ran on {report.host}: Cuprolith {report.cuprolith}, Python {report.python}, "
        f"{report.cores} core{'s' if report.cores > 1 else ''}"
    )
    if report.work_dir_problem:
        return _failed(
            subject,
            f"{found}, but `work_dir` cannot be written there: {report.work_dir_problem}",
            "choose a `work_dir` on a file system that nodes write to, not the login node alone",
        )
    room = f"`work_dir` writable, {report.free_gib} GiB free"
    return Check(subject=subject, status="ok", found=f"{found}, {room}")


def _engine(report: EngineReport) -> list[Check]:
    """Judge what belongs to the engine: here is all that is VASP's alone."""
    subject, remedy = "VASP", "set `vasp.command`, e.g. to `srun vasp_std`"
    if report.programs is None:
        unset = "VASP_CMD is not set there: campaigns must name `vasp_cmd`, or another engine"
        program = Check(subject=subject, status="note", found=unset, remedy=remedy)
    else:
        programs = ", ".join(f"{word} is {path}" for word, path in report.programs.found.items())
        if report.programs.missing:
            behind = f" ({programs})" if programs else ""
            program = _failed(
                subject,
                f"`{report.command}`: no program {report.programs.missing} there{behind}",
                "load its module in the `environment` of the class, or give its full path in "
                "`vasp.command`",
            )
        else:
            if report.programs.container:
                container = report.programs.container
                programs += f"; what is in the container of {container} was not looked at"
            found = program_of_command(shlex.join(report.programs.found.values()))
            if found != VASP:
                programs += f"; {found.called}, not VASP"
            program = Check(subject=subject, status="ok", found=f"`{report.command}`: {programs}")
    return [program, _potentials(report)]


def _potentials(report: EngineReport) -> Check:
    subject = "VASP potentials"
    if not report.data:
        return Check(
            subject=subject,
            status="note",
            found="PMG_VASP_PSP_DIR is not set there; pymatgen's own settings may name the folder",
            remedy="name it in `vasp.potcars`",
        )
    if report.data_problem:
        return _failed(
            subject,
            f"{report.data} cannot be read there: {report.data_problem}",
            "name a folder that nodes see in `vasp.potcars`",
        )
    return Check(subject=subject, status="ok", found=f"{report.data} readable")


def _gpu(gpu: GpuReport, asked: int) -> Check:
    subject = "GPU"
    if gpu.torch and len(gpu.torch) >= asked:
        return Check(subject=subject, status="ok", found=f"torch sees {', '.join(gpu.torch)}")
    found = f"torch sees {len(gpu.torch) or 'none'}"
    found += f" ({gpu.torch_problem})" if gpu.torch_problem else ""
    found += f", nvidia-smi lists {len(gpu.driver) or 'none'}"
    if not asked:
        return Check(
            subject=subject,
            status="note",
            found=f"{found}; the class asks for none, trainings run on the CPU",
            remedy="where there are GPUs, set `classes.gpu.gpus_per_node`",
        )
    remedy = "install torch's CUDA build there, for the driver that is there"
    if len(gpu.driver) < asked:
        remedy = "check `queue`, `gpus_per_node` and `gpu_type` of `classes.gpu`"
    return _failed(subject, f"{found}; the class asks for {asked}", remedy)


def _failed(subject: str, found: str, remedy: str) -> Check:
    return Check(subject=subject, status="missing", found=found, remedy=remedy)
