"""vasprun.xml, written step by step and flushed: settings, structures and labels."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import numpy as np

from workflows.vasp_rehearsal import NAME, VERSION
from workflows.vasp_rehearsal.formats import KBAR_PER_EV_PER_A3, vectors, wrapped
from workflows.vasp_rehearsal.inputs import RunInputs
from workflows.vasp_rehearsal.step import ElectronicEnergies, IonicStep


class VasprunWriter:
    """Writes ``vasprun.xml`` of a run into a directory; complete steps are flushed."""

    def __init__(self, directory: Path, inputs: RunInputs) -> None:
        self.path = directory / "vasprun.xml"
        self._inputs = inputs
        self._file = self.path.open("w", encoding="iso-8859-1")
        self._file.writelines(_header(inputs))
        self._file.flush()

    def begin_step(self, step: IonicStep) -> None:
        """Open a calculation with its electronic steps, before forces are known."""
        self._file.write(" <calculation>\n")
        for electronic in step.electronic:
            energies = _energies(electronic.energies, "    ")
            self._file.write(f"  <scstep>\n   <energy>\n{energies}   </energy>\n  </scstep>\n")
        self._file.flush()

    def end_step(self, step: IonicStep) -> None:
        """Complete a calculation."""
        self._file.writelines(_labels(step, self._inputs))
        self._file.write(" </calculation>\n")
        self._file.flush()

    def finish(self, scaled: np.ndarray) -> None:
        """Write the final positions (scaled, shape (n, 3)) and close the file."""
        self._file.writelines(_structure(scaled, self._inputs, name="finalpos"))
        self._file.write("</modeling>\n")
        self._file.close()

    def truncate(self) -> None:
        """Cut the last bytes of the closed file, as a full quota or a lost buffer would."""
        with self.path.open("r+b") as file:
            file.truncate(self.path.stat().st_size - 100)


def _header(inputs: RunInputs) -> Iterator[str]:
    yield '<?xml version="1.0" encoding="ISO-8859-1"?>\n<modeling>\n <generator>\n'
    yield f'  <i name="program" type="string">{NAME} </i>\n'
    yield f'  <i name="version" type="string">{VERSION}  </i>\n'
    yield f'  <i name="subversion" type="string">{NAME} (interatomic potential) serial </i>\n'
    yield " </generator>\n <incar>\n"
    yield from (_element(tag, value) for tag, value in inputs.incar.items())
    yield ' </incar>\n <kpoints>\n  <generation param="Gamma">\n   <v type="int" name="divisions">'
    yield "".join(f"{count:8d} " for count in inputs.mesh)
    yield "</v>\n  </generation>\n </kpoints>\n <parameters>\n"
    yield from (_element(tag, value) for tag, value in _parameters(inputs).items())
    yield " </parameters>\n"
    yield from _atominfo(inputs)
    initial = inputs.atoms.get_scaled_positions(wrap=False)
    yield from _structure(wrapped(initial), inputs, name="initialpos")


def _parameters(inputs: RunInputs) -> dict[str, Any]:
    """Return those of VASP's settings that readers need and that INCAR may leave out."""
    settings = inputs.settings
    return {
        "EDIFF": settings.ediff,
        "NELECT": float(inputs.n_electrons),
        "ISMEAR": settings.ismear,
        "SIGMA": settings.sigma,
        "ISPIN": int(inputs.incar.get("ISPIN", 1)),
        "NELM": settings.nelm,
        "NSW": settings.nsw,
        "IBRION": int(inputs.incar.get("IBRION", -1)),
        "ISIF": settings.isif,
        "LHFCALC": False,
        "AEXX": 0.0,
        "HFSCREEN": 0.0,
        "LDAU": False,
    }


def _element(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return f'  <i type="logical" name="{name}"> {"T" if value else "F"}  </i>\n'
    if isinstance(value, int):
        return f'  <i type="int" name="{name}">{value:6d}</i>\n'
    if isinstance(value, float):
        return f'  <i name="{name}">{value:16.8f}</i>\n'
    if isinstance(value, list):
        numbers = "".join(f"{float(number):16.8f}" for number in value)
        return f'  <v name="{name}">{numbers}</v>\n'
    return f'  <i type="string" name="{name}"> {escape(str(value))}</i>\n'


def _atominfo(inputs: RunInputs) -> Iterator[str]:
    yield f" <atominfo>\n  <atoms>{len(inputs.atoms):8d} </atoms>\n"
    yield f'  <types>{len(inputs.species):8d} </types>\n  <array name="atoms" >\n'
    yield '   <field type="string">element</field>\n   <field type="int">atomtype</field>\n'
    yield "   <set>\n"
    for number, kind in enumerate(inputs.species, start=1):
        yield f"    <rc><c>{kind.element:2s}</c><c>{number:4d}</c></rc>\n" * kind.count
    yield '   </set>\n  </array>\n  <array name="atomtypes" >\n'
    yield '   <field type="int">atomspertype</field>\n   <field type="string">element</field>\n'
    yield "   <field>mass</field>\n   <field>valence</field>\n"
    yield '   <field type="string">pseudopotential</field>\n   <set>\n'
    for kind in inputs.species:
        yield (
            f"    <rc><c>{kind.count:4d}</c><c>{kind.element:2s}</c><c>{kind.mass:16.8f}</c>"
            f"<c>{kind.valence:16.8f}</c><c>  {kind.titel:38s}</c></rc>\n"
        )
    yield "   </set>\n  </array>\n </atominfo>\n"


def _structure(scaled: np.ndarray, inputs: RunInputs, name: str = "") -> Iterator[str]:
    label = f' name="{name}" ' if name else ""
    yield f'  <structure{label}>\n   <crystal>\n    <varray name="basis" >\n'
    yield vectors(inputs.atoms.cell.array, "     ")
    yield '    </varray>\n   </crystal>\n   <varray name="positions" >\n'
    yield vectors(scaled, "    ")
    yield "   </varray>\n"
    if name and inputs.free is not None:
        yield '   <varray type="logical" name="selective" >\n'
        for row in inputs.free:
            flags = "".join("  T" if flag else "  F" for flag in row)
            yield f'    <v type="logical" >{flags} </v>\n'
        yield "   </varray>\n"
    yield "  </structure>\n"


def _energies(energies: ElectronicEnergies, indent: str) -> str:
    return (
        f'{indent}<i name="e_fr_energy">{energies.free:16.8f} </i>\n'
        f'{indent}<i name="e_wo_entrp">{energies.without_entropy:16.8f} </i>\n'
        f'{indent}<i name="e_0_energy">{energies.sigma0:16.8f} </i>\n'
    )


def _labels(step: IonicStep, inputs: RunInputs) -> Iterator[str]:
    yield from _structure(step.scaled, inputs)
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
