"""Energy over volume of a crystal, and what follows from it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from ase import Atoms, units
from ase.eos import EquationOfState
from scipy.optimize import OptimizeWarning

from analysis.validation.free_energy import free_energy
from analysis.validation.material import Material
from analysis.validation.source import NotAvailableError, Source
from cuprolith.arrays import FloatArray

SCAN = np.linspace(-0.04, 0.04, 17)
"""Isotropic linear strains around the minimum."""

_STEP = 0.02  # linear strain, of the search for the minimum
_FARTHEST = 0.3
_NEAR = 0.05  # linear strain; the fit depends on how far it reaches, so not farther than the scan
_FEWEST_LABELS = 7  # fewer do not determine four parameters well
_SHORTER = (0.01, 0.02, 0.03)  # reach of other fits, linear strain
_FEWEST_POINTS = 5  # of a shorter fit, one more than it has parameters


@dataclass(frozen=True, eq=False)
class EnergyVolume:
    """A fitted equation of state.

    Attributes
    ----------
    volumes, energies
        Points around the minimum, per atom: shape (n,), Å³ and eV.
    volume, energy, bulk_modulus
        Of the minimum of a Birch–Murnaghan fit: Å³ and eV per atom, GPa.
    bulk_modulus_uncertainty
        Half of the range of bulk moduli from fits that reach less far, GPa. Large where the energy
        is not a smooth function of the volume.
    strain
        Isotropic linear strain of the cell in the campaign to that minimum.
    """

    volumes: FloatArray
    energies: FloatArray
    volume: float
    energy: float
    bulk_modulus: float
    bulk_modulus_uncertainty: float
    strain: float


class NoMinimumError(ArithmeticError):
    """A crystal whose energy has no minimum within a strain of 30 %."""


def equation_of_state(source: Source, material: Material, crystal: str) -> EnergyVolume:
    """Return the equation of state of a crystal, from what the source can compute or has.

    Cell and atoms are scaled together, at fixed shape.

    Raises
    ------
    NotAvailableError
        If the source cannot compute, and has fewer than seven volumes of this crystal within 5 % of
        the minimum.
    NoMinimumError
        If the energy has no minimum within a linear strain of 30 %.
    """
    cell = material.crystals[crystal]

    def find() -> EnergyVolume:
        try:
            source.calculator()
        except NotAvailableError:
            return _of_labels(source, material, crystal)
        return scanned(source, cell)

    return source.once(f"equation of state of {crystal}", find)


def equilibrium_cell(source: Source, material: Material, crystal: str) -> Atoms:
    """Return the conventional cell at the source's own equilibrium volume, without calculator."""
    strain = equation_of_state(source, material, crystal).strain
    return scaled(material.crystals[crystal], strain)


def scanned(source: Source, cell: Atoms) -> EnergyVolume:
    """Find the minimum of a crystal however far it is, and scan around it."""
    energies: dict[float, float] = {}

    def energy(strain: float) -> float:
        strain = round(float(strain), 6)
        if strain not in energies:
            atoms = scaled(cell, strain)
            atoms.calc = source.calculator()
            energies[strain] = free_energy(atoms) / len(atoms)
        return energies[strain]

    centre = _bracketed(energy)
    points = np.array([energy(centre + strain) for strain in SCAN])
    return _fit(cell, centre + SCAN, points)


def scaled(cell: Atoms, strain: float) -> Atoms:
    """Return a copy whose lengths are all larger by a linear strain."""
    atoms = cell.copy()
    atoms.set_cell(cell.cell * (1 + strain), scale_atoms=True)
    return atoms


def _bracketed(energy: Callable[[float], float]) -> float:
    """Walk downhill from no strain to a minimum between two neighbours."""
    here = 0.0
    while abs(here) < _FARTHEST:
        left, middle, right = (energy(here + step) for step in (-_STEP, 0.0, _STEP))
        if middle <= left and middle <= right:
            return here
        here += -_STEP if left < right else _STEP
    raise NoMinimumError(f"no minimum of the energy within a strain of {100 * _FARTHEST:.0f} %")


def _of_labels(source: Source, material: Material, crystal: str) -> EnergyVolume:
    found = {}
    for structure in material.of_kind("bulk"):
        if structure.crystal == crystal:
            relaxed = source.relaxed(structure)
            found[structure.parameters["strain"]] = relaxed.energy / len(relaxed.atoms)
    lowest = min(found, key=found.__getitem__, default=0.0)
    near = [strain for strain in found if abs(strain - lowest) < _NEAR]
    if len(near) < _FEWEST_LABELS:
        raise NotAvailableError(
            f"{source.name}: {len(near)} volumes of {crystal} within {100 * _NEAR:.0f} % of the "
            f"minimum, and an equation of state needs {_FEWEST_LABELS}"
        )
    strains = np.array(sorted(near))
    return _fit(material.crystals[crystal], strains, np.array([found[s] for s in strains]))


def _fit(cell: Atoms, strains: FloatArray, energies: FloatArray) -> EnergyVolume:
    volumes = cell.get_volume() / len(cell) * (1 + strains) ** 3
    volume, energy, modulus = _birch_murnaghan(volumes, energies)
    moduli = [modulus, *_moduli_of_shorter_fits(strains, volumes, energies)]
    strain = (volume * len(cell) / cell.get_volume()) ** (1 / 3) - 1
    return EnergyVolume(
        volumes, energies, volume, energy, modulus, (max(moduli) - min(moduli)) / 2, float(strain)
    )


def _moduli_of_shorter_fits(
    strains: FloatArray, volumes: FloatArray, energies: FloatArray
) -> Iterator[float]:
    """Yield the bulk modulus (GPa) of each fit to fewer points around the lowest one."""
    from_lowest = np.abs(strains - strains[energies.argmin()])
    for reach in _SHORTER:
        near = from_lowest <= reach + 1e-9
        if _FEWEST_POINTS <= near.sum() < len(near):
            try:
                yield _birch_murnaghan(volumes[near], energies[near])[2]
            except (RuntimeError, ValueError):  # no minimum: the longer fits say more
                continue


def _birch_murnaghan(volumes: FloatArray, energies: FloatArray) -> tuple[float, float, float]:
    """Return volume (Å³), energy (eV) and bulk modulus (GPa) of the minimum of a fit."""
    fitted = EquationOfState(volumes, energies, eos="birchmurnaghan")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OptimizeWarning)  # five points, four parameters
        volume, energy, modulus = fitted.fit(warn=False)
    return float(volume), float(energy), float(modulus / units.GPa)
