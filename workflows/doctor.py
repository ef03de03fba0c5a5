"""What is installed, configured and reachable, and what to do about what is not."""

from __future__ import annotations

import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
from importlib import metadata
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel

from cuprolith.errors import CuprolithError
from workflows.environment import package_versions
from workflows.labelling.embedded import POTENTIALS

if TYPE_CHECKING:
    from workflows.engines.vasp.settings import VaspSettings
    from workflows.inputs.campaign import Campaign

PINNED_TORCH = "2.13.0"


class Check(BaseModel):
    """One finding.

    Attributes
    ----------
    status
        ``ok``, ``missing`` (something cannot be used), ``note``, or ``skipped`` (another check that
        failed stands before it).
    """

    subject: str
    status: Literal["ok", "missing", "note", "skipped"]
    found: str
    remedy: str = ""


def examine(campaign: Campaign | None = None) -> list[Check]:
    """Examine Python, torch, the trainer, the accelerator, every engine and its data.

    Parameters
    ----------
    campaign
        Whose engine's settings are examined for the elements of its structures, if any.
    """
    vasp = campaign is not None and campaign.engine.name == "vasp"
    return [
        _python(),
        _torch(),
        _accelerator(),
        _trainer(),
        *_embedded_engines(),
        _gpaw(),
        _vasp_command(campaign.engine.vasp if campaign is not None and vasp else None),
        *([] if vasp else [_vasp_potentials()]),
        *([] if campaign is None else _campaign(campaign)),
    ]


def _python() -> Check:
    return Check(subject="Python", status="ok", found=sys.version.split()[0])


def _torch() -> Check:
    version = package_versions().get("torch")
    if version is None or version.split("+")[0] != PINNED_TORCH:
        return Check(
            subject="torch",
            status="missing" if version is None else "note",
            found=version or "not installed",
            remedy=f"pip install torch=={PINNED_TORCH} (the tested version) before anything else",
        )
    return Check(subject="torch", status="ok", found=version)


def _accelerator() -> Check:
    import torch

    if torch.cuda.is_available():
        return Check(subject="GPU", status="ok", found=torch.cuda.get_device_name(0))
    if shutil.which("nvidia-smi") and _runs("nvidia-smi"):
        return Check(
            subject="GPU",
            status="missing",
            found="an NVIDIA GPU that torch cannot use",
            remedy=f"reinstall torch=={PINNED_TORCH} as its CUDA build",
        )
    return Check(
        subject="GPU",
        status="note",
        found="none; training and labels run on the CPU",
        remedy="fine for the quickstart; use a GPU machine for real trainings",
    )


def _runs(command: str) -> bool:
    return subprocess.run([command], capture_output=True, check=False).returncode == 0


def _trainer() -> Check:
    missing = [name for name in ("nequip", "allegro") if importlib.util.find_spec(name) is None]
    if missing:
        return Check(
            subject="trainer",
            status="missing",
            found=f"no {' and no '.join(missing)}",
            remedy="pip install nequip nequip-allegro",
        )
    found = f"nequip {metadata.version('nequip')}, allegro {metadata.version('nequip-allegro')}"
    return Check(subject="trainer", status="ok", found=found)


def _embedded_engines() -> list[Check]:
    checks = []
    for name, potential in POTENTIALS.items():
        subject = f"engine {name}"
        if not potential.installed:
            check = Check(
                subject=subject,
                status="missing",
                found=f"no Python package {potential.package}",
                remedy=f"pip install {potential.package}",
            )
        else:
            try:
                digest = potential.weights_sha256()[:12]
            except OSError as error:
                check = Check(
                    subject=subject,
                    status="missing",
                    found=f"weights unreadable: {error}",
                    remedy=f"pip install --force-reinstall {potential.package}",
                )
            else:
                found = f"{potential.package} {potential.version}, weights {digest}"
                check = Check(subject=subject, status="ok", found=found)
        checks.append(check)
    return checks


def _gpaw() -> Check:
    from workflows.engines.gpaw.installation import check

    status, found, remedy = check()
    return Check(subject="engine gpaw", status=status, found=found, remedy=remedy)


def _vasp_command(given: VaspSettings | None) -> Check:
    from workflows.engines.vasp.programs import OTHER_PROGRAMS
    from workflows.engines.vasp.settings import VaspSettings

    settings = given or VaspSettings()
    watcher = f"custodian {metadata.version('custodian')}"
    program = shlex.split(os.path.expandvars(settings.command))[0]
    if shutil.which(program) is None:
        return Check(
            subject="engine vasp",
            status="note",
            found=f"`{settings.command}` is not on the path",
            remedy="; ".join(
                [
                    "set VASP_CMD, e.g. `srun vasp_std`",
                    *(f"to {each.purpose}: `vasp_cmd: {each.command}`" for each in OTHER_PROGRAMS),
                ]
            ),
        )
    found = f"`{settings.command}` ({settings.program.called}), {watcher}"
    return Check(subject="engine vasp", status="ok", found=found)


def _vasp_potentials() -> Check:
    from workflows.engines.vasp.potcars import (
        families_present,
        potcar_directory,
        potentials_present,
        program_of_release,
    )
    from workflows.engines.vasp.settings import VaspSettings

    subject = "VASP potentials"
    try:
        directory = potcar_directory()
    except CuprolithError as error:
        return Check(subject=subject, status="note", found=error.message, remedy=error.remedy)
    families = families_present(directory)
    if not families:
        return Check(
            subject=subject,
            status="note",
            found=f"neither PBE_54 nor PBE_64 in {directory}",
            remedy="unpack one of them there: `pmg config -p <unpacked> <folder>`",
        )
    present = {family: potentials_present(directory, family) for family in families}
    found = ", ".join(f"{len(symbols)} of {family}" for family, symbols in present.items())
    program = VaspSettings().program
    owners = {family: program_of_release(directory, family) for family in families}
    for_others = [
        f"{family}: each is {owner.potcars.called}"
        for family, owner in owners.items()
        if owner.potcars is not None and owner != program
    ]
    if for_others:
        return Check(
            subject=subject,
            status="missing",
            found="; ".join([found, *for_others]),
            remedy="set PMG_VASP_PSP_DIR to real potentials",
        )
    return Check(
        subject=subject,
        status="ok",
        found=f"{found}; `cuprolith doctor CAMPAIGN` looks for those that a campaign needs",
    )


def _campaign(campaign: Campaign) -> list[Check]:
    """Examine the engine of a campaign for the elements of its structures."""
    from workflows.inputs.unfit_settings import elements_of, unfit_settings
    from workflows.plan import solids_of
    from workflows.stages.generate import campaign_candidates, campaign_crystals

    crystals = campaign_crystals(campaign)
    candidates = campaign_candidates(campaign, crystals)
    elements = elements_of(candidate.structure for candidate in candidates)
    checks = []
    if campaign.engine.name == "vasp":
        checks = _campaign_potentials(campaign.engine.vasp, elements)
    unfit = unfit_settings(campaign.engine, elements, solids_of(campaign, crystals))
    checks += [
        Check(subject=f"campaign {campaign.name}", status="note", found=note) for note in unfit
    ]
    if not unfit:
        found = f"nothing in the settings of {campaign.engine.name} speaks against its elements"
        checks.append(Check(subject=f"campaign {campaign.name}", status="ok", found=found))
    return checks


def _campaign_potentials(settings: VaspSettings, elements: list[str]) -> list[Check]:
    from workflows.engines.vasp.potcars import potcar_problems

    subject = f"VASP potentials of {', '.join(elements)}"
    problems = potcar_problems(settings, elements)
    if not problems:
        found = f"all in {settings.potcar_family}"
        return [Check(subject=subject, status="ok", found=found)]
    return [
        Check(
            subject=subject,
            status="missing",
            found=f"{problem.key}: {problem.message}" if problem.key else problem.message,
            remedy=problem.remedy,
        )
        for problem in problems
    ]
