"""Formation energy of a vacancy inside each crystal."""

from __future__ import annotations

from collections.abc import Iterator

from ase import Atoms
from ase.optimize import BFGS

from analysis.validation.equation_of_state import equilibrium_cell
from analysis.validation.free_energy import free_energy
from analysis.validation.material import Material
from analysis.validation.property import Case, Measurement, Property, Tolerance
from analysis.validation.source import Source
from analysis.validation.supercell import supercell_of

_FMAX = 0.03  # eV/Å
_MAX_STEPS = 40
_LARGEST_STEP = 0.1  # Å


def _cases(material: Material) -> Iterator[Case]:
    for name, cell in material.crystals.items():
        if len(set(cell.get_chemical_symbols())) == 1:

            def measure(source: Source, name: str = name) -> Measurement:
                cell = equilibrium_cell(source, material, name)
                return Measurement({"": vacancy_energy(source, supercell_of(cell))})

            yield Case(name, measure, atom_steps=10.0 * len(supercell_of(cell)))


def vacancy_energy(source: Source, perfect: Atoms) -> float:
    """Return the formation energy of one relaxed vacancy at fixed volume, eV."""
    whole = perfect.copy()
    whole.calc = source.calculator()
    n_atoms = len(whole)
    energy = free_energy(whole)
    defective = perfect.copy()
    del defective[0]
    defective.calc = source.calculator()
    BFGS(defective, logfile=None, maxstep=_LARGEST_STEP).run(fmax=_FMAX, steps=_MAX_STEPS)
    return free_energy(defective) - (n_atoms - 1) / n_atoms * energy


PROPERTY = Property(
    name="bulk_vacancy_energy",
    title="Vacancies inside the crystal",
    unit="eV",
    cases=_cases,
    tolerance=Tolerance(relative=0.15, absolute=0.05),
    group="crystals",
    about="One atom taken out of a supercell of 30 atoms or more, at each side's own equilibrium "
    "volume, atoms relaxed.",
)
