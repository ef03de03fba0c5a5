"""Programs that run as VASP: VASP itself, and those that read and write its files in its place.

Another program is one module in ``workflows.vasp_programs``, or an entry point of another package,
that defines ``PROGRAM``. The engine asks it how it is run, where its POTCARs come from and what its
labels are called.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from cuprolith.registry import Registry


@dataclass(frozen=True)
class PotcarProvider:
    """Source of a program's POTCARs, if not VASP's releases.

    Attributes
    ----------
    directory
        Called with a folder, a release and symbols of potentials; returns the folder in which they
        are, arranged as pymatgen expects.
    mark
        Text that is in each of its POTCARs and in no other.
    called
        What messages call one of them.
    """

    directory: Callable[[Path, str, Iterable[str]], Path]
    mark: str
    called: str


@dataclass(frozen=True)
class VaspProgram:
    """A program that reads VASP's input files and writes its output files.

    Attributes
    ----------
    name
        Engine of its labels.
    called
        What messages call it.
    command
        Name of its executable; "" for VASP, which has many.
    purpose
        What it is for, after "to".
    output_mark
        Text, in lower case, in the generator that its ``vasprun.xml`` and ``OUTCAR`` name.
    simulated_by
        Sentence for reports on where its labels come from; "" if they are those of DFT.
    plan_note
        What `plan` says of a campaign that uses it.
    poll_seconds, monitor_seconds
        How often custodian looks whether it has ended, and lets its monitors look at its output.
    potcars
        Where its POTCARs come from; None if from VASP's releases.
    writes_orbitals
        Whether it writes a WAVECAR.
    kept_files
        Beginnings of the names of its own files, which stay in a run's folder for all attempts.
    """

    name: str
    called: str
    command: str = ""
    purpose: str = ""
    output_mark: str = ""
    simulated_by: str = ""
    plan_note: str = ""
    poll_seconds: float = 1.0  # custodian's own 10 s are long for a step of a small cell
    monitor_seconds: float = 300.0
    potcars: PotcarProvider | None = None
    writes_orbitals: bool = True
    kept_files: tuple[str, ...] = ()


VASP = VaspProgram(name="vasp", called="VASP")
OTHER_PROGRAMS = Registry("program", VaspProgram, "workflows.vasp_programs")


def program_of_command(command: str) -> VaspProgram:
    """Return the program that a command runs: VASP, unless it names another one's executable."""
    names = {Path(word).name for word in shlex.split(command)}
    return next((each for each in OTHER_PROGRAMS if each.command in names), VASP)


def program_of_output(generator: str) -> VaspProgram:
    """Return the program that wrote an output, by the generator that the output names."""
    text = generator.lower()
    return next((each for each in OTHER_PROGRAMS if each.output_mark in text), VASP)


def program_of_potcar(text: str) -> VaspProgram:
    """Return the program that a POTCAR is for."""
    others = (each for each in OTHER_PROGRAMS if each.potcars is not None)
    return next((each for each in others if each.potcars and each.potcars.mark in text), VASP)
