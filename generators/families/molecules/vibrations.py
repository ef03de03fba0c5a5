"""Geometries of a vibrating molecule: random displacements by a model Hessian.

The model is that of Lindh, Bernhardsson, Karlström and Malmqvist, Chem. Phys. Lett. 241, 423
(1995): each pair, angle and dihedral angle of atoms is a spring whose strength falls off with the
distances between its atoms. So it holds bonds and hydrogen bonds alike, for any geometry.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import combinations, permutations

import numpy as np
from ase import units
from ase.data import atomic_numbers
from ase.geometry import get_angles_derivatives, get_dihedrals_derivatives

from cuprolith.arrays import FloatArray
from cuprolith.hashes import short_hash
from generators.errors import GenerationError
from generators.families.molecules.geometries import Geometry
from generators.families.molecules.settings import VibrationSettings
from generators.stable_numbers import on_grid, random_generator

# Table 1 of the paper, by row of the periodic table (hydrogen, Li to F, Na and heavier):
# exponents, Bohr⁻², and reference distances, Bohr.
_EXPONENTS = np.array([[1.0, 0.3949, 0.3949], [0.3949, 0.28, 0.28], [0.3949, 0.28, 0.28]])
_DISTANCES = np.array([[1.35, 2.10, 2.53], [2.10, 2.87, 3.40], [2.53, 3.40, 3.40]])
# Hartree/Bohr², Hartree/rad².
_STRETCH, _BEND, _TORSION = 0.45, 0.15, 0.005
# Springs weaker than this share of a bond are left out.
_WEAKEST = 1e-4
# Angles nearer to a straight line have no stable derivatives.
_STRAIGHT = math.radians(5)


def vibrating_geometries(
    start: Geometry, settings: VibrationSettings, where: str = ""
) -> Iterator[Geometry]:
    """Displace the atoms as the classical harmonic model does at a temperature.

    Displacements x have the density exp(-x·H·x/2k_BT): the same as of normal modes whose
    amplitudes are drawn from their classical distributions, which no mass enters. Rotations and
    shifts are left out. The seed decides the displacements, together with the geometry and the
    number of the copy: they do not depend on what else is generated.

    Raises
    ------
    GenerationError
        If the molecule is one atom.
    """
    if len(start.symbols) == 1:
        raise GenerationError("one atom has no vibrations", key=where)
    spread = displacement_spread(start, settings.temperature, settings.largest)
    name = short_hash(f"{start.symbols}{on_grid(start.positions, 1e-3).tolist()}")
    for copy in range(settings.copies):
        random = random_generator(f"{settings.seed}:{name}:{copy}")
        moved = (spread @ random.normal(size=len(spread))).reshape(-1, 3)
        yield Geometry(
            start.symbols,
            start.positions + moved,
            {
                **start.parameters,
                "vibration": {
                    "temperature": settings.temperature,
                    "largest": settings.largest,
                    "seed": settings.seed,
                    "copy": copy,
                },
            },
        )


def displacement_spread(start: Geometry, temperature: float, largest: float) -> FloatArray:
    """Return the matrix that turns normal deviates into displacements, shape (3n, 3n), Å.

    It is the symmetric root of k_BT H⁻¹ without rigid motions. A function of the Hessian, it does
    not depend on how a machine picks the modes of one frequency.

    Parameters
    ----------
    temperature
        K.
    largest
        Å; softer modes, whose standard deviation is more than that, get this one.
    """
    vibrations = _complement(_rigid_motions(start.positions))
    hessian = model_hessian(start.symbols, start.positions)
    constants, modes = np.linalg.eigh(vibrations.T @ hessian @ vibrations)
    softest = units.kB * temperature / largest**2
    deviations = np.sqrt(units.kB * temperature / np.maximum(constants, softest))
    modes = vibrations @ modes
    return np.asarray((modes * deviations) @ modes.T)


def model_hessian(symbols: Sequence[str], positions: FloatArray) -> FloatArray:
    """Return the model Hessian, shape (3n, 3n), eV/Å²; see the head of this module."""
    n = len(symbols)
    strengths = _strengths(symbols, positions)
    hessian = np.zeros((3 * n, 3 * n))

    def add(atoms: tuple[int, ...], constant: float, derivative: FloatArray) -> None:
        row = np.zeros((n, 3))
        row[list(atoms)] = derivative
        hessian[...] += constant * np.outer(row, row)

    pairs = units.Hartree / units.Bohr**2
    for i, j in combinations(range(n), 2):
        unit = (positions[j] - positions[i]) / np.linalg.norm(positions[j] - positions[i])
        add((i, j), _STRETCH * pairs * strengths[i, j], np.array([-unit, unit]))
    for i, j, k in permutations(range(n), 3):
        strength = strengths[i, j] * strengths[j, k]
        arms = positions[i] - positions[j], positions[k] - positions[j]
        if i < k and strength > _WEAKEST and _bent(*arms):
            derivative = np.radians(get_angles_derivatives([arms[0]], [arms[1]]))[0]
            add((i, j, k), _BEND * units.Hartree * strength, derivative)
    for i, j, k, m in permutations(range(n), 4):
        strength = strengths[i, j] * strengths[j, k] * strengths[k, m]
        if i < m and strength > _WEAKEST:
            one, two, three = (
                positions[j] - positions[i],
                positions[k] - positions[j],
                positions[m] - positions[k],
            )
            if _bent(-one, two) and _bent(-two, three):
                derivative = np.radians(get_dihedrals_derivatives([one], [two], [three]))[0]
                add((i, j, k, m), _TORSION * units.Hartree * strength, derivative)
    return hessian


def _strengths(symbols: Sequence[str], positions: FloatArray) -> FloatArray:
    """Strength of each pair, (n, n): 1 at the reference distance."""
    rows = np.array([_row(symbol) for symbol in symbols])
    exponents, references = _EXPONENTS[np.ix_(rows, rows)], _DISTANCES[np.ix_(rows, rows)]
    squares = ((positions[:, None] - positions) ** 2).sum(axis=-1) / units.Bohr**2
    return np.asarray(np.exp(exponents * (references**2 - squares)))


def _row(symbol: str) -> int:
    number = atomic_numbers[symbol]
    return 0 if number <= 2 else 1 if number <= 10 else 2


def _bent(one: FloatArray, two: FloatArray) -> bool:
    cosine = one @ two / np.linalg.norm(one) / np.linalg.norm(two)
    return bool(abs(cosine) < math.cos(_STRAIGHT))


def _rigid_motions(positions: FloatArray) -> FloatArray:
    """Return shifts and rotations, (3n, 6); five are independent if all atoms are in a line."""
    centred = positions - positions.mean(axis=0)
    motions = [np.tile(axis, len(positions)) for axis in np.eye(3)]
    motions += [np.cross(axis, centred).ravel() for axis in np.eye(3)]
    return np.array(motions).T


def _complement(motions: FloatArray) -> FloatArray:
    """Return an orthonormal basis of all that is no rigid motion, as columns."""
    vectors, lengths, _ = np.linalg.svd(motions, full_matrices=True)
    rank = int((lengths > 1e-6 * lengths.max()).sum())
    return np.asarray(vectors[:, rank:])
