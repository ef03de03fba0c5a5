"""Short names of structures, made of their provenance."""

from __future__ import annotations

from typing import Any

from analysis.report.content import plural


def structure_title(entry: dict[str, Any]) -> str:
    """Return crystal and plane: ``Cu(111)``, ``Cu(100) | Li(100)``, or the formula.

    Parameters
    ----------
    entry
        One of the ``structures`` in ``structures.json``.
    """
    parameters = _parameters(entry)
    sides = [parameters.get(side) for side in ("substrate", "film")]
    if all(isinstance(side, dict) and "crystal" in side for side in sides):
        return " | ".join(
            _plane(side["crystal"], side.get("miller_index")) for side in sides if side
        )
    name = parameters.get("crystal") or entry.get("formula") or entry.get("structure_id", "")
    return _plane(str(name), entry.get("miller_index"))


def structure_detail(entry: dict[str, Any]) -> str:
    """Return what tells this structure from others of its name: strain, site, size, a line each."""
    parameters = _parameters(entry)
    parts = [*_distortion(parameters), *_interface(parameters), *_surface(parameters)]
    if min_distance := parameters.get("min_distance"):
        parts.append(f"packed, {min_distance:g} Å apart")
    n_atoms, n_free = entry.get("n_atoms"), entry.get("n_free")
    if isinstance(n_atoms, int):
        free = f", {n_free} free" if isinstance(n_free, int) and n_free != n_atoms else ""
        parts.append(plural(n_atoms, "atom") + free)
    return "\n".join(parts)


def _distortion(parameters: dict[str, Any]) -> list[str]:
    strain, rattle = parameters.get("strain"), parameters.get("rattle")
    if isinstance(rattle, dict):
        return [f"rattled {rattle.get('standard_deviation', '')} Å".replace("  ", " ")]
    if isinstance(strain, (int, float)):
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
        place = f"{parameters.get('species', '')} {str(site).replace('_', ' ')}".strip()
        parts.append(place + below)
    if coordination := parameters.get("coordination"):
        removed = parameters.get("removed", 1)
        several = f"{removed} of " if isinstance(removed, int) and removed > 1 else ""
        parts.append(f"{several}coordination {coordination}{below}")
    return parts


def _parameters(entry: dict[str, Any]) -> dict[str, Any]:
    parameters = entry.get("parameters")
    return parameters if isinstance(parameters, dict) else {}


def _plane(crystal: str, miller: Any) -> str:
    """Crystal and Miller indices, run together where none is negative."""
    words = miller.split() if isinstance(miller, str) else [str(index) for index in miller or ()]
    if not words:
        return crystal
    gap = " " if any(word.startswith("-") or len(word) > 1 for word in words) else ""
    return f"{crystal}({gap.join(words)})".replace("-", "−")


def _percent(fraction: float) -> str:
    return f"{100 * fraction:+.3g}\u202f%".replace("-", "−")
