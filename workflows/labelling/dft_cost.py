"""Cost of plane-wave DFT with k-points."""

from __future__ import annotations

_SECONDS = 0.07
"""Seconds of one ionic step per k-point of the whole mesh and atom squared, one core.

Measured with GPAW on Cu cells of 2 to 8 atoms at 520 eV and r2SCAN, first ionic step, nothing
reduced by symmetry. Li takes a quarter of that. Later steps start from the density before and take
about half. VASP's share of cores, k-points and memory may make it three times less or more.
"""


def seconds_per_step(n_atoms: int, n_kpoints: int = 1) -> float:
    """Estimate the cost of one ionic step, core seconds: to within a factor of three.

    Parameters
    ----------
    n_atoms, n_kpoints
        Atoms of the cell, and points of the whole mesh (time reversal halves them).
    """
    return _SECONDS * n_kpoints * n_atoms**2
