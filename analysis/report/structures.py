"""Section *Structures*: what was generated, with pictures."""

from __future__ import annotations

import io
import re
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ase.io
from ase import Atoms
from ase.data import chemical_symbols
from markupsafe import Markup

from analysis.pictures import free_atoms, legend_svg, sphere_definitions, structure_svg
from analysis.report.content import Missing, Section, Table, count, plural, span, value_text
from analysis.report.inputs import Inputs
from analysis.report.structure_names import structure_detail, structure_title

PICTURES_PER_FAMILY = 5
ROWS_SHOWN = 200

_FAMILY_MEANING = {
    "bulk": "perfect, strained and rattled crystals",
    "slab": "crystals cut along a lattice plane, with vacuum",
    "vacancy": "slabs that lack one surface atom",
    "vacancy_2x2": "2 × 2 slabs that lack one surface atom",
    "adatom": "slabs with one atom more on the surface",
    "interface": "two crystals face to face",
    "amorphous": "disordered cells",
}
_STRUCTURE_ID = re.compile(rb'\bstructure_id="?([^"\s]+)"?')


@dataclass(frozen=True)
class Picture:
    """One structure from above and from the side."""

    title: str
    detail: str
    top: Markup
    side: Markup


@dataclass(frozen=True)
class Family:
    """Pictures of some of a family's structures."""

    name: str
    facts: str
    pictures: list[Picture]


@dataclass
class StructuresSection(Section):
    """The section, with families and the shared definitions of their pictures."""

    families: list[Family] = field(default_factory=list)
    definitions: Markup = field(default_factory=Markup)
    legend: list[tuple[Markup, str]] = field(default_factory=list)


def structures_section(inputs: Inputs, command: str) -> StructuresSection:
    """Make the section; `command` is what generates structures."""
    section = StructuresSection("structures", "Structures")
    listed = inputs.structures.get("structures") or []
    entries = [entry for entry in listed if isinstance(entry, dict) and "family" in entry]
    if not entries:
        section.missing = Missing("No structures have been generated yet.", command)
        return section
    by_family: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for entry in entries:
        by_family[str(entry["family"])].append(entry)
    section.lead = (
        f"{plural(len(entries), 'structure')} in "
        f"{plural(len(by_family), 'family')}. Strong colours are atoms free to move in a "
        "relaxation, pale ones are held fixed. Dashed lines outline the cell; what lies "
        "outside are its periodic images. Vacuum is not drawn."
    )
    section.tables = [_family_table(by_family)]
    section.details = [("All structures", _structure_table(entries))]
    chosen = {
        str(entry.get("structure_id")): entry
        for group in by_family.values()
        for entry in evenly_chosen(group, PICTURES_PER_FAMILY)
    }
    path = inputs.root / "structures" / "structures.extxyz"
    drawn = inputs.attempt(path, lambda file: read_structures(file, chosen.keys())) or {}
    section.families = [_family(name, group, chosen, drawn) for name, group in by_family.items()]
    numbers = sorted({int(z) for atoms in drawn.values() for z in atoms.numbers})
    section.definitions = Markup(sphere_definitions(numbers))
    section.legend = [
        (Markup(legend_svg(z, free=free)), f"{chemical_symbols[z]}, {'free' if free else 'fixed'}")
        for z in numbers
        for free in (True, False)
    ]
    return section


def evenly_chosen(items: Sequence[Any], most: int) -> list[Any]:
    """Return at most so many items, evenly spread and always the same; first and last included."""
    if len(items) <= most:
        return list(items)
    return [items[round(index * (len(items) - 1) / (most - 1))] for index in range(most)]


def read_structures(path: Path, wanted: Collection[str]) -> dict[str, Atoms]:
    """Read only the wanted structures; the others are skipped without being parsed.

    Raises
    ------
    ValueError
        If the file is no extended XYZ.
    """
    found: dict[str, Atoms] = {}
    with path.open("rb") as stream:
        while len(found) < len(wanted) and (header := stream.readline()).strip():
            comment = stream.readline()
            rows = [stream.readline() for _ in range(int(header))]
            match = _STRUCTURE_ID.search(comment)
            name = match.group(1).decode() if match else ""
            if name in wanted:
                text = b"".join([header, comment, *rows]).decode()
                found[name] = ase.io.read(io.StringIO(text), format="extxyz")
    return found


def _family(
    name: str, group: list[dict[str, Any]], chosen: dict[str, Any], drawn: dict[str, Atoms]
) -> Family:
    pictures = [
        _picture(entry, drawn[entry["structure_id"]])
        for entry in group
        if entry.get("structure_id") in chosen and entry["structure_id"] in drawn
    ]
    atoms = _whole(group, "n_atoms")
    each = "atoms" if max(atoms, default=0) != 1 else "atom"
    parts = [
        _FAMILY_MEANING.get(name, ""),
        f"{plural(len(group), 'structure')} of {span(atoms)} {each}",
    ]
    if len(pictures) < len(group):
        parts.append(f"{count(len(pictures))} drawn, and {count(len(group) - len(pictures))} more")
    return Family(name, " · ".join(part for part in parts if part), pictures)


def _picture(entry: dict[str, Any], atoms: Atoms) -> Picture:
    title, detail = structure_title(entry), structure_detail(entry)
    free = int(free_atoms(atoms).sum())
    label = f"{entry['family']} {title}, {len(atoms)} atoms, {free} free"
    return Picture(
        title=title,
        detail=detail,
        top=Markup(structure_svg(atoms, "top", label=f"{label}, from above")),
        side=Markup(structure_svg(atoms, "side", label=f"{label}, from the side")),
    )


def _family_table(by_family: dict[str, list[dict[str, Any]]]) -> Table:
    rows = [
        [
            name,
            count(len(group)),
            span(_whole(group, "n_atoms")),
            span(_whole(group, "n_free")),
            count(sum(_whole(group, "n_atoms"))),
            _planes(group),
        ]
        for name, group in by_family.items()
    ]
    everything = [entry for group in by_family.values() for entry in group]
    total = sum(_whole(everything, "n_atoms"))
    rows.append(["all", count(len(everything)), "", "", count(total), ""])
    return Table(
        "Structures by family",
        ["family", "structures", "atoms each", "free atoms each", "atoms in all", "planes"],
        rows,
        numeric=frozenset({1, 2, 3, 4}),
        total=True,
        families=True,
    )


def _structure_table(entries: list[dict[str, Any]]) -> Table:
    shown = entries[:ROWS_SHOWN]
    more = len(entries) - len(shown)
    rows = [
        [
            str(entry["family"]),
            str(entry.get("structure_id", "")),
            structure_title(entry),
            str(entry.get("formula", "")),
            count(entry.get("n_atoms")),
            count(entry.get("n_free")),
            str(entry.get("parent_id") or "–"),
            value_text(
                {k: v for k, v in (entry.get("parameters") or {}).items() if k != "lattice"}
            ),
        ]
        for entry in shown
    ]
    caption = "Every structure and what made it"
    if more:
        caption = f"The first {ROWS_SHOWN}; {count(more)} more are in structures/structures.json"
    header = ["family", "id", "name", "formula", "atoms", "free", "parent", "parameters"]
    return Table(caption, header, rows, numeric=frozenset({4, 5}), families=True)


def _planes(group: list[dict[str, Any]]) -> str:
    planes = sorted({title for entry in group if "(" in (title := structure_title(entry))})
    text = ", ".join(planes[:12])
    return text + (f" and {len(planes) - 12} more" if len(planes) > 12 else "") if planes else "–"


def _whole(group: list[dict[str, Any]], key: str) -> list[int]:
    return [entry[key] for entry in group if isinstance(entry.get(key), int)]
