"""The engine ``gpaw``: genuine r2SCAN DFT labels without a licence."""

from __future__ import annotations

from typing import Any

from workflows.engines.gpaw.installation import usable_installation
from workflows.engines.gpaw.makers import GpawMeltQuenchMaker, GpawRelaxMaker, GpawStaticMaker
from workflows.labelling.settings import EngineSettings

_SECONDS = 0.07
"""Of one ionic step per k-point of the whole mesh and atom squared, one core.

Measured on Cu cells of 2 to 8 atoms at 520 eV, first ionic step, nothing reduced by symmetry.
Li takes a quarter of that. Later steps start from the density before and take about half.
"""


def seconds_per_step(n_atoms: int, n_kpoints: int = 1) -> float:
    """Estimate the cost of one ionic step, core seconds: to within a factor of three.

    Parameters
    ----------
    n_atoms, n_kpoints
        Atoms of the cell, and points of the whole mesh (time reversal halves them).
    """
    return _SECONDS * n_kpoints * n_atoms**2


def gpaw_engine_parts(settings: EngineSettings) -> dict[str, Any]:
    """Return identity and makers of the engine, by the names of `Engine`'s fields.

    Raises
    ------
    CuprolithError
        If GPAW does not run under the campaign's command, or its libxc would spoil r2SCAN.
    """
    found = usable_installation(settings.gpaw)
    common: dict[str, Any] = {
        "functional": settings.gpaw.functional_label,
        "config_hash": found.config_hash(settings.gpaw),
        "gpaw": settings.gpaw,
    }
    return {
        "name": "gpaw",
        "functional": common["functional"],
        "config_hash": common["config_hash"],
        "simulated_by": (
            f"energies, forces and stresses come from density functional theory "
            f"({common['functional']}, PAW, plane waves to {settings.gpaw.cutoff:g} eV) with "
            f"GPAW {found.gpaw} and libxc {found.libxc}"
        ),
        "relax": GpawRelaxMaker(settings=settings.relax, **common),
        "static": GpawStaticMaker(**common),
        "melt_quench": (
            GpawMeltQuenchMaker(settings=settings.melt_quench, **common)
            if settings.melt_quench
            else None
        ),
        "uses_kpoints": True,
        "seconds_per_step": seconds_per_step,
    }
