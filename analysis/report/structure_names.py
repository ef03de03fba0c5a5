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
    parts = []
    strain, rattle = parameters.get("strain"), parameters.get("rattle")
    if isinstance(rattle, dict):
        parts.append(f"rattled {rattle.get('standard_deviation', '')} Å".replace("  ", " "))
    elif isinstance(strain, (int, float)):
        parts.append(_percent(strain) + " strain" if strain else "no strain")
    if strains := parameters.get("principal_strains"):
        parts.append("film strained " + ", ".join(_percent(value) for value in strains))
    if site := parameters.get("site"):
        parts.append(f"{parameters.get('species', '')} {str(site).replace('_', ' ')}".strip())
    if coordination := parameters.get("coordination"):
        parts.append(f"coordination {coordination}")
    n_atoms, n_free = entry.get("n_atoms"), entry.get("n_free")
    if isinstance(n_atoms, int):
        free = f", {n_free} free" if isinstance(n_free, int) and n_free != n_atoms else ""
        parts.append(plural(n_atoms, "atom") + free)
    return "\n".join(parts)


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
    return f"{100 * fraction:+.3g} %".replace("-", "−")
