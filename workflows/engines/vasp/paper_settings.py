"""Differences between a campaign's DFT and the paper's, and what the paper leaves open."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from workflows.engines.vasp.settings import PAPER_CUTOFF, VaspEngineSettings, VaspSettings
from workflows.kpoints import PAPER_KPOINT_LENGTH

# Laskaris 2026, sections III.B and III.C.
_PAPER_DFT: dict[str, Any] = {
    "functional": "r2scan",
    "encut": PAPER_CUTOFF,
    "ediff": 1e-5,
    "kpoint_length": PAPER_KPOINT_LENGTH,
}
_PAPER_RELAX: dict[str, Any] = {"fmax": 0.03}
_PAPER_MELT_QUENCH: dict[str, Any] = {
    "melt_temperature": 600.0,
    "final_temperature": 10.0,
    "cooling_rate": 250.0,
    "time_step": 2.0,
}
_NOT_IN_THE_PAPER = ("potcar_family", "smearing", "smearing_width", "spin_polarized")


def deviations(settings: VaspEngineSettings) -> list[str]:
    """Return how a VASP campaign differs from the paper, e.g. ``"encut: 400 (paper: 520)"``."""
    sections: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
        ("vasp", settings.vasp.model_dump(), _PAPER_DFT),
    ]
    if settings.task == "relax":
        sections.append(("relax", settings.relax.model_dump(), _PAPER_RELAX))
    if settings.melt_quench is not None:
        sections.append(
            ("melt_quench", settings.melt_quench.model_dump(), _PAPER_MELT_QUENCH),
        )
    found = [
        f"{section}.{key}: {_shown(chosen[key])} (paper: {_shown(value)})"
        for section, chosen, paper in sections
        for key, value in paper.items()
        if chosen[key] != value
    ]
    overrides = settings.vasp.incar.items()
    return found + [f"vasp.incar.{tag}: {value} (set by the campaign)" for tag, value in overrides]


def unstated(settings: VaspSettings, elements: Iterable[str]) -> dict[str, str]:
    """Return the choices that decide labels and that the paper does not state.

    Parameters
    ----------
    settings
        The campaign's.
    elements
        Its elements, whose potentials are listed.
    """
    chosen = settings.model_dump(mode="json")
    potcars = {element: settings.potcars.get(element, "missing") for element in elements}
    return {key: _shown(chosen[key]) for key in _NOT_IN_THE_PAPER} | {"potcars": _shown(potcars)}


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {each}" for key, each in value.items())
    return f"{value:g}" if isinstance(value, float) else str(value)
