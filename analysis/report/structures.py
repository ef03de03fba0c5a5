"""Section *Structures*: what was generated, with pictures."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ase.data import chemical_symbols
from markupsafe import Markup

from analysis.pictures import legend_svg, sphere_definitions
from analysis.report.catalogue import catalogue_table, crystals_table, passed_over
from analysis.report.contact_sheet import (
    FamilyPictures,
    contact_sheet,
    read_structures,
    shown_entries,
)
from analysis.report.content import Missing, Section, Table, count, plural, span, value_text
from analysis.report.inputs import Inputs, json_mapping
from analysis.report.structure_names import structure_title

ROWS_SHOWN = 200


@dataclass
class StructuresSection(Section):
    """The section, with families and the shared definitions of their pictures."""

    families: list[FamilyPictures] = field(default_factory=list)
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
    folder = inputs.root / "structures"
    tables, section.notes = inputs.attempt(folder / "overview.json", _overview) or ([], [])
    section.tables += tables
    shown = {name: shown_entries(group) for name, group in by_family.items()}
    wanted = {str(entry.get("structure_id")) for group in shown.values() for entry in group}
    drawn = (
        inputs.attempt(folder / "structures.extxyz", lambda file: read_structures(file, wanted))
        or {}
    )
    section.families = [
        contact_sheet(name, group, shown[name], drawn) for name, group in by_family.items()
    ]
    numbers = sorted({int(z) for atoms in drawn.values() for z in atoms.numbers})
    section.definitions = Markup(sphere_definitions(numbers))
    section.legend = [
        (Markup(legend_svg(z, free=free)), f"{chemical_symbols[z]}, {'free' if free else 'fixed'}")
        for z in numbers
        for free in (True, False)
    ]
    return section


def _overview(path: Path) -> tuple[list[Table], list[str]]:
    """Tables and notes of ``overview.json``."""
    overview = json_mapping(path)
    return [catalogue_table(overview), crystals_table(overview)], passed_over(overview)


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
