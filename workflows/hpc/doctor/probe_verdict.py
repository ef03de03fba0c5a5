"""What the doctor's job found on a worker, held against what campaigns need there."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from workflows.checks import Check
from workflows.engines.vasp.programs import VASP, program_of_command
from workflows.environment import cuprolith_version
from workflows.hpc.doctor.probe import GpuReport, NodeReport, VaspReport
from workflows.hpc.doctor.remedies import Remedies


def own_subject(worker: str) -> str:
    """Return the subject of the check that is a worker's alone."""
    return f"job on {worker}"


def judge(worker: str, output: Any, *, remedies: Remedies, gpus: int) -> list[Check]:
    """Return what a job's output says about its worker.

    What may be the same on several workers does not name this one: "VASP", not "VASP on cpu".

    Parameters
    ----------
    output
        What `examine_node` returned there.
    remedies
        How its project is changed.
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
                f"install {here} there, or name the Python that has it: {remedies.other_python}",
            )
        ]
    try:
        report = NodeReport.model_validate(output)
    except ValidationError:
        return [_failed(subject, f"its answer is not understood: {output}", f"install {here}")]
    found = (
        f"ran on {report.host}: Cuprolith {report.cuprolith}, Python {report.python}, "
        f"{report.cores} core{'s' if report.cores > 1 else ''}"
    )
    if report.work_dir_problem:
        main = _failed(
            subject,
            f"{found}, but `work_dir` cannot be written there: {report.work_dir_problem}",
            "choose a `work_dir` on a file system that nodes write to, not the login node alone",
        )
    else:
        main = Check(subject=subject, status="ok", found=f"{found}, `work_dir` writable")
    checks = [main]
    if report.vasp is not None:
        checks += [_vasp(report.vasp, remedies), _potcars(report.vasp, remedies)]
    if report.gpu is not None:
        checks.append(_gpu(report.gpu, gpus, remedies))
    return checks


def _vasp(vasp: VaspReport, remedies: Remedies) -> Check:
    subject = "VASP"
    if not vasp.command:
        return Check(
            subject=subject,
            status="note",
            found="VASP_CMD is not set there: campaigns must name `vasp_cmd`, or another engine",
            remedy=remedies.with_flags("--vasp-command 'srun vasp_std'"),
        )
    programs = ", ".join(f"{word} is {path}" for word, path in vasp.found.items())
    if vasp.missing:
        behind = f" ({programs})" if programs else ""
        return _failed(
            subject,
            f"`{vasp.command}`: no program {vasp.missing} there{behind}",
            "load its module, or give its full path: "
            + remedies.with_flags("--dft-modules NAMES or --vasp-command COMMAND"),
        )
    if vasp.container:
        programs += f"; what is in the container of {vasp.container} was not looked at"
    found = program_of_command(" ".join(vasp.found.values()))
    if found != VASP:
        programs += f"; {found.called}, not VASP"
    return Check(subject=subject, status="ok", found=f"`{vasp.command}`: {programs}")


def _potcars(vasp: VaspReport, remedies: Remedies) -> Check:
    subject = "VASP potentials"
    if not vasp.potcars:
        return Check(
            subject=subject,
            status="note",
            found="PMG_VASP_PSP_DIR is not set there; pymatgen's own settings may name the folder",
            remedy=remedies.with_flags("--potcars /full/path"),
        )
    if vasp.potcars_problem:
        return _failed(
            subject,
            f"{vasp.potcars} cannot be read there: {vasp.potcars_problem}",
            "name a folder that nodes see: " + remedies.with_flags("--potcars /full/path"),
        )
    return Check(subject=subject, status="ok", found=f"{vasp.potcars} readable")


def _gpu(gpu: GpuReport, asked: int, remedies: Remedies) -> Check:
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
            remedy="where there are GPUs: "
            + remedies.with_flags("--set classes.gpu.gpus_per_node=1")
            if remedies.has_gpus
            else "",
        )
    remedy = "install torch's CUDA build there, for the driver that is there"
    if len(gpu.driver) < asked:
        remedy = "see that `classes.gpu` has the right `queue`, `gpus_per_node` and `gpu_type`"
    return _failed(subject, f"{found}; the class asks for {asked}", remedy)


def _failed(subject: str, found: str, remedy: str) -> Check:
    return Check(subject=subject, status="missing", found=found, remedy=remedy)
