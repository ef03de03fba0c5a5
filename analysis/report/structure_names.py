"""Short names of structures, from their provenance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from analysis.report.content import plural


def structure_title(entry: dict[str, Any]) -> str:
    """Return crystal and plane: ``Cu(111)``, ``Cu(100) | Li(100)``, or the formula.

    Parameters
    ----------
    entry
        One of the ``structures`` in ``structures.json``.
    """
    parameters = entry["parameters"]
    if "film" in parameters:
        sides = [parameters[side] for side in ("substrate", "film")]
        return " | ".join(_plane(side["crystal"], side["miller_index"]) for side in sides)
    name = parameters.get("crystal") or entry["formula"]
    return _plane(name, entry["miller_index"].split())


def structure_detail(entry: dict[str, Any]) -> str:
    """Return what differs among structures of one name: strain, site, size, a line each."""
    parameters = entry["parameters"]
    parts = [*_distortion(parameters), *_interface(parameters), *_surface(parameters)]
    if min_distance := parameters.get("min_distance"):
        parts.append(f"packed, {min_distance:g} Å apart")
    n_atoms, n_free = entry["n_atoms"], entry["n_free"]
    parts.append(plural(n_atoms, "atom") + (f", {n_free} free" if n_free != n_atoms else ""))
    return "\n".join(parts)


def _distortion(parameters: dict[str, Any]) -> list[str]:
    strain = parameters.get("strain")
    if rattle := parameters.get("rattle"):
        return [f"rattled {rattle['standard_deviation']} Å"]
    if strain is not None:
        return [_percent(strain) + " strain" if strain else "no strain"]
    return []


def _interface(parameters: dict[str, Any]) -> list[str]:
    parts = []
    if strains := parameters.get("principal_strains"):
        side = parameters.get("strained", "film")
        which = "both strained, film" if side == "both" else f"{side} strained"
        percents = [_percent(value) for value in strains]
        equal = len(set(percents)) == 1
        parts.append(f"{which} {percents[0] if equal else ', '.join(percents)}")
    if any(registry := parameters.get("registry") or ()):
        parts.append("registry " + ", ".join(f"{value:.3g}" for value in registry))
    return parts


def _surface(parameters: dict[str, Any]) -> list[str]:
    parts = []
    if termination := parameters.get("termination"):
        parts.append(f"termination {termination}")
    below = ", below" if parameters.get("face") == "bottom" else ""
    if site := parameters.get("site"):
        parts.append(f"{parameters['species']} {site.replace('_', ' ')}{below}")
    if coordination := parameters.get("coordination"):
        removed = parameters["removed"]
        several = f"{removed} of " if removed > 1 else ""
        parts.append(f"{several}coordination {coordination}{below}")
    return parts


def _plane(crystal: str, miller_index: Sequence[object]) -> str:
    """Crystal and Miller indices, without spaces where none is negative."""
    indices = list(map(str, miller_index))
    if not indices:
        return crystal
    gap = " " if any(len(index) > 1 for index in indices) else ""
    return f"{crystal}({gap.join(indices)})".replace("-", "−")


def _percent(fraction: float) -> str:
    return f"{100 * fraction:+.3g}\u202f%".replace("-", "−")
