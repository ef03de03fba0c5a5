"""OSZICAR, and the same lines on standard output."""

from __future__ import annotations

from pathlib import Path
from typing import TextIO

from workflows.vasp_rehearsal import BANNER
from workflows.vasp_rehearsal.formats import fortran_e
from workflows.vasp_rehearsal.inputs import RunInputs
from workflows.vasp_rehearsal.step import ElectronicStep, IonicStep

_COLUMNS = (
    "       N       E                     dE             d eps       ncg     rms          rms(c)\n"
)


class OszicarWriter:
    """Writes ``OSZICAR`` of a run into a directory and prints its lines as VASP does."""

    def __init__(self, directory: Path, inputs: RunInputs, stdout: TextIO) -> None:
        self._file = (directory / "OSZICAR").open("w", encoding="utf-8")
        self._stdout = stdout
        stdout.write(
            f" running on    1 total cores\n {BANNER}\n"
            f" POSCAR found :{len(inputs.species):3d} types and {len(inputs.atoms):7d} ions\n"
            " POSCAR, INCAR and KPOINTS ok, starting setup\n WAVECAR not read\n"
            " entering main loop\n"
        )
        stdout.flush()

    def begin_step(self, step: IonicStep) -> None:
        """Write the electronic steps of an ionic step."""
        lines = [_electronic(number, each) for number, each in enumerate(step.electronic, start=1)]
        self._both(_COLUMNS + "".join(lines))

    def end_step(self, step: IonicStep) -> None:
        """Write the line of an ionic step."""
        self._both(_ionic(step))

    def remark(self, text: str) -> None:
        """Print a line on standard output."""
        self._stdout.write(f" {text}\n")
        self._stdout.flush()

    def finish(self) -> None:
        """Close the file."""
        self._file.close()

    def _both(self, lines: str) -> None:
        for file in (self._file, self._stdout):
            file.write(lines)
            file.flush()


def _electronic(number: int, step: ElectronicStep) -> str:
    residual, change = fortran_e(step.residual, 3), fortran_e(step.change, 5)
    return (
        f"DAV:{number:4d}  {fortran_e(step.energies.free, 12):>20s}"
        f" {change:>14s} {change:>14s}{1000:6d}{residual:>12s}{residual:>13s}\n"
    )


def _ionic(step: IonicStep) -> str:
    free, sigma0 = fortran_e(step.energies.free, 8), fortran_e(step.energies.sigma0, 8)
    thermal = step.thermal
    if thermal is None:
        change = fortran_e(step.energy_change, 6)
        return f"{step.number:5d} F= {free} E0= {sigma0}  d E ={change}\n"
    return (
        f"{step.number:7d} T={thermal.temperature:6.0f}. E= {fortran_e(step.total_energy, 8)}"
        f" F= {free} E0= {sigma0}  EK= {fortran_e(thermal.kinetic, 5)}"
        f" SP= {fortran_e(thermal.nose_potential, 2)}"
        f" SK= {fortran_e(thermal.nose_kinetic, 2)}\n"
    )
