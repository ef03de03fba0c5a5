"""Whether atoms repel each other ever more as they come closer."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from ase import Atoms

from analysis.validation.dimer import Pair, bond_length, dimer_energy, pairs
from analysis.validation.dynamics import moving_systems
from analysis.validation.free_energy import free_energy
from analysis.validation.material import Material
from analysis.validation.property import Case, Measurement, Property, Tolerance
from analysis.validation.source import Source

_FRACTIONS = np.linspace(0.9, 0.5, 17)  # of a bond, closer and closer


def _cases(material: Material) -> Iterator[Case]:
    for name, pair in pairs(material):

        def of_dimer(source: Source, pair: Pair = pair) -> Measurement:
            bond = bond_length(pair)
            return _deepest_drop(lambda fraction: dimer_energy(source, pair, bond * fraction))

        yield Case(f"{name} dimer", of_dimer, atom_steps=2.0 * len(_FRACTIONS))
    for name, supercell in moving_systems(material):

        def in_crystal(source: Source, supercell: Atoms = supercell) -> Measurement:
            neighbour, vector = _nearest(supercell)
            return _deepest_drop(
                lambda fraction: _pushed(source, supercell, neighbour, (1 - fraction) * vector)
            )

        yield Case(f"in {name}", in_crystal, atom_steps=float(len(_FRACTIONS) * len(supercell)))


def _deepest_drop(energy: Callable[[float], float]) -> Measurement:
    """Return how far the energy falls below what it was at a larger distance, eV."""
    energies = np.array([energy(float(fraction)) for fraction in _FRACTIONS])
    drop = (np.maximum.accumulate(energies) - energies).max()
    return Measurement({"": float(drop)})


def _nearest(atoms: Atoms) -> tuple[int, np.ndarray]:
    """Return the nearest neighbour of the first atom, and the vector to it (Å)."""
    vectors = atoms.get_distances(0, range(len(atoms)), mic=True, vector=True)
    lengths = np.linalg.norm(vectors, axis=1)
    lengths[0] = np.inf
    nearest = int(np.argmin(lengths))
    return nearest, vectors[nearest]


def _pushed(source: Source, supercell: Atoms, neighbour: int, shift: np.ndarray) -> float:
    """Return the energy after the first atom has moved towards a neighbour, eV."""
    atoms = supercell.copy()
    atoms.positions[0] += shift
    atoms.calc = source.calculator()
    return free_energy(atoms)


PROPERTY = Property(
    name="short_range_repulsion",
    title="Repulsion at short range",
    unit="eV",
    cases=_cases,
    tolerance=Tolerance(absolute=1e-3),
    group="atoms",
    about="How far the energy falls where it should rise: as two atoms, alone or in the crystal, "
    "approach from 0.9 to 0.5 of a bond. Atoms fall into such a hole in long or hot runs.",
    exact=0.0,
)
