"""Physical properties of two crystals by simple means, from any ASE calculator.

Needs only ASE and NumPy: it also runs in the environments of other programs.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from ase import Atoms
from ase.build import add_adsorbate, bcc100, bcc110, bulk, fcc100, fcc110, fcc111
from ase.constraints import FixAtoms
from ase.eos import EquationOfState
from ase.optimize import FIRE
from ase.units import GPa
from ase.units import J as JOULE

CRYSTALS = {"Cu": ("fcc", 3.58), "Li": ("bcc", 3.45)}  # lattice constants to start from, Å
_BUILDERS: dict[str, dict[str, Callable[..., Atoms]]] = {
    "fcc": {"111": fcc111, "100": fcc100, "110": fcc110},
    "bcc": {"110": bcc110, "100": bcc100},
}
_ATOMS_IN_CELL = {"fcc": 4, "bcc": 2}
_SQUARE_METRE = 1e20  # Å²
_FORCE = 0.02  # eV/Å, where relaxations end
_STEPS = 60  # a model that does not relax in so many is judged as it is
_SHELL = (0.97, 1.03)  # of the lattice constant that is looked for


def properties(calculator: Any) -> dict[str, float]:
    """Return what a potential gives; NaN where it gives nothing.

    Lattice constants in Å, bulk moduli in GPa, surface energies in J/m², vacancy and adsorption
    energies in eV. An adsorption energy is that of an atom taken from its crystal.
    """
    found: dict[str, float] = {}
    energies: dict[str, float] = {}
    constants: dict[str, float] = {}
    for symbol, (lattice, start) in CRYSTALS.items():
        a, modulus, energy = equation_of_state(symbol, lattice, start, calculator)
        constants[symbol], energies[symbol] = a, energy
        found |= {f"a({symbol})": a, f"B({symbol})": modulus}
        for plane, build in _BUILDERS[lattice].items():
            name = f"surface {symbol}({plane})"
            found[name] = surface_energy(partial(build, symbol, a=a), energy, calculator)
        found[f"vacancy {symbol}"] = vacancy_energy(symbol, lattice, a, energy, calculator)
    for symbol in CRYSTALS:
        found[f"{symbol} on Cu(111)"] = adsorption_energy(
            symbol, constants["Cu"], energies[symbol], calculator
        )
    return found


def equation_of_state(
    symbol: str, lattice: str, start: float, calculator: Any
) -> tuple[float, float, float]:
    """Return lattice constant, bulk modulus (GPa) and energy per atom (eV).

    The minimum is looked for step by step from `start`, then nine volumes around it are fitted.
    """

    def energy(a: float) -> float:
        return _energy(bulk(symbol, lattice, a=a), calculator)

    a, step = start, 0.04
    while step > 0.009:
        lower, here, higher = energy(a - step), energy(a), energy(a + step)
        if not np.isfinite([lower, here, higher]).all() or not 0.7 * start < a < 1.4 * start:
            return (np.nan,) * 3
        if here <= min(lower, higher):
            step /= 2
        else:
            a += step if higher < lower else -step
    constants = a * np.linspace(*_SHELL, 9)
    volumes = constants**3 / _ATOMS_IN_CELL[lattice]
    fit = EquationOfState(volumes, [energy(constant) for constant in constants], "birchmurnaghan")
    try:
        volume, minimum, modulus = fit.fit(warn=False)
    except (RuntimeError, ValueError):
        return (np.nan,) * 3
    return float(np.cbrt(_ATOMS_IN_CELL[lattice] * volume)), float(modulus / GPa), float(minimum)


def surface_energy(build: Callable[..., Atoms], bulk_energy: float, calculator: Any) -> float:
    """Return the energy of a relaxed slab's surfaces, J/m²; both sides are the same."""
    slab = build(size=(1, 1, 9), vacuum=7)
    slab.pbc = True
    relaxed = _relaxed_energy(slab, calculator)
    area = np.linalg.norm(np.cross(slab.cell[0], slab.cell[1]))
    return float((relaxed - len(slab) * bulk_energy) / (2 * area) * _SQUARE_METRE / JOULE)


def vacancy_energy(
    symbol: str, lattice: str, a: float, bulk_energy: float, calculator: Any
) -> float:
    """Return the formation energy of a vacancy in a supercell of fixed size, eV."""
    n = {"fcc": 2, "bcc": 3}[lattice]
    atoms = bulk(symbol, lattice, a=a, cubic=True) * (n, n, n)
    del atoms[0]
    return _relaxed_energy(atoms, calculator) - len(atoms) * bulk_energy


def adsorption_energy(symbol: str, a: float, bulk_energy: float, calculator: Any) -> float:
    """Return the energy of an atom on the hollow of Cu(111) 2×2, less slab and crystal, eV."""
    slab = fcc111("Cu", (2, 2, 4), a=a, vacuum=7)
    slab.pbc = True
    slab.set_constraint(FixAtoms([atom.index for atom in slab if atom.tag > 2]))
    covered = slab.copy()
    add_adsorbate(covered, symbol, 2.0, "fcc")
    energy = _relaxed_energy(covered, calculator) - _relaxed_energy(slab, calculator)
    return energy - bulk_energy


def _energy(atoms: Atoms, calculator: Any) -> float:
    atoms.calc = calculator
    return float(atoms.get_potential_energy())


def _relaxed_energy(atoms: Atoms, calculator: Any) -> float:
    if not np.isfinite(atoms.cell.array).all():
        return float("nan")
    atoms.calc = calculator
    try:
        FIRE(atoms, logfile=None).run(fmax=_FORCE, steps=_STEPS)
    except (ValueError, RuntimeError):  # positions exploded
        return float("nan")
    return float(atoms.get_potential_energy())
