"""Two atoms in a box: energy over their distance."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations_with_replacement

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers, covalent_radii

from analysis.validation.free_energy import free_energy
from analysis.validation.material import Material
from analysis.validation.property import Curve
from analysis.validation.source import Source

Pair = tuple[str, str]
BOX = 20.0
"""Edge of the box, Å."""

_APART = BOX / 2
_DISTANCES = np.concatenate([np.arange(0.5, 1.3, 0.05), np.arange(1.3, 2.6, 0.1)])  # bonds
N_DISTANCES = len(_DISTANCES)


def pairs(material: Material) -> Iterator[tuple[str, Pair]]:
    """Yield all pairs of elements with their names, such as ``Cu-Li``."""
    for pair in combinations_with_replacement(material.elements, 2):
        yield "-".join(pair), pair


def bond_length(pair: Pair) -> float:
    """Return the sum of two covalent radii (Cordero et al., Dalton Trans. 2008, 2832), Å."""
    return float(sum(covalent_radii[atomic_numbers[element]] for element in pair))


def dimer(pair: Pair, distance: float) -> Atoms:
    """Return two atoms along an edge of a cubic box, which is periodic."""
    middle = BOX / 2
    positions = [[middle, middle, middle - distance / 2], [middle, middle, middle + distance / 2]]
    return Atoms(pair, positions, cell=[BOX] * 3, pbc=True)


def dimer_energy(source: Source, pair: Pair, distance: float) -> float:
    """Return the energy of two atoms, eV."""
    atoms = dimer(pair, distance)
    atoms.calc = source.calculator()
    return free_energy(atoms)


def dimer_curve(source: Source, pair: Pair) -> Curve:
    """Return the energy (eV) over the distance (Å) of a pair, relative to 10 Å."""

    def scan() -> Curve:
        distances = bond_length(pair) * _DISTANCES
        distances = distances[distances < _APART]
        apart = dimer_energy(source, pair, _APART)
        return Curve.of(distances, [dimer_energy(source, pair, d) - apart for d in distances])

    return source.once(f"dimer {pair}", scan)
