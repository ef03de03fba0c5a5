"""One rehearsed run: walk through configurations and write what VASP would write."""

from __future__ import annotations

import errno
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import numpy as np
from ase.calculators.calculator import Calculator
from pymatgen.io.vasp.inputs import Incar

from workflows.vasp_rehearsal.contcar_writer import contcar, scaled_positions
from workflows.vasp_rehearsal.dynamics import molecular_dynamics
from workflows.vasp_rehearsal.faults import Fault, pending_fault
from workflows.vasp_rehearsal.inputs import RunInputs, read_inputs
from workflows.vasp_rehearsal.motion import WalkStep, relaxation, single_point
from workflows.vasp_rehearsal.oszicar_writer import OszicarWriter
from workflows.vasp_rehearsal.outcar_writer import OutcarWriter
from workflows.vasp_rehearsal.step import IonicStep, electronic_steps
from workflows.vasp_rehearsal.vasprun_writer import VasprunWriter

_REACHED = "reached required accuracy - stopping structural energy minimisation"
_ZBRENT = (
    "ZBRENT: fatal error in bracketing\n     please rerun with smaller EDIFF, or copy CONTCAR\n"
    "     to POSCAR and continue"
)
_EDDDAV = "Error EDDDAV: Call to ZHEGV failed. Returncode =  20   2   48"


class RunAbortedError(Exception):
    """The run ends here as VASP ends it after a fatal error."""


def run(directory: Path, calculator: Calculator, stdout: TextIO) -> None:
    """Run what the input files in a directory ask for, and write the output files beside them.

    Parameters
    ----------
    calculator
        Labels the configurations (eV, eV/Å, eV/Å³).
    stdout
        Takes what VASP prints.

    Raises
    ------
    CuprolithError
        If the input files do not make a run.
    RunAbortedError
        If a fault on request ends the run.
    OSError
        If the disk is full, truly or on request.
    """
    started = time.perf_counter()
    inputs = read_inputs(directory)
    files = _OutputFiles(directory, inputs, stdout)
    player = _FaultPlayer(pending_fault(directory), files)
    energy = 0.0
    before = time.perf_counter()
    walk = _walk(inputs, calculator)
    for number, walked in enumerate(walk, start=1):
        player.take_time(number)
        step = _ionic_step(number, walked, inputs, player, energy, time.perf_counter() - before)
        player.before_step(number)
        files.begin_step(step)
        player.within_step(number)
        stop = _stop_request(directory)
        last = walked.converged or number == inputs.settings.n_steps or stop != ""
        files.end_step(step)
        energy, before = step.energies.free, time.perf_counter()
        if walked.converged:
            files.remark(_REACHED)
        if stop:
            files.remark(f"{stop} stop encountered!  aborting job ...")
        if last:
            files.finish(step, time.perf_counter() - started)
            player.after_run()
            return


class _OutputFiles:
    """All output files of a run."""

    def __init__(self, directory: Path, inputs: RunInputs, stdout: TextIO) -> None:
        self._inputs = inputs
        self.vasprun = VasprunWriter(directory, inputs)
        self._oszicar = OszicarWriter(directory, inputs, stdout)
        self._outcar = OutcarWriter(directory, inputs)
        self._contcar = directory / "CONTCAR"
        self._contcar.touch()

    def begin_step(self, step: IonicStep) -> None:
        for writer in (self.vasprun, self._oszicar, self._outcar):
            writer.begin_step(step)

    def end_step(self, step: IonicStep) -> None:
        for writer in (self.vasprun, self._outcar, self._oszicar):
            writer.end_step(step)
        self._contcar.write_text(contcar(step.continuation, self._inputs), encoding="utf-8")

    def remark(self, text: str) -> None:
        """Say why the run stops."""
        self._oszicar.remark(text)
        self._outcar.remark(text)

    def finish(self, step: IonicStep, seconds: float) -> None:
        self.vasprun.finish(scaled_positions(step.continuation.positions, self._inputs))
        self._outcar.finish(seconds)
        self._oszicar.finish()


class _FaultPlayer:
    """Plays the fault of a run, if it has one."""

    def __init__(self, fault: Fault | None, files: _OutputFiles) -> None:
        self._fault = fault
        self._files = files

    def converges(self, number: int) -> bool:
        """Whether the SCF of a step converges."""
        return self._fault is None or not self._fault.spoils_scf(number)

    def forces(self, number: int, forces: np.ndarray) -> np.ndarray:
        """Return the forces that are written: those of an overflowing step are not numbers."""
        if self._fault is not None and self._fault.strikes("nan_forces", number):
            return np.full_like(forces, np.nan)
        return forces

    def take_time(self, number: int) -> None:
        """Let a step take longer."""
        fault = self._fault
        if fault is not None and fault.name == "slow" and number >= fault.at_step:
            time.sleep(fault.seconds)

    def before_step(self, number: int) -> None:
        """Stop before anything of a step is written."""
        if self._fault is None:
            return
        for name, message in (("zbrent", _ZBRENT), ("edddav", _EDDDAV)):
            if self._fault.name == name and number == self._fault.at_step:
                self._files.remark(message)
                raise RunAbortedError(message)

    def within_step(self, number: int) -> None:
        """Stop when the electronic steps of a step are written but no forces."""
        fault = self._fault
        if fault is None or number != fault.at_step:
            return
        if fault.name == "frozen":
            while True:
                time.sleep(3600)
        if fault.name == "walltime_kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if fault.name == "full_disk":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._files.vasprun.path))

    def after_run(self) -> None:
        """Spoil files of a run that is over."""
        if self._fault is not None and self._fault.name == "truncated_vasprun":
            self._files.vasprun.truncate()


def _walk(inputs: RunInputs, calculator: Calculator) -> Iterator[WalkStep]:
    walks = {"static": single_point, "relax": relaxation, "md": molecular_dynamics}
    return walks[inputs.settings.motion](inputs, calculator)


def _ionic_step(
    number: int,
    walked: WalkStep,
    inputs: RunInputs,
    player: _FaultPlayer,
    energy_before: float,
    seconds: float,
) -> IonicStep:
    settings = inputs.settings
    converges = player.converges(number)
    electronic = electronic_steps(
        walked.label.energy,
        len(inputs.atoms),
        settings,
        first=number == 1,
        converges=converges,
    )
    return IonicStep(
        number=number,
        scaled=scaled_positions(walked.label.positions, inputs),
        forces=player.forces(number, walked.label.forces),
        stress=walked.label.stress if settings.isif > 0 else None,
        electronic=electronic,
        converged=converges and len(electronic) < settings.nelm,
        energy_change=electronic[-1].energies.free - energy_before,
        continuation=walked.continuation,
        thermal=walked.thermal,
        seconds=seconds,
    )


def _stop_request(directory: Path) -> str:
    """Return "soft" for LSTOP and "hard" for LABORT in STOPCAR, else nothing."""
    path = directory / "STOPCAR"
    if not path.is_file():
        return ""
    tags = Incar.from_file(str(path))
    if tags.get("LABORT") is True:
        return "hard"
    return "soft" if tags.get("LSTOP") is True else ""
