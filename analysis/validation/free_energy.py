"""The energy that forces belong to."""

from __future__ import annotations

from ase import Atoms


def free_energy(atoms: Atoms) -> float:
    """Return the energy that the forces belong to, eV: the free one where a calculator has it."""
    consistent = "free_energy" in atoms.calc.implemented_properties
    return float(atoms.get_potential_energy(force_consistent=consistent))
