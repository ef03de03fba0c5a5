"""Cost of a step with PySCF, from the number of basis functions."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

from workflows.engines.pyscf.settings import PyscfSettings

# Elements of typical molecules, whose mean number of functions stands for that of any atom: plans
# know how many atoms there are, not which.
_TYPICAL = ("H", "H", "C", "O")
# Seconds of energy and forces on one core, a + b·n^p for n basis functions; see `docs/how_to/
# engines.md` for what was measured.
_SECONDS = {
    "HF": (0.1, 1.0e-5, 3.0),
    "DFT": (0.3, 3.0e-3, 1.7),
    "CCSD": (0.2, 7.0e-7, 4.0),
    "CCSD(T)": (0.2, 1.3e-6, 4.0),
}
# Determinants that full CI gets through in a second, all iterations and forces included.
_DETERMINANTS = 1e5


@lru_cache(maxsize=256)
def functions_of(basis: str, symbol: str) -> int | None:
    """Return the number of basis functions of an element; None if there is no such basis."""
    from pyscf import gto
    from pyscf.lib.exceptions import BasisNotFoundError

    try:
        shells = gto.basis.load(basis, symbol)
    except (BasisNotFoundError, KeyError, RuntimeError):
        return None
    if not shells:
        return None
    # A shell: its angular momentum, then rows of an exponent and a coefficient of each function.
    return sum((2 * shell[0] + 1) * (len(shell[-1]) - 1) for shell in shells)


def cost_per_step(settings: PyscfSettings) -> Callable[[int, int], float]:
    """Return the function that estimates the seconds of a step from the number of atoms.

    It is a guess, which may be wrong by a factor of three: elements and iterations are not known.
    """
    functions = [functions_of(settings.basis, symbol) or 0 for symbol in _TYPICAL]
    per_atom = sum(functions) / len(functions)

    def seconds(n_atoms: int, n_kpoints: int = 1) -> float:
        n = per_atom * n_atoms
        if settings.method in _SECONDS:
            least, factor, power = _SECONDS[settings.method]
            return float(least + factor * n**power)
        electrons, orbitals = settings.active_space or (4 * n_atoms, round(n))
        strings = math.comb(orbitals, min(electrons // 2, orbitals))
        return float(0.17 + strings**2 / _DETERMINANTS)

    return seconds
