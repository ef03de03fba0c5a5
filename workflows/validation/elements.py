"""Elemental crystals, for a potential without a campaign."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from ase.build import bulk
from ase.data import atomic_numbers, reference_states
from pymatgen.io.ase import AseAtomsAdaptor

from analysis.validation.material import Material
from workflows.labelling.lattice_constants import NotRelaxedError, relax_crystal
from workflows.validation.material import conventional_atoms

if TYPE_CHECKING:
    from ase import Atoms
    from ase.calculators.calculator import Calculator

_LATTICES = ("bcc", "fcc", "hcp")


def elemental_material(
    symbols: Sequence[str], calculator: Calculator, r_max: float | None
) -> Material:
    """Return the bcc, fcc and hcp crystals of elements, relaxed by an engine.

    They start from ASE's lattice constants. Elements with another structure have no crystal, nor
    has one that the engine cannot relax.

    Parameters
    ----------
    symbols
        Elements that the potential knows.
    calculator
        Of the engine.
    r_max
        Cutoff radius of the potential, Å.
    """
    crystals: dict[str, Atoms] = {}
    for symbol in sorted(symbols):
        state = reference_states[atomic_numbers[symbol]]
        if state is None or state["symmetry"] not in _LATTICES:
            continue
        with suppress(NotRelaxedError, KeyError, NotImplementedError):
            structure = AseAtomsAdaptor.get_structure(bulk(symbol))
            relaxed, _ = relax_crystal(structure, calculator)
            crystals[symbol] = conventional_atoms(symbol, relaxed)
    return Material(crystals=crystals, elements=tuple(sorted(symbols)), r_max=r_max)
