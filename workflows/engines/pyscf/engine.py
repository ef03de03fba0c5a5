"""The engine ``pyscf``: molecules by Hartree-Fock, DFT, coupled cluster and full CI."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cuprolith.errors import CuprolithError
from workflows.engine import Engine
from workflows.engines.pyscf.cost import cost_per_step
from workflows.engines.pyscf.settings import PyscfSettings
from workflows.labelling.calculator_engine import CalculatorEntry, Device

if TYPE_CHECKING:
    from ase import Atoms
    from ase.calculators.calculator import Calculator
    from pymatgen.core import Composition

# Heavier atoms need effective core potentials or relativity, of which there is neither here.
_HEAVIEST = 36


def _load(settings: PyscfSettings, _device: Device) -> Calculator:
    from workflows.engines.pyscf.calculator import PyscfCalculator

    return PyscfCalculator(settings)


@dataclass(frozen=True, kw_only=True)
class PyscfEntry(CalculatorEntry[PyscfSettings]):
    """PySCF as an engine."""

    def build(self, settings: PyscfSettings) -> Engine:
        """Build the engine.

        Raises
        ------
        CuprolithError
            If PySCF is not installed, or does not know the functional.
        """
        engine = super().build(settings)
        if settings.method == "DFT":
            _check_functional(settings.xc)
        return engine

    def check_structure(self, settings: PyscfSettings, atoms: Atoms) -> None:
        """Check that a molecule has a basis, and as many electrons as the settings say.

        Raises
        ------
        CuprolithError
            If not, with the key to change.
        """
        from workflows.engines.pyscf.calculator import unpaired_electrons

        super().check_structure(settings, atoms)
        if atoms.numbers.max() > _HEAVIEST:
            raise CuprolithError(
                f"the engine pyscf computes all electrons without relativity, and "
                f"{atoms.get_chemical_formula()} has elements beyond krypton",
                key="engine.name",
                remedy="use another engine",
            )
        unpaired_electrons(atoms, settings)
        for symbol in sorted(set(atoms.get_chemical_symbols())):
            _check_basis(settings.basis, symbol)

    def unfit(
        self, settings: PyscfSettings, elements: Sequence[str], solids: Sequence[Composition]
    ) -> list[str]:
        """Warn of forces that are not quite the derivatives of energies."""
        if settings.method == "DFT" and is_meta_gga(settings.xc):
            return [
                f"{settings.xc} is a meta-GGA, for which PySCF leaves out how the grid moves with "
                "the atoms: forces of water were 4 meV/Å off at engine.grid_level 3; raise it"
            ]
        return []

    def _described(self, settings: PyscfSettings) -> str:
        fitted = ", with density fitting" if settings.density_fit else ""
        return (
            f"energies and forces come from quantum chemistry ({settings.level}, all electrons"
            f"{fitted}) with PySCF {self._version.split()[-1]}"
        )

    def _functional(self, settings: PyscfSettings) -> str:
        return settings.level

    def _cost(self, settings: PyscfSettings) -> Callable[[int, int], float]:
        return cost_per_step(settings)


def is_meta_gga(xc: str) -> bool:
    """Whether a functional depends on the kinetic energy density."""
    from pyscf.dft import libxc

    return bool(libxc.is_meta_gga(xc))


def _check_functional(xc: str) -> None:
    from pyscf.dft import libxc

    try:
        libxc.parse_xc(xc)
    except (KeyError, ValueError) as error:
        raise CuprolithError(
            f"PySCF knows no functional {xc!r}",
            key="engine.xc",
            remedy="give one as PySCF names it, such as PBE, BLYP, B3LYP or R2SCAN",
        ) from error
    if libxc.is_nlc(xc):
        raise CuprolithError(
            f"{xc} has nonlocal correlation (VV10), which this engine does not compute",
            key="engine.xc",
            remedy="give a functional without it",
        )


def _check_basis(basis: str, symbol: str) -> None:
    from workflows.engines.pyscf.cost import functions_of

    if functions_of(basis, symbol) is None:
        raise CuprolithError(
            f"PySCF has no basis set {basis!r} for {symbol}",
            key="engine.basis",
            remedy="give one as PySCF names it, such as sto-3g, 6-31g, cc-pvdz or def2-svp",
        )


ENGINE = PyscfEntry(
    settings=PyscfSettings,
    load=_load,
    described="quantum chemistry",
    packages=("pyscf",),
    seconds_per_atom=1.0,
    labels_crystals=False,
    labels_molecules=True,
    simulated=False,
)
