"""What ``doctor --hpc`` says about VASP on a node: its program and its potentials."""

from __future__ import annotations

import os
import shlex
import shutil
from pathlib import Path

from workflows.checks import Check
from workflows.engines.vasp.programs import VASP, program_of_command

_LAUNCHERS = frozenset(
    {
        *("srun", "mpirun", "mpiexec", "mpiexec.hydra", "mpirun_rsh", "orterun", "prterun"),
        *("prun", "aprun", "jsrun", "ibrun", "mpprun"),
        *("env", "nice", "time", "timeout", "numactl", "taskset"),
    }
)
_CONTAINERS = frozenset(
    {"apptainer", "singularity", "shifter", "podman", "podman-hpc", "docker", "ch-run"}
)


def check_program() -> Check:
    """Look for the programs of ``VASP_CMD``.

    Launchers have options whose values look like programs, and some are (``--map-by node``). VASP
    takes no arguments, so behind a launcher the last word is the program; a first word that is no
    launcher is the program, whatever follows. What is in a container is not looked for.
    """
    command = os.environ.get("VASP_CMD", "")
    if not command:
        return Check.note(
            "VASP",
            "VASP_CMD is not set there: campaigns must name `vasp_cmd`, or another engine",
            "set `vasp.command`, e.g. to `srun vasp_std`",
        )
    words = shlex.split(os.path.expandvars(command)) or [""]
    container = next((word for word in words if _name(word) in _CONTAINERS), "")
    last = container or (words[-1] if _name(words[0]) in _LAUNCHERS else words[0])
    found = {word: path for word in (words[0], last) if (path := shutil.which(word))}
    programs = ", ".join(f"{word} is {path}" for word, path in found.items())
    missing = next((word or "(empty)" for word in (words[0], last) if word not in found), "")
    if not missing and _name(last) in _LAUNCHERS:
        missing = f"(nothing behind {last})"
    if missing:
        return Check.missing(
            "VASP",
            f"`{command}`: no program {missing} there{f' ({programs})' if programs else ''}",
            "load its module in the `environment` of the class, or give its full path in "
            "`vasp.command`",
        )
    if container:
        programs += f"; what is in the container of {container} was not looked at"
    program = program_of_command(shlex.join(found.values()))
    if program != VASP:
        programs += f"; {program.called}, not VASP"
    return Check.ok("VASP", f"`{command}`: {programs}")


def check_potentials_folder() -> Check:
    """Read the folder of ``PMG_VASP_PSP_DIR``."""
    subject, folder = "VASP potentials", os.environ.get("PMG_VASP_PSP_DIR", "")
    if not folder:
        return Check.note(
            subject,
            "PMG_VASP_PSP_DIR is not set there; pymatgen's own settings may name the folder",
            "name it in `vasp.potcars`",
        )
    try:
        problem = "" if any(Path(folder).iterdir()) else "the folder is empty"
    except OSError as error:
        problem = error.strerror or str(error)
    if problem:
        return Check.missing(
            subject,
            f"{folder} cannot be read there: {problem}",
            "name a folder that nodes see in `vasp.potcars`",
        )
    return Check.ok(subject, f"{folder} readable")


def _name(word: str) -> str:
    return word.rpartition("/")[2]
