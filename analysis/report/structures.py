"""Section *Structures*: what was generated, with pictures."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ase.data import chemical_symbols
from markupsafe import Markup

from analysis.pictures import legend_svg, sphere_definitions
from analysis.report.catalogue import catalogue_table, crystals_table, left_out
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
    entries = inputs.entries
    if not entries:
        section.missing = Missing("No structures have been generated yet.", command)
        return section
    by_family: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for entry in entries:
        by_family[entry["family"]].append(entry)
    section.lead = (
        f"{plural(len(entries), 'structure')} in {plural(len(by_family), 'family')}. Atoms with "
        "strong colours are free to move in a relaxation; pale ones are fixed. Dashed lines are "
        "the cell; atoms outside are its periodic images. Vacuum is not drawn."
    )
    section.tables = [_family_table(by_family)]
    section.details = [("All structures", _structure_table(entries))]
    folder = inputs.root / "structures"
    tables, section.notes = inputs.attempt(folder / "overview.json", _overview) or ([], [])
    section.tables += tables
    shown = {name: shown_entries(group) for name, group in by_family.items()}
    wanted = {entry["structure_id"] for group in shown.values() for entry in group}
    file = folder / "structures.extxyz"
    drawn = inputs.attempt(file, lambda file: read_structures(file, wanted)) or {}
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
    return [catalogue_table(overview), crystals_table(overview)], left_out(overview)


def _family_table(by_family: dict[str, list[dict[str, Any]]]) -> Table:
    atoms = {name: [entry["n_atoms"] for entry in group] for name, group in by_family.items()}
    rows = [
        [
            name,
            count(len(group)),
            span(atoms[name]),
            span(entry["n_free"] for entry in group),
            count(sum(atoms[name])),
            _planes(group),
        ]
        for name, group in by_family.items()
    ]
    structures = count(sum(map(len, atoms.values())))
    rows.append(["all", structures, "", "", count(sum(map(sum, atoms.values()))), ""])
    header = ["family", "structures", "atoms each", "free atoms each", "atoms in all", "planes"]
    return Table("Structures by family", header, rows, range(1, 5), total=True, families=True)


def _structure_table(entries: list[dict[str, Any]]) -> Table:
    rows = [
        [
            entry["family"],
            entry["structure_id"],
            structure_title(entry),
            entry["formula"],
            count(entry["n_atoms"]),
            count(entry["n_free"]),
            entry["parent_id"] or "–",
            value_text({k: v for k, v in entry["parameters"].items() if k != "lattice"}),
        ]
        for entry in entries[:ROWS_SHOWN]
    ]
    caption = "Every structure and what made it"
    if (more := len(entries) - ROWS_SHOWN) > 0:
        caption = f"The first {ROWS_SHOWN}; {count(more)} more are in structures/structures.json"
    header = ["family", "id", "name", "formula", "atoms", "free", "parent", "parameters"]
    return Table(caption, header, rows, {4, 5}, families=True)


def _planes(group: list[dict[str, Any]]) -> str:
    planes = sorted({title for entry in group if "(" in (title := structure_title(entry))})
    text = ", ".join(planes[:12])
    return text + (f" and {len(planes) - 12} more" if len(planes) > 12 else "") if planes else "–"
