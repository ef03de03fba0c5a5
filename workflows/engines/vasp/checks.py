"""Checks of VASP for ``doctor``: its command and its potentials."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Sequence
from importlib import metadata

from cuprolith.errors import CuprolithError
from workflows.checks import Check
from workflows.engines.vasp.potcars import (
    families_present,
    potcar_directory,
    potcar_problems,
    potentials_present,
    program_of_release,
)
from workflows.engines.vasp.programs import OTHER_PROGRAMS
from workflows.engines.vasp.settings import VaspSettings


def check_command(settings: VaspSettings) -> Check:
    """Look for the program that runs VASP."""
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
    watcher = f"custodian {metadata.version('custodian')}"
    found = f"`{settings.command}` ({settings.program.called}), {watcher}"
    return Check(subject="engine vasp", status="ok", found=found)


def check_potentials() -> Check:
    """Look for the releases of potentials that are installed."""
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


def check_campaign_potentials(settings: VaspSettings, elements: Sequence[str]) -> list[Check]:
    """Look for the potentials of a campaign's elements."""
    subject = f"VASP potentials of {', '.join(elements)}"
    problems = potcar_problems(settings, elements)
    if not problems:
        return [Check(subject=subject, status="ok", found=f"all in {settings.potcar_family}")]
    return [
        Check(
            subject=subject,
            status="missing",
            found=f"{problem.key}: {problem.message}" if problem.key else problem.message,
            remedy=problem.remedy,
        )
        for problem in problems
    ]
