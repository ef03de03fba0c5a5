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
_DISPLACEMENTS = (0.01, 0.03, 0.1)  # Å
# Of the primitive cell's reciprocal lattice: what a 2 × 2 × 2 supercell of it gives exactly,
# whatever the range of the forces.
QPOINTS = {"½00": (0.5, 0.0, 0.0), "½½0": (0.5, 0.5, 0.0), "½½½": (0.5, 0.5, 0.5)}


def _cases(material: Material) -> Iterator[Case]:
    def measure(source: Source, crystal: str) -> Measurement:
        cell = equilibrium_cell(source, material, crystal)
        found = np.array([phonon_frequencies(source, cell, size) for size in _DISPLACEMENTS])
        return Measurement(
            _by_name(found.mean(axis=0)), uncertainties=_by_name(np.ptp(found, axis=0) / 2)
        )

    evaluations = 2 * _REPEATS**3 * len(_DISPLACEMENTS)
    return crystal_cases(material, measure, evaluations=evaluations)


def _by_name(numbers: FloatArray) -> dict[str, float]:
    return {
        f"{label} {band + 1}": float(number)
        for label, bands in zip(QPOINTS, numbers, strict=True)
        for band, number in enumerate(bands)
    }


def phonon_frequencies(source: Source, cell: Atoms, displacement: float) -> FloatArray:
    """Return frequencies at `QPOINTS` of the primitive cell, by finite displacements (Å).

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
    phonons.generate_displacements(distance=displacement)
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
    "by finite displacements with phonopy, at each side's own equilibrium volume; mean of "
    "displacements of 0.01, 0.03 and 0.1 Å. Uncertainty: half of the range of the three. Negative "
    "is imaginary: the crystal is not stable.",
    version=2,
    requires=("phonopy", "phonons"),
)
