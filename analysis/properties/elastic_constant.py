"""Elastic constants of each crystal, from the stresses of strained cells."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from ase import Atoms, units
from ase.optimize import BFGS

from analysis.validation.crystal_cases import crystal_cases
from analysis.validation.equation_of_state import equilibrium_cell
from analysis.validation.material import Material
from analysis.validation.property import Case, Measurement, Property, Tolerance
from analysis.validation.source import Source
from cuprolith.arrays import FloatArray

_STRAINS = (0.005, 0.01, 0.02)
_FMAX = 0.005  # eV/Å
_MAX_STEPS = 30
_VOIGT = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))


def _cases(material: Material) -> Iterator[Case]:
    def measure(source: Source, crystal: str) -> Measurement:
        cell = equilibrium_cell(source, material, crystal)
        cubic = _is_cubic(cell)
        found = [
            independent(stiffness_tensor(source, cell, strain), cubic=cubic) for strain in _STRAINS
        ]
        return Measurement(
            {name: float(np.mean([each[name] for each in found])) for name in found[0]},
            uncertainties={
                name: float(np.ptp([each[name] for each in found])) / 2 for name in found[0]
            },
        )

    return crystal_cases(material, measure, evaluations=20 * len(_STRAINS))


def stiffness_tensor(source: Source, cell: Atoms, size: float) -> FloatArray:
    """Return the stiffness in Voigt's notation, shape (6, 6), GPa, with relaxed atoms.

    Central differences of the stress at strains of ±`size`. Of a cubic cell two strains are made,
    and the rest follows by symmetry.
    """
    stiffness = np.zeros((6, 6))
    cubic = _is_cubic(cell)
    for index in (0, 3) if cubic else range(6):
        plus, minus = (_stress(source, cell, index, sign * size) for sign in (1, -1))
        stiffness[index] = (plus - minus) / (2 * size) / units.GPa
    if cubic:
        c11, c12, c44 = stiffness[0, 0], (stiffness[0, 1] + stiffness[0, 2]) / 2, stiffness[3, 3]
        stiffness[:] = 0
        stiffness[:3, :3] = c12
        np.fill_diagonal(stiffness, [c11] * 3 + [c44] * 3)
    return (stiffness + stiffness.T) / 2


def independent(stiffness: FloatArray, *, cubic: bool) -> dict[str, float]:
    """Return the constants that are shown: three of a cubic crystal, else those of the axes."""
    if cubic:
        pairs = [(0, 0), (0, 1), (3, 3)]
    else:
        pairs = [(0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2), (3, 3), (4, 4), (5, 5)]
    return {f"C{i + 1}{j + 1}": float(stiffness[i, j]) for i, j in pairs}


def _stress(source: Source, cell: Atoms, index: int, strain: float) -> FloatArray:
    """Return the stress of a strained cell with relaxed atoms, shape (6,), eV/Å³."""
    i, j = _VOIGT[index]
    deformation = np.eye(3)
    deformation[i, j] += strain / (1 if i == j else 2)
    if i != j:
        deformation[j, i] = deformation[i, j]
    atoms = cell.copy()
    atoms.set_cell(cell.cell.array @ deformation, scale_atoms=True)
    atoms.calc = source.calculator()
    BFGS(atoms, logfile=None).run(fmax=_FMAX, steps=_MAX_STEPS)
    return np.asarray(atoms.get_stress(), dtype=float)


def _is_cubic(cell: Atoms) -> bool:
    lengths, angles = cell.cell.lengths(), cell.cell.angles()
    return bool(np.ptp(lengths) < 1e-4 * lengths[0] and np.abs(angles - 90).max() < 1e-3)


PROPERTY = Property(
    name="elastic_constant",
    title="Elastic constants",
    unit="GPa",
    cases=_cases,
    tolerance=Tolerance(relative=0.2, absolute=3.0),
    group="crystals",
    about="Central differences of the stress around each side's own equilibrium volume, mean of "
    "strains of ±0.5, ±1 and ±2 %; atoms are relaxed. Uncertainty: half of the range of the three.",
    version=2,
)
