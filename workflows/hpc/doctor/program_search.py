"""Which program a command runs, behind the launchers before it, and whether it is there."""

from __future__ import annotations

import os
import shlex
import shutil
from dataclasses import dataclass

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


@dataclass(frozen=True)
class ProgramSearch:
    """What was found of a command.

    Attributes
    ----------
    found
        Path of each program of it, by its word in the command.
    missing
        Word that ought to be a program and is none; empty if there is none such.
    container
        What runs the program in a container, where it cannot be looked for; empty without one.
    """

    found: dict[str, str]
    missing: str = ""
    container: str = ""


def search_programs(command: str) -> ProgramSearch:
    """Look for the programs of a command on the path.

    Launchers have options whose values look like programs, and some are (``--map-by node``). VASP
    takes no arguments, so behind a launcher the last word is the program; a first word that is no
    launcher is the program, whatever follows.

    Parameters
    ----------
    command
        Words, say ``srun --mpi pmix vasp_std``; variables are expanded.
    """
    words = shlex.split(os.path.expandvars(command))
    if not words:
        return ProgramSearch({}, missing="(empty)")
    first, last = words[0], words[-1]
    found = {word: path for word in words if (path := shutil.which(word)) is not None}
    container = next((word for word in words if _name(word) in _CONTAINERS), "")
    if container:
        needed = [first, container]
    elif _name(first) in _LAUNCHERS:
        needed = [first, last]
    else:
        needed = [first]
    missing = next((word for word in needed if word not in found), "")
    if not missing and not container and _name(needed[-1]) in _LAUNCHERS:
        missing = f"(nothing behind {needed[-1]})"
    return ProgramSearch(
        {word: found[word] for word in needed if word in found}, missing, container
    )


def _name(word: str) -> str:
    return word.rpartition("/")[2]
