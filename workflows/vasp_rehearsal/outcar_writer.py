"""OUTCAR, written step by step: the lines that readers of VASP's output look for."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from workflows.vasp_rehearsal import BANNER
from workflows.vasp_rehearsal.bands import bands_of
from workflows.vasp_rehearsal.dynamics import thermostat_period
from workflows.vasp_rehearsal.formats import KBAR_PER_EV_PER_A3, columns, fortran_e
from workflows.vasp_rehearsal.inputs import RunInputs
from workflows.vasp_rehearsal.parameters import grid, parameters_of, plane_waves
from workflows.vasp_rehearsal.scf import FERMI_ENERGY, ElectronicStep
from workflows.vasp_rehearsal.step import IonicStep

_RULE = "\n\n" + "-" * 104 + "\n\n\n"


class OutcarWriter:
    """Writes ``OUTCAR`` of a run into a directory; complete steps are flushed."""

    def __init__(self, directory: Path, inputs: RunInputs) -> None:
        self._inputs = inputs
        self._file = (directory / "OUTCAR").open("w", encoding="utf-8")
        self._file.writelines(_header(inputs))
        self._file.flush()

    def begin_step(self, step: IonicStep) -> None:
        """Write the electronic steps of an ionic step."""
        for electronic in step.scf.steps:
            self._file.writelines(_electronic(electronic, step, self._inputs))
        reason = "is reached" if step.scf.converged else "was not reached (unconverged)"
        self._file.write(f"\n\n{f' aborting loop because EDIFF {reason} ':-^104}\n\n\n")

    def end_step(self, step: IonicStep, *, last: bool) -> None:
        """Write bands (of the last step), stress, forces and energies of an ionic step."""
        self._file.write(f"\n\n E-fermi :{FERMI_ENERGY:9.4f}     XC(G=0):  -8.0000\n\n")
        if last:
            self._file.writelines(_bands(self._inputs))
        self._file.writelines(_stress(step, self._inputs))
        self._file.writelines(_forces(step, self._inputs))
        self._file.writelines(_energies(step))
        self._file.flush()

    def remark(self, text: str) -> None:
        """Write a line such as the one that tells why the run stops."""
        self._file.write(f"\n {text}\n")

    def flush(self) -> None:
        """Write what is pending to the disk."""
        self._file.flush()

    def finish(self, seconds: float) -> None:
        """Write the timings that end a complete OUTCAR, and close the file."""
        self._file.write(
            "\n\n General timing and accounting informations for this job:\n"
            " ========================================================\n\n"
            f"                  Total CPU time used (sec):{seconds:13.3f}\n"
            f"                            User time (sec):{seconds:13.3f}\n"
            f"                          System time (sec):{0:13.3f}\n"
            f"                         Elapsed time (sec):{seconds:13.3f}\n\n"
            "                   Maximum memory used (kb):           0.\n"
            "                   Average memory used (kb):           0.\n\n"
            "                          Minor page faults:            0\n"
            "                          Major page faults:            0\n"
            "                 Voluntary context switches:            0\n"
        )
        self._file.close()


def _header(inputs: RunInputs) -> Iterator[str]:
    now = datetime.datetime.now(tz=datetime.UTC)
    yield f" {BANNER}\n\n executed on Python date {now:%Y.%m.%d  %H:%M:%S}\n"
    yield f" running on    1 total cores\n{_RULE}\n INCAR:\n"
    # VASP names every POTCAR twice, and ASE counts on it.
    for _ in range(2):
        yield from (f" POTCAR:    {kind.titel}\n" for kind in inputs.species)
    for kind in inputs.species:
        yield f"   VRHFIN ={kind.element}:\n   LEXCH  = {kind.lexch}\n   TITEL  = {kind.titel}\n"
        yield f"   POMASS ={kind.mass:9.3f}; ZVAL   ={kind.valence:9.3f}    mass and valenz\n"
    yield _RULE
    waves = plane_waves(inputs)
    for number, point in enumerate(inputs.kpoints.points, start=1):
        yield f" k-point{number:4d} :{columns(point, 9, 4)}  plane waves:{waves:8d}\n"
    yield f"\n maximum and minimum number of plane-waves per node :{waves:10d}{waves:10d}\n"
    yield f"\n maximum number of plane-waves:{waves:10d}\n{_RULE}"
    yield from _dimensions(inputs)
    yield from _parameters(inputs)
    yield _RULE
    yield from _lattice(inputs)
    yield "\n k-points in reciprocal lattice and weights: of the rehearsal\n"
    for point, weight in zip(inputs.kpoints.points, inputs.kpoints.weights, strict=True):
        yield f"{columns(point, 12, 8)}{weight:12.3f}\n"
    yield "\n position of ions in fractional coordinates (direct lattice)\n"
    yield from (f"{columns(row, 13, 8)}\n" for row in inputs.atoms.get_scaled_positions())
    yield _RULE


def _dimensions(inputs: RunInputs) -> Iterator[str]:
    n_kpoints, n_atoms = len(inputs.kpoints.points), len(inputs.atoms)
    coarse = grid(inputs)
    yield " Dimension of arrays:\n"
    yield f"   k-points           NKPTS ={n_kpoints:7d}   k-points in BZ     NKDIM ={n_kpoints:7d}"
    yield f"   number of bands    NBANDS={inputs.n_bands:7d}\n"
    yield f"   number of dos      NEDOS =    301   number of ions     NIONS ={n_atoms:7d}\n"
    yield f"   total plane-waves  NPLWV ={int(np.prod(coarse)):7d}\n"
    yield "   dimension x,y,z NGX ={:6d} NGY ={:6d} NGZ ={:6d}\n".format(*coarse)
    yield "   dimension x,y,z NGXF={:6d} NGYF={:6d} NGZF={:6d}\n".format(*(2 * n for n in coarse))
    counts = "".join(f"{kind.count:4d}" for kind in inputs.species)
    yield f"   ions per type =            {counts}\n\n SYSTEM =  {inputs.comment}\n"
    yield f" POSCAR =  {inputs.comment}\n\n"


def _parameters(inputs: RunInputs) -> Iterator[str]:
    yield " Startparameter for this run:\n"
    for section, tags in parameters_of(inputs).items():
        yield f" {section.capitalize()}\n"
        for name, value in tags.items():
            if isinstance(value, bool):
                text = "T" if value else "F"
            elif isinstance(value, float):
                text = f"{value:.8g}"
            elif isinstance(value, list):
                text = " ".join(f"{number:.3f}" for number in value)
            else:
                text = str(value)
            yield f"   {name:7s}= {text:>6s}\n"
    settings = inputs.settings
    yield f"   ENCUT  ={settings.encut:7.1f} eV\n"
    if settings.motion == "md" and settings.smass >= 0:
        mass, period = thermostat_period(inputs)
        yield f" estimated Nose-frequenzy: period in steps ={period:9.2f}"
        yield f" mass ={mass:12.4f} eV fs2\n"


def _lattice(inputs: RunInputs) -> Iterator[str]:
    cell = inputs.atoms.cell.array
    yield f"  energy-cutoff  :{inputs.settings.encut:12.2f}\n"
    yield f"  volume of cell :{inputs.atoms.get_volume():12.2f}\n"
    yield "      direct lattice vectors                 reciprocal lattice vectors\n"
    for direct, reciprocal in zip(cell, np.linalg.inv(cell).T, strict=True):
        yield f"  {columns(direct, 13, 9)}  {columns(reciprocal, 13, 9)}\n"
    yield "\n"


def _electronic(electronic: ElectronicStep, step: IonicStep, inputs: RunInputs) -> Iterator[str]:
    energies = electronic.energies
    title = f" Iteration {step.number:6d}({electronic.number:4d})  "
    seconds = step.seconds / len(step.scf.steps)
    magnetisation = "   0.0000000" if inputs.settings.ispin == 2 else ""
    yield f"{title:-^104}\n\n\n"
    yield f"      LOOP:  cpu time{seconds:10.4f}: real time{seconds:10.4f}\n\n"
    yield f" total energy-change (2. order) :{fortran_e(electronic.change, 7):>15s}\n"
    yield f" number of electron {inputs.n_electrons:15.7f} magnetization {magnetisation}\n\n"
    yield " Free energy of the ion-electron system (eV)\n"
    yield "  ---------------------------------------------------\n"
    yield f"  entropy T*S    EENTRO = {energies.entropy_term:18.8f}\n"
    yield "  ---------------------------------------------------\n"
    yield f"  free energy    TOTEN  = {energies.free:18.8f} eV\n\n"
    yield f"  energy without entropy ={energies.without_entropy:17.8f}"
    yield f"  energy(sigma->0) ={energies.sigma0:17.8f}\n{_RULE}"


def _bands(inputs: RunInputs) -> Iterator[str]:
    bands = bands_of(inputs)
    full = 2 / inputs.settings.ispin
    for spin in range(1, inputs.settings.ispin + 1):
        if inputs.settings.ispin == 2:
            yield f" spin component {spin}\n\n"
        for number, point in enumerate(inputs.kpoints.points, start=1):
            yield f" k-point{number:6d} :   {columns(point, 10, 4)}\n"
            yield "  band No.  band energies     occupation \n"
            rows = zip(bands.energies[number - 1], bands.occupations[number - 1], strict=True)
            for band, (energy, occupation) in enumerate(rows, start=1):
                yield f"{band:7d}{energy:12.4f}{full * occupation:13.5f}\n"
            yield "\n"


def _stress(step: IonicStep, inputs: RunInputs) -> Iterator[str]:
    if step.stress is not None:
        kbar = -step.stress * KBAR_PER_EV_PER_A3
        voigt = [kbar[0, 0], kbar[1, 1], kbar[2, 2], kbar[0, 1], kbar[1, 2], kbar[2, 0]]
        total = np.array(voigt) * inputs.atoms.get_volume() / KBAR_PER_EV_PER_A3
        yield "\n  FORCE on cell =-STRESS in cart. coord.  units (eV):\n"
        yield "  Direction    XX          YY          ZZ          XY          YZ          ZX\n"
        yield f"  {'-' * 86}\n  Total {columns(total, 12, 5)}\n  in kB {columns(voigt, 12, 5)}\n"
        yield f"  external pressure ={np.mean(voigt[:3]):12.2f} kB"
        yield "  Pullay stress =        0.00 kB\n\n"
    yield f"\n VOLUME and BASIS-vectors are now :\n {'-' * 77}\n"
    yield from _lattice(inputs)


def _forces(step: IonicStep, inputs: RunInputs) -> Iterator[str]:
    yield " POSITION                                       TOTAL-FORCE (eV/Angst)\n"
    yield f" {'-' * 83}\n"
    for position, force in zip(step.scaled @ inputs.atoms.cell.array, step.forces, strict=True):
        yield f"{columns(position, 13, 5)} {columns(force, 14, 6)}\n"
    drift = columns(step.forces.sum(axis=0), 14, 6)
    yield f" {'-' * 83}\n    total drift:                         {drift}\n{_RULE}\n"


def _energies(step: IonicStep) -> Iterator[str]:
    energies = step.energies
    yield "  FREE ENERGIE OF THE ION-ELECTRON SYSTEM (eV)\n"
    yield "  ---------------------------------------------------\n"
    yield f"  free  energy   TOTEN  ={energies.free:18.8f} eV\n\n"
    yield f"  energy  without entropy={energies.without_entropy:17.8f}"
    yield f"  energy(sigma->0) ={energies.sigma0:17.8f}\n{_RULE}"
    thermal = step.thermal
    if thermal is not None:
        yield "  ENERGY OF THE ELECTRON-ION-THERMOSTAT SYSTEM (eV)\n"
        yield "  ---------------------------------------------------\n"
        yield f"% ion-electron   TOTEN  ={energies.free:17.6f}  see above\n"
        yield f"  kinetic energy EKIN   ={thermal.kinetic:17.6f}\n"
        yield f"  kin. lattice  EKIN_LAT={0:17.6f}  (temperature{thermal.temperature:8.2f} K)\n"
        yield f"  nose potential ES     ={thermal.nose_potential:17.6f}\n"
        yield f"  nose kinetic   EPS    ={thermal.nose_kinetic:17.6f}\n"
        yield "  ---------------------------------------------------\n"
        yield f"  total energy   ETOTAL ={step.total_energy:17.6f} eV\n\n"
    yield f"     LOOP+:  cpu time{step.seconds:10.4f}: real time{step.seconds:10.4f}\n\n"
