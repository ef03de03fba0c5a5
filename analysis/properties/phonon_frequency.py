"""Phonon frequencies of each crystal at the corners of a small mesh."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from ase import Atoms

from analysis.validation.crystal_cases import crystal_cases
from analysis.validation.equation_of_state import equilibrium_cell
from analysis.validation.material import Material
from analysis.validation.property import Case, Measurement, Property, Tolerance
from analysis.validation.source import Source
from cuprolith.arrays import FloatArray

_REPEATS = 2
_DISPLACEMENT = 0.01  # Å
# Of the primitive cell's reciprocal lattice: what a 2 × 2 × 2 supercell of it gives exactly,
# whatever the range of the forces.
QPOINTS = {"½00": (0.5, 0.0, 0.0), "½½0": (0.5, 0.5, 0.0), "½½½": (0.5, 0.5, 0.5)}


def _cases(material: Material) -> Iterator[Case]:
    def measure(source: Source, crystal: str) -> Measurement:
        frequencies = phonon_frequencies(source, equilibrium_cell(source, material, crystal))
        return Measurement(
            {
                f"{label} {band + 1}": float(frequency)
                for label, bands in zip(QPOINTS, frequencies, strict=True)
                for band, frequency in enumerate(bands)
            }
        )

    return crystal_cases(material, measure, evaluations=2 * _REPEATS**3)


def phonon_frequencies(source: Source, cell: Atoms) -> FloatArray:
    """Return frequencies at `QPOINTS` of the primitive cell, by finite displacements.

    Returns
    -------
    Shape (n_qpoints, 3 × atoms of the primitive cell), THz, ascending; negative where imaginary.
    """
    from phonopy import Phonopy
    from phonopy.structure.atoms import PhonopyAtoms
    from phonopy.structure.cells import get_primitive, guess_primitive_matrix

    given = PhonopyAtoms(
        symbols=cell.get_chemical_symbols(),
        cell=cell.cell.array,
        scaled_positions=cell.get_scaled_positions(),
    )
    primitive = get_primitive(given, guess_primitive_matrix(given))
    phonons = Phonopy(
        primitive, supercell_matrix=_REPEATS * np.eye(3, dtype=int), primitive_matrix="P"
    )
    phonons.generate_displacements(distance=_DISPLACEMENT)
    phonons.forces = [_forces(source, each) for each in phonons.supercells_with_displacements or ()]
    phonons.produce_force_constants()
    phonons.run_qpoints(list(QPOINTS.values()))
    return np.asarray(phonons.get_qpoints_dict()["frequencies"], dtype=float)


def _forces(source: Source, displaced: Any) -> FloatArray:
    """Return the forces on a displaced supercell of phonopy, shape (n_atoms, 3), eV/Å."""
    atoms = Atoms(
        displaced.symbols,
        scaled_positions=displaced.scaled_positions,
        cell=displaced.cell,
        pbc=True,
        calculator=source.calculator(),
    )
    return np.asarray(atoms.get_forces(), dtype=float)


PROPERTY = Property(
    name="phonon_frequency",
    title="Phonon frequencies",
    unit="THz",
    cases=_cases,
    tolerance=Tolerance(relative=0.15, absolute=0.2),
    group="crystals",
    about="At three corners of the Brillouin zone (in reciprocal vectors of the primitive cell), "
    "by finite displacements with phonopy, at each side's own equilibrium volume. Negative is "
    "imaginary: the crystal is not stable.",
    requires=("phonopy", "phonons"),
)
