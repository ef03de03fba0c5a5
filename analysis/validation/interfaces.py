"""Interfaces of a campaign: their names, and how many a cell has."""

from __future__ import annotations

from collections.abc import Iterator

from analysis.validation.energies import numbered
from analysis.validation.material import JudgedStructure, Material


def named_interfaces(material: Material) -> Iterator[tuple[str, JudgedStructure]]:
    """Yield interfaces with names such as ``Li(110)/Cu(111)``."""
    named = ((interface_name(structure), structure) for structure in material.of_kind("interface"))
    return numbered(named)


def n_interfaces(structure: JudgedStructure) -> int:
    """Return the number of interfaces in a cell: both faces meet something, or one does."""
    parameters = structure.parameters
    return 2 if parameters["vacuum"] == 0 or parameters["film_on"] == "both" else 1


def interface_name(structure: JudgedStructure) -> str:
    """Return the planes, the gap and the shift of an interface."""
    if "film" not in structure.parameters:
        return structure.structure_id
    sides = (structure.parameters["film"], structure.parameters["substrate"])
    planes = "/".join(
        f"{side['crystal']}({''.join(map(str, side['miller_index']))})" for side in sides
    )
    place = structure.parameters
    registry = place["registry"]
    shift = "" if not any(registry) else f" shifted {registry[0]:g} {registry[1]:g}"
    return f"{planes} gap {place['gap']:g}{shift}"
