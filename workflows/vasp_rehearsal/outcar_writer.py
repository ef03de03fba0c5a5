"""OUTCAR, written step by step: the lines that readers of labels and custodian look for."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil
from pathlib import Path

import numpy as np

from workflows.vasp_rehearsal import BANNER
from workflows.vasp_rehearsal.formats import KBAR_PER_EV_PER_A3, columns
from workflows.vasp_rehearsal.inputs import RunInputs
from workflows.vasp_rehearsal.step import IonicStep


class OutcarWriter:
    """Writes ``OUTCAR`` of a run into a directory; complete steps are flushed."""

    def __init__(self, directory: Path, inputs: RunInputs) -> None:
        self._inputs = inputs
        self._file = (directory / "OUTCAR").open("w", encoding="utf-8")
        self._file.writelines(_header(inputs))
        self._file.flush()

    def begin_step(self, step: IonicStep) -> None:
        """Write the electronic steps of an ionic step."""
        for number in range(1, len(step.electronic) + 1):
            title = f" Iteration {step.number:6d}({number:4d})  "
            self._file.write(f"{title:-^104}\n\n")
        n_electrons = self._inputs.n_electrons
        self._file.write(f" number of electron {n_electrons:15.7f} magnetization\n")
        reason = "is reached" if step.converged else "was not reached (unconverged)"
        self._file.write(f"\n\n{f' aborting loop because EDIFF {reason} ':-^104}\n\n\n")
        self._file.flush()

    def end_step(self, step: IonicStep) -> None:
        """Write stress, forces and energies of an ionic step."""
        for part in (_stress, _forces):
            self._file.writelines(part(step, self._inputs))
        self._file.writelines(_energies(step))
        self._file.flush()

    def remark(self, text: str) -> None:
        """Write a line such as the reason why the run stops."""
        self._file.write(f"\n {text}\n")

    def finish(self, seconds: float) -> None:
        """Write the timings that end a complete OUTCAR, and close the file."""
        self._file.write(
            "\n\n General timing and accounting informations for this job:\n"
            " ========================================================\n\n"
            f"                  Total CPU time used (sec):{seconds:13.3f}\n"
            f"                         Elapsed time (sec):{seconds:13.3f}\n"
        )
        self._file.close()


def _header(inputs: RunInputs) -> Iterator[str]:
    yield f" {BANNER}\n running on    1 total cores\n\n\n INCAR:\n"
    yield from (f"   {line}\n" for line in str(inputs.incar).splitlines())
    # VASP names every POTCAR twice, and ASE counts on it.
    for _ in range(2):
        yield from (f" POTCAR:    {kind.titel}\n" for kind in inputs.species)
    for kind in inputs.species:
        yield f"   VRHFIN ={kind.element}:\n   TITEL  = {kind.titel}\n"
        yield f"   POMASS ={kind.mass:9.3f}; ZVAL   ={kind.valence:9.3f}    mass and valenz\n"
    counts = "".join(f"{kind.count:4d}" for kind in inputs.species)
    # pymatgen reads no OUTCAR without these; a number of bands must be one, though without meaning.
    yield f"   number of bands    NBANDS={ceil(inputs.n_electrons):7d}\n"
    yield "   total plane-waves  NPLWV = ******\n"
    yield f"   ions per type =            {counts}\n"
    yield "  generate k-points for: {:5d}{:5d}{:5d}\n".format(*inputs.mesh)
    yield f" Startparameter for this run:\n   NELECT = {inputs.n_electrons:12.4f}\n\n"
    yield from _lattice(inputs)
    yield "\n position of ions in fractional coordinates (direct lattice)\n"
    yield from (f"{columns(row, 13, 8)}\n" for row in inputs.atoms.get_scaled_positions())


def _lattice(inputs: RunInputs) -> Iterator[str]:
    cell = inputs.atoms.cell.array
    yield f"  volume of cell :{inputs.atoms.get_volume():12.2f}\n"
    yield "      direct lattice vectors                 reciprocal lattice vectors\n"
    for direct, reciprocal in zip(cell, np.linalg.inv(cell).T, strict=True):
        yield f"  {columns(direct, 13, 9)}  {columns(reciprocal, 13, 9)}\n"


def _stress(step: IonicStep, inputs: RunInputs) -> Iterator[str]:
    if step.stress is not None:
        kbar = -step.stress * KBAR_PER_EV_PER_A3
        voigt = [kbar[0, 0], kbar[1, 1], kbar[2, 2], kbar[0, 1], kbar[1, 2], kbar[2, 0]]
        yield "\n  FORCE on cell =-STRESS in cart. coord.  units (eV):\n"
        yield "  Direction    XX          YY          ZZ          XY          YZ          ZX\n"
        yield f"  in kB {columns(voigt, 12, 5)}\n"
    yield "\n VOLUME and BASIS-vectors are now :\n"
    yield from _lattice(inputs)


def _forces(step: IonicStep, inputs: RunInputs) -> Iterator[str]:
    yield "\n POSITION                                       TOTAL-FORCE (eV/Angst)\n"
    yield f" {'-' * 83}\n"
    for position, force in zip(step.scaled @ inputs.atoms.cell.array, step.forces, strict=True):
        yield f"{columns(position, 13, 5)} {columns(force, 14, 6)}\n"
    yield f" {'-' * 83}\n"


def _energies(step: IonicStep) -> Iterator[str]:
    energies = step.energies
    yield "\n  FREE ENERGIE OF THE ION-ELECTRON SYSTEM (eV)\n"
    yield "  ---------------------------------------------------\n"
    yield f"  free  energy   TOTEN  ={energies.free:18.8f} eV\n\n"
    yield f"  energy  without entropy={energies.without_entropy:17.8f}"
    yield f"  energy(sigma->0) ={energies.sigma0:17.8f}\n\n"
    yield f"     LOOP+:  cpu time{step.seconds:10.4f}: real time{step.seconds:10.4f}\n\n"
