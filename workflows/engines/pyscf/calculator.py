"""An ASE calculator of molecules by PySCF: energies and gradients of six methods.

Gradients are analytic, except those of open shells with CCSD(T) and CASCI: PySCF has none for
CASCI, and those of CCSD(T) are not the derivatives of its energies (NH2 in STO-3G: 0.025 eV/Å off).
They are differences of energies.

PySCF has a calculator of its own (`pyscf.pbc.tools.pyscf_ase`), and there are wrappers of DFT in
other packages. Not used here: it starts each step from the orbitals of the step before, so that
labels would depend on the order of geometries; it takes an energy that has not converged; and it
has no forces of CCSD(T) and full CI.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from ase import units
from ase.calculators.calculator import Calculator, all_changes
from ase.data import ground_state_magnetic_moments

from cuprolith.arrays import FloatArray
from cuprolith.errors import CuprolithError
from workflows.engines.pyscf.settings import PyscfSettings

if TYPE_CHECKING:
    from ase import Atoms

# Correlation amplitudes: their error is of first order in forces.
_AMPLITUDES = 1e-7
# Displacement of the differences, Bohr: with four points each, the error is of its fourth power.
_STEP = 0.01

# Solves one method: energy (Hartree), and a function that gives the gradient (Hartree/Bohr).
_Solution = tuple[float, Callable[[], FloatArray]]


class PyscfCalculator(Calculator):
    """Energies and forces of molecules without a cell.

    Each geometry is computed from scratch on one thread, so that labels repeat bit for bit and do
    not depend on what was computed before.

    Parameters
    ----------
    settings
        Method, basis, charge and thresholds.
    """

    implemented_properties: ClassVar[list[str]] = ["energy", "free_energy", "forces"]

    def __init__(self, settings: PyscfSettings) -> None:
        super().__init__()
        self._settings = settings

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = all_changes,
    ) -> None:
        """Compute energy, and forces if they are asked for.

        Raises
        ------
        CuprolithError
            If the structure is periodic, the settings do not fit it, or something does not
            converge; with what to do.
        """
        from pyscf import lib

        super().calculate(atoms, properties, system_changes)
        with lib.with_omp_threads(1):
            energy, gradient = solve(self.atoms, self._settings)
            self.results = {"energy": energy * units.Hartree}
            self.results["free_energy"] = self.results["energy"]
            if "forces" in properties:
                self.results["forces"] = -gradient() * (units.Hartree / units.Bohr)


def solve(atoms: Atoms, settings: PyscfSettings) -> _Solution:
    """Return the energy of a molecule, Hartree, and a function for its gradient, Hartree/Bohr.

    Raises
    ------
    CuprolithError
        As `PyscfCalculator.calculate`.
    """
    molecule = _molecule(atoms, settings)
    mean_field = _mean_field(molecule, settings)
    if settings.method in {"HF", "DFT"}:
        return float(mean_field.e_tot), lambda: _mean_field_gradient(mean_field, settings)
    if settings.method in {"FCI", "CASCI"}:
        energy, gradient = _configuration_interaction(mean_field, settings)
    else:
        energy, gradient = _coupled_cluster(mean_field, settings)
    if molecule.spin and settings.method in {"CCSD(T)", "CASCI"}:
        return energy, lambda: _differences(atoms, settings)
    return energy, gradient


def _differences(atoms: Atoms, settings: PyscfSettings) -> FloatArray:
    """Return the gradient by central differences of energies, four for each coordinate."""
    gradient = np.zeros((len(atoms), 3))
    for place in np.ndindex(gradient.shape):
        for steps, weight in ((1, 8), (-1, -8), (2, -1), (-2, 1)):
            moved = atoms.copy()
            moved.positions[place] += steps * _STEP * units.Bohr
            gradient[place] += weight * solve(moved, settings)[0] / (12 * _STEP)
    return gradient


def unpaired_electrons(atoms: Atoms, settings: PyscfSettings) -> int:
    """Return the number of unpaired electrons of a molecule.

    Raises
    ------
    CuprolithError
        If there are not so many electrons, or their parity is another.
    """
    electrons = int(atoms.numbers.sum()) - settings.charge
    if settings.spin is None:
        if len(atoms) == 1 and settings.charge == 0:
            return round(ground_state_magnetic_moments[atoms.numbers[0]])
        return electrons % 2
    if electrons < settings.spin or (electrons - settings.spin) % 2:
        raise CuprolithError(
            f"{atoms.get_chemical_formula()} with the charge {settings.charge} has {electrons} "
            f"electrons, of which {settings.spin} cannot be unpaired",
            key="engine.spin",
            remedy="correct engine.spin or engine.charge, or leave out engine.spin",
        )
    return settings.spin


def _molecule(atoms: Atoms, settings: PyscfSettings) -> Any:
    from pyscf import gto
    from pyscf.lib.exceptions import BasisNotFoundError

    if atoms.pbc.any():
        raise CuprolithError(
            "the engine pyscf computes molecules without a cell, and this is periodic",
            key="engine.name",
            remedy="use an engine of crystals",
        )
    # In Bohr by ASE's constants, so that forces are derivatives of energies to all digits.
    places = zip(atoms.get_chemical_symbols(), atoms.positions / units.Bohr, strict=True)
    try:
        return gto.M(
            atom=[(symbol, place.tolist()) for symbol, place in places],
            unit="Bohr",
            basis=settings.basis,
            charge=settings.charge,
            spin=unpaired_electrons(atoms, settings),
            verbose=0,
        )
    except (BasisNotFoundError, KeyError) as error:
        raise CuprolithError(
            f"there is no basis set {settings.basis} for {atoms.get_chemical_formula()}",
            key="engine.basis",
            remedy="name another one; https://pyscf.org lists them",
        ) from error


def _mean_field(molecule: Any, settings: PyscfSettings) -> Any:
    """Converge Hartree-Fock or DFT; where DIIS does not, by second-order steps."""
    from pyscf import dft, scf

    if settings.method == "DFT":
        method = (dft.UKS if molecule.spin else dft.RKS)(molecule, xc=settings.xc)
        method.grids.level = settings.grid_level
    elif settings.method in {"FCI", "CASCI"}:  # one set of orbitals
        method = (scf.ROHF if molecule.spin else scf.RHF)(molecule)
    else:
        method = (scf.UHF if molecule.spin else scf.RHF)(molecule)
    if settings.density_fit:
        method = method.density_fit()
    method.conv_tol = settings.convergence
    method.conv_tol_grad = _gradient_threshold(settings)
    method.max_cycle = settings.max_cycles
    method.kernel()
    if not method.converged:
        method = method.newton()
        method.kernel(method.mo_coeff, method.mo_occ)
    if not method.converged:
        raise NotConvergedError("self-consistency", molecule, settings)
    return method.undo_newton() if hasattr(method, "undo_newton") else method


def _gradient_threshold(settings: PyscfSettings) -> float:
    """Threshold of the orbital gradient: forces are wrong by about as much, in Hartree/Bohr."""
    return float(min(np.sqrt(settings.convergence), 1e-5))


def _mean_field_gradient(mean_field: Any, settings: PyscfSettings) -> FloatArray:
    from pyscf.dft import libxc

    gradient = mean_field.nuc_grad_method()
    if settings.method == "DFT":
        # The grid moves with the atoms: else forces are not quite the derivatives of energies.
        # PySCF has this for all but meta-GGAs.
        gradient.grid_response = not libxc.is_meta_gga(settings.xc)
    return np.asarray(gradient.kernel())


def _configuration_interaction(mean_field: Any, settings: PyscfSettings) -> _Solution:
    """Solve full CI, as an active space of all orbitals, or in the campaign's active space."""
    from pyscf import fci, mcscf
    from pyscf.grad import casscf

    molecule = mean_field.mol
    electrons, orbitals = settings.active_space or (
        sum(molecule.nelec),
        mean_field.mo_coeff.shape[1],
    )
    _check_active_space(molecule, electrons, orbitals, mean_field.mo_coeff.shape[1])
    solution = mcscf.CASCI(mean_field, orbitals, electrons)
    solution.fcisolver = fci.solver(molecule, singlet=molecule.spin == 0)
    fci.addons.fix_spin_(solution.fcisolver, ss=molecule.spin / 2 * (molecule.spin / 2 + 1))
    solution.fcisolver.conv_tol = settings.convergence
    solution.fcisolver.max_cycle = settings.max_cycles
    solution.canonicalization = False
    solution.kernel()
    if not np.all(solution.fcisolver.converged):
        raise NotConvergedError(settings.method, molecule, settings)

    def gradient() -> FloatArray:
        if settings.method == "CASCI":
            return np.asarray(solution.nuc_grad_method().kernel())
        # Full CI does not change when orbitals rotate: the gradient of CASSCF, at its minimum.
        full = mcscf.CASSCF(mean_field, orbitals, electrons)
        full.fcisolver = solution.fcisolver
        full.mo_coeff, full.ci, full.e_tot = solution.mo_coeff, solution.ci, solution.e_tot
        full.converged = True
        return np.asarray(casscf.Gradients(full).kernel(full.mo_coeff, full.ci))

    return float(solution.e_tot), gradient


def _check_active_space(molecule: Any, electrons: int, orbitals: int, all_orbitals: int) -> None:
    core = sum(molecule.nelec) - electrons
    if core < 0 or core % 2 or orbitals + core // 2 > all_orbitals or electrons > 2 * orbitals:
        raise CuprolithError(
            f"no {electrons} electrons in {orbitals} orbitals can be active among "
            f"{sum(molecule.nelec)} electrons and {all_orbitals} orbitals",
            key="engine.active_space",
            remedy="leave an even number of electrons out, and take no more orbitals than there "
            "are",
        )


def _coupled_cluster(mean_field: Any, settings: PyscfSettings) -> _Solution:
    from pyscf import cc

    molecule = mean_field.mol
    frozen = _core_orbitals(molecule) if settings.frozen_core else 0
    if sum(molecule.nelec) - 2 * frozen < 2:  # one electron has nothing to correlate with
        return float(mean_field.e_tot), lambda: np.asarray(mean_field.nuc_grad_method().kernel())
    solution = cc.CCSD(mean_field, frozen=frozen or None)
    solution.conv_tol = settings.convergence
    solution.conv_tol_normt = _AMPLITUDES
    solution.max_cycle = settings.max_cycles
    integrals = solution.ao2mo()
    solution.kernel(eris=integrals)
    if not solution.converged:
        raise NotConvergedError("CCSD", molecule, settings)
    if settings.method == "CCSD":
        return float(solution.e_tot), lambda: _ccsd_gradient(solution, settings)
    energy = solution.e_tot + solution.ccsd_t(eris=integrals)
    return float(energy), lambda: _ccsd_t_gradient(solution, integrals, settings)


def _ccsd_gradient(solution: Any, settings: PyscfSettings) -> FloatArray:
    solution.solve_lambda()
    if not solution.converged_lambda:
        raise NotConvergedError("the Λ equations of CCSD", solution.mol, settings)
    return np.asarray(solution.nuc_grad_method().kernel())


def _ccsd_t_gradient(solution: Any, integrals: Any, settings: PyscfSettings) -> FloatArray:
    from pyscf.cc import ccsd_t_lambda_slow
    from pyscf.grad import ccsd_t

    converged, l1, l2 = ccsd_t_lambda_slow.kernel(
        solution,
        integrals,
        solution.t1,
        solution.t2,
        max_cycle=settings.max_cycles,
        tol=_AMPLITUDES,
        verbose=0,
    )
    if not converged:
        raise NotConvergedError("the Λ equations of CCSD(T)", solution.mol, settings)
    gradients = ccsd_t.Gradients(solution)
    return np.asarray(gradients.kernel(solution.t1, solution.t2, l1, l2, eris=integrals))


def _core_orbitals(molecule: Any) -> int:
    from pyscf.data.elements import chemcore

    return int(chemcore(molecule))


class NotConvergedError(CuprolithError):
    """Something did not converge: there is no label."""

    def __init__(self, what: str, molecule: Any, settings: PyscfSettings) -> None:
        super().__init__(
            f"{what} of {''.join(molecule.elements)} ({settings.level}) did not converge to "
            f"{settings.convergence:g} Hartree in {settings.max_cycles} cycles",
            key="engine.max_cycles",
            remedy="raise engine.max_cycles; if that does not help, see whether charge and spin "
            "fit and whether bonds are broken, or leave this geometry out",
        )
