"""Potentials that label a rehearsal: the embedded r2SCAN engines, or Morse pairs for speed."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import ClassVar

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from ase.data import chemical_symbols, covalent_radii
from ase.neighborlist import neighbor_list
from ase.stress import full_3x3_to_voigt_6_stress

from cuprolith.errors import CuprolithError
from workflows.engine import ENGINES
from workflows.labelling.calculator_engine import (
    CalculatorEntry,
    CalculatorSettings,
    loaded_calculator,
    own_torch_settings,
)

FAST_POTENTIAL = "emt-like"

_MORSE = {
    # depth (eV), stiffness (1/Å), distance (Å)
    # Cu: Girifalco and Weizer, Phys. Rev. 114, 687 (1959)
    "Cu": (0.3429, 1.3588, 2.866),
    # Li: chosen so that bcc with a near 3.4 Å is stable at the cutoff used here, and its slabs are
    "Li": (0.1, 1.2, 3.35),
}


def rehearsal_calculator(name: str) -> Calculator:
    """Return the ASE calculator that labels a rehearsal (eV, eV/Å, eV/Å³).

    Parameters
    ----------
    name
        An engine whose weights come with its package, or ``emt-like``, a Morse pair potential for
        any elements that takes milliseconds.

    Raises
    ------
    CuprolithError
        If there is no such potential.
    """
    if name == FAST_POTENTIAL:
        return MorsePairs()
    return loaded_calculator(_settings(name))


def _settings(name: str) -> CalculatorSettings:
    able = {
        entry.name: entry
        for entry in ENGINES
        if isinstance(entry, CalculatorEntry) and entry.weights
    }
    if name not in able:
        raise CuprolithError(
            f"there is no potential {name!r} for rehearsals",
            where="CUPROLITH_REHEARSAL",
            remedy=f"set it to one of {', '.join([*able, FAST_POTENTIAL])}",
        )
    settings: CalculatorSettings = able[name].settings()
    return settings


def reproducible(name: str) -> AbstractContextManager[None]:
    """Return a context in which the potential gives the same bits in every run.

    The Morse pairs always do, and need not load torch for it.
    """
    return nullcontext() if name == FAST_POTENTIAL else own_torch_settings(_settings(name))


class MorsePairs(Calculator):
    """Morse pairs, switched off smoothly between 5.0 and 6.5 Å.

    Elements without parameters of their own get them from their covalent radii; unlike pairs
    take the geometric mean of the depths and the arithmetic means of stiffness and distance.
    Neighbours are listed with a skin and listed again when an atom has moved by half of it.
    """

    implemented_properties: ClassVar[list[str]] = ["energy", "free_energy", "forces", "stress"]
    switch_from = 5.0
    cutoff = 6.5
    skin = 0.6

    def __init__(self) -> None:
        super().__init__()
        self._listed: Atoms | None = None
        self._pairs: tuple[np.ndarray, np.ndarray, np.ndarray] = (np.empty(0),) * 3

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = all_changes,
    ) -> None:
        """Evaluate energy, forces and stress (ASE's interface)."""
        super().calculate(atoms, list(properties), list(system_changes))
        first, second, shift = self._neighbours(self.atoms)
        vectors = self.atoms.positions[second] - self.atoms.positions[first] + shift
        distances = np.linalg.norm(vectors, axis=1)
        near = distances < self.cutoff
        first, second, vectors, distances = (
            part[near] for part in (first, second, vectors, distances)
        )
        energies, slopes = self._pair_energies(
            self.atoms.numbers[first], self.atoms.numbers[second], distances
        )
        pulls = (slopes / distances)[:, None] * vectors
        forces = np.stack(
            [np.bincount(first, pulls[:, axis], len(self.atoms)) for axis in range(3)], axis=1
        )
        virial = 0.5 * vectors.T @ pulls / self.atoms.get_volume()
        energy = float(0.5 * energies.sum())
        self.results = {
            "energy": energy,
            "free_energy": energy,
            "forces": forces,
            "stress": full_3x3_to_voigt_6_stress(virial),
        }

    def _neighbours(self, atoms: Atoms) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        listed = self._listed
        if (
            listed is None
            or len(listed) != len(atoms)
            or not np.array_equal(listed.cell, atoms.cell)
            or np.abs(atoms.positions - listed.positions).max() > self.skin / 2 / np.sqrt(3)
        ):
            first, second, shift = neighbor_list("ijS", atoms, self.cutoff + self.skin)
            self._listed = atoms.copy()
            self._pairs = (first, second, shift @ atoms.cell.array)
        return self._pairs

    def _pair_energies(
        self, first: np.ndarray, second: np.ndarray, distances: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return pair energies (eV) and their derivatives by the distance (eV/Å)."""
        table = _parameters(np.union1d(first, second))
        one, two = table[:, first], table[:, second]
        depth = np.sqrt(one[0] * two[0])
        stiffness, distance = (one[1:] + two[1:]) / 2
        decay = np.exp(-stiffness * (distances - distance))
        morse = depth * (decay**2 - 2 * decay)
        morse_slope = -2 * stiffness * depth * (decay**2 - decay)
        reduced = np.clip(
            (distances - self.switch_from) / (self.cutoff - self.switch_from), 0.0, 1.0
        )
        switch = 1 - reduced**3 * (10 - 15 * reduced + 6 * reduced**2)
        switch_slope = -30 * reduced**2 * (1 - reduced) ** 2 / (self.cutoff - self.switch_from)
        return morse * switch, morse_slope * switch + morse * switch_slope


def _parameters(numbers: np.ndarray) -> np.ndarray:
    """Return depth, stiffness and distance by atomic number, shape (3, 119)."""
    table = np.zeros((3, len(chemical_symbols)))
    for number in numbers:
        radius = covalent_radii[number]
        table[:, number] = _MORSE.get(chemical_symbols[number], (0.2, 1.4, 2.15 * radius))
    return table
