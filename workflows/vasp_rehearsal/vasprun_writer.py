"""vasprun.xml, written step by step."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import numpy as np

from workflows.vasp_rehearsal import PROGRAM, VERSION
from workflows.vasp_rehearsal.bands import bands_of, density_of_states
from workflows.vasp_rehearsal.formats import KBAR_PER_EV_PER_A3, vectors, wrapped
from workflows.vasp_rehearsal.inputs import RunInputs
from workflows.vasp_rehearsal.parameters import elements, parameters_of
from workflows.vasp_rehearsal.scf import FERMI_ENERGY, ElectronicEnergies
from workflows.vasp_rehearsal.step import IonicStep


class VasprunWriter:
    """Writes ``vasprun.xml`` of a run into a directory; complete steps are flushed."""

    def __init__(self, directory: Path, inputs: RunInputs) -> None:
        self.path = directory / "vasprun.xml"
        self._inputs = inputs
        self._file = self.path.open("w", encoding="iso-8859-1")
        self._file.writelines(_header(inputs))
        self._file.flush()

    def begin_step(self, step: IonicStep) -> None:
        """Open a calculation with its electronic steps, as they stand while forces are computed."""
        self._file.write(" <calculation>\n")
        self._file.writelines(_electronic_steps(step))

    def end_step(self, step: IonicStep, *, last: bool) -> None:
        """Complete a calculation; the last one also gets eigenvalues and density of states."""
        self._file.writelines(_labels(step, self._inputs))
        if last:
            self._file.writelines(_electrons(self._inputs))
        self._file.write(" </calculation>\n")
        self._file.flush()

    def flush(self) -> None:
        """Write what is pending to the disk."""
        self._file.flush()

    def finish(self, scaled: np.ndarray) -> None:
        """Write the final positions (scaled, shape (n, 3)) and close the file."""
        self._file.writelines(_structure(scaled, self._inputs, " ", name="finalpos"))
        self._file.write("</modeling>\n")
        self._file.close()

    def truncate(self) -> None:
        """Cut the last bytes of the closed file, as a full quota or a lost buffer would."""
        with self.path.open("r+b") as file:
            file.truncate(self.path.stat().st_size - 100)


def _header(inputs: RunInputs) -> Iterator[str]:
    now = datetime.datetime.now(tz=datetime.UTC)
    yield '<?xml version="1.0" encoding="ISO-8859-1"?>\n<modeling>\n <generator>\n'
    yield f'  <i name="program" type="string">{PROGRAM} </i>\n'
    yield f'  <i name="version" type="string">{VERSION}  </i>\n'
    yield f'  <i name="subversion" type="string">{PROGRAM} (interatomic potential) serial </i>\n'
    yield '  <i name="platform" type="string">Python </i>\n'
    yield f'  <i name="date" type="string">{now:%Y %m %d} </i>\n'
    yield f'  <i name="time" type="string">{now:%H:%M:%S} </i>\n </generator>\n <incar>\n'
    yield from elements({name: _incar_value(value) for name, value in inputs.incar.items()}, "  ")
    yield " </incar>\n"
    yield from _kpoints(inputs)
    yield " <parameters>\n"
    for section, tags in parameters_of(inputs).items():
        if section:
            yield f'  <separator name="{section}" >\n'
        yield from elements(tags, "   ")
        if section:
            yield "  </separator>\n"
    yield " </parameters>\n"
    yield from _atominfo(inputs)
    initial = inputs.atoms.get_scaled_positions(wrap=False)
    yield from _structure(wrapped(initial), inputs, " ", name="initialpos")


def _incar_value(value: Any) -> Any:
    if isinstance(value, bool | int | float | list):
        return value
    return f" {escape(str(value))}"


def _kpoints(inputs: RunInputs) -> Iterator[str]:
    kpoints = inputs.kpoints
    if kpoints.style == "Reciprocal":
        yield ' <kpoints>\n  <generation param="Reciprocal">\n  </generation>\n'
    else:
        divisions = "".join(f"{count:8d} " for count in kpoints.divisions)
        yield f' <kpoints>\n  <generation param="{kpoints.style}">\n'
        yield f'   <v type="int" name="divisions">{divisions}</v>\n'
        yield '   <v name="usershift">      0.00000000       0.00000000       0.00000000 </v>\n'
        for axis, row in enumerate(np.diag(1 / np.asarray(kpoints.divisions)), start=1):
            numbers = "".join(f"{number:16.8f} " for number in row)
            yield f'   <v name="genvec{axis}">{numbers}</v>\n'
        yield '   <v name="shift">      0.00000000       0.00000000       0.00000000 </v>\n'
        yield "  </generation>\n"
    yield '  <varray name="kpointlist" >\n' + vectors(kpoints.points, "   ") + "  </varray>\n"
    weights = "".join(f"   <v> {weight:16.8f} </v>\n" for weight in kpoints.weights)
    yield f'  <varray name="weights" >\n{weights}  </varray>\n </kpoints>\n'


def _atominfo(inputs: RunInputs) -> Iterator[str]:
    yield f" <atominfo>\n  <atoms>{len(inputs.atoms):8d} </atoms>\n"
    yield f'  <types>{len(inputs.species):8d} </types>\n  <array name="atoms" >\n'
    yield '   <dimension dim="1">ion</dimension>\n   <field type="string">element</field>\n'
    yield '   <field type="int">atomtype</field>\n   <set>\n'
    for number, kind in enumerate(inputs.species, start=1):
        yield f"    <rc><c>{kind.element:2s}</c><c>{number:4d}</c></rc>\n" * kind.count
    yield '   </set>\n  </array>\n  <array name="atomtypes" >\n'
    yield '   <dimension dim="1">type</dimension>\n   <field type="int">atomspertype</field>\n'
    yield '   <field type="string">element</field>\n   <field>mass</field>\n'
    yield '   <field>valence</field>\n   <field type="string">pseudopotential</field>\n   <set>\n'
    for kind in inputs.species:
        yield (
            f"    <rc><c>{kind.count:4d}</c><c>{kind.element:2s}</c><c>{kind.mass:16.8f}</c>"
            f"<c>{kind.valence:16.8f}</c><c>  {kind.titel:38s}</c></rc>\n"
        )
    yield "   </set>\n  </array>\n </atominfo>\n"


def _structure(
    scaled: np.ndarray, inputs: RunInputs, indent: str, name: str | None = None
) -> Iterator[str]:
    cell = inputs.atoms.cell.array
    label = f' name="{name}" ' if name else ""
    yield f'{indent}<structure{label}>\n{indent} <crystal>\n{indent}  <varray name="basis" >\n'
    yield vectors(cell, indent + "   ")
    volume = inputs.atoms.get_volume()
    yield f'{indent}  </varray>\n{indent}  <i name="volume">{volume:16.8f} </i>\n'
    yield f'{indent}  <varray name="rec_basis" >\n'
    yield vectors(np.linalg.inv(cell).T, indent + "   ")
    yield f'{indent}  </varray>\n{indent} </crystal>\n{indent} <varray name="positions" >\n'
    yield vectors(scaled, indent + "  ")
    yield f"{indent} </varray>\n"
    if name and inputs.free is not None:
        yield f'{indent} <varray type="logical" name="selective" >\n'
        for row in inputs.free:
            flags = "".join("  T" if flag else "  F" for flag in row)
            yield f'{indent}  <v type="logical" >{flags} </v>\n'
        yield f"{indent} </varray>\n"
    yield f"{indent}</structure>\n"


def _electronic_steps(step: IonicStep) -> Iterator[str]:
    seconds = step.seconds / len(step.scf.steps)
    for electronic in step.scf.steps:
        yield f'  <scstep>\n   <time name="total">{seconds:8.2f}{seconds:8.2f}</time>\n'
        yield f"   <energy>\n{_energies(electronic.energies, '    ')}   </energy>\n  </scstep>\n"


def _energies(energies: ElectronicEnergies, indent: str) -> str:
    return (
        f'{indent}<i name="e_fr_energy">{energies.free:16.8f} </i>\n'
        f'{indent}<i name="e_wo_entrp">{energies.without_entropy:16.8f} </i>\n'
        f'{indent}<i name="e_0_energy">{energies.sigma0:16.8f} </i>\n'
    )


def _labels(step: IonicStep, inputs: RunInputs) -> Iterator[str]:
    yield from _structure(step.scaled, inputs, "  ")
    yield '  <varray name="forces" >\n' + vectors(step.forces, "   ") + "  </varray>\n"
    if step.stress is not None:
        stress = vectors(-step.stress * KBAR_PER_EV_PER_A3, "   ")
        yield f'  <varray name="stress" >\n{stress}  </varray>\n'
    yield "  <energy>\n" + _energies(step.energies, "   ")
    if step.thermal is not None:
        for name, value in (
            ("kinetic", step.thermal.kinetic),
            ("lattice kinetic", 0.0),
            ("nosepot", step.thermal.nose_potential),
            ("nosekinetic", step.thermal.nose_kinetic),
            ("total", step.total_energy),
        ):
            yield f'   <i name="{name}">{value:16.8f} </i>\n'
    yield "  </energy>\n"
    yield f'  <time name="totalsc">{step.seconds:8.2f}{step.seconds:8.2f}</time>\n'


def _electrons(inputs: RunInputs) -> Iterator[str]:
    bands = bands_of(inputs)
    yield '  <eigenvalues>\n   <array>\n    <dimension dim="1">band</dimension>\n'
    yield '    <dimension dim="2">kpoint</dimension>\n    <dimension dim="3">spin</dimension>\n'
    yield "    <field>eigene</field>\n    <field>occ</field>\n    <set>\n"
    for spin in range(1, inputs.settings.ispin + 1):
        yield f'     <set comment="spin {spin}">\n'
        pairs = zip(bands.energies, bands.occupations, strict=True)
        for number, (energies, occupations) in enumerate(pairs, start=1):
            yield f'      <set comment="kpoint {number}">\n'
            for energy, occupation in zip(energies, occupations, strict=True):
                yield f"       <r> {energy:9.4f} {occupation:9.4f} </r>\n"
            yield "      </set>\n"
        yield "     </set>\n"
    yield "    </set>\n   </array>\n  </eigenvalues>\n"
    yield f'  <dos>\n   <i name="efermi">{FERMI_ENERGY:16.8f} </i>\n   <total>\n    <array>\n'
    yield '     <dimension dim="1">gridpoints</dimension>\n'
    yield '     <dimension dim="2">spin</dimension>\n'
    yield "     <field>energy</field>\n     <field>total</field>\n     <field>integrated</field>\n"
    yield "     <set>\n"
    rows = density_of_states(bands, inputs, int(inputs.incar.get("NEDOS", 301)))
    lines = "".join(f"       <r> {e:10.4f} {d:10.4f} {n:10.4f} </r>\n" for e, d, n in rows)
    for spin in range(1, inputs.settings.ispin + 1):
        yield f'      <set comment="spin {spin}">\n{lines}      </set>\n'
    yield "     </set>\n    </array>\n   </total>\n  </dos>\n"
