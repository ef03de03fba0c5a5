"""The contact sheet: some structures of each family from above and from the side."""

from __future__ import annotations

import io
import re
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ase.io
from ase import Atoms
from markupsafe import Markup

from analysis.pictures import free_atoms, structure_svg
from analysis.report.content import count, plural, span
from analysis.report.structure_names import structure_detail, structure_title
from cuprolith.words import noun_of
from generators.family import kind_of

PICTURES_OF_FEW = 5  # of a family with no more planes than this
PICTURES_OF_MANY = 26  # otherwise: one per plane, such as 13 of each of two cubic crystals

_STRUCTURE_ID = re.compile(rb'\bstructure_id="?([^"\s]+)"?')


@dataclass(frozen=True)
class Picture:
    """One structure from above and from the side."""

    title: str
    detail: str
    top: Markup
    side: Markup


@dataclass(frozen=True)
class FamilyPictures:
    """Pictures of some of a family's structures.

    Attributes
    ----------
    compact
        Whether there are so many that they are drawn small.
    """

    name: str
    facts: str
    pictures: list[Picture]
    compact: bool


def shown_entries(group: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Choose the structures of a family that are drawn, always the same.

    Many planes: one structure each, another one from plane to plane, so that sites and coordination
    numbers vary. Few planes: some structures, evenly spread.

    Parameters
    ----------
    group
        A family's ``structures`` of ``structures.json``.
    """
    by_title: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for entry in group:
        by_title[structure_title(entry)].append(entry)
    if len(by_title) <= PICTURES_OF_FEW:
        return evenly_chosen(group, PICTURES_OF_FEW)
    one_each = [entries[i % len(entries)] for i, entries in enumerate(by_title.values())]
    return evenly_chosen(one_each, PICTURES_OF_MANY)


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


def contact_sheet(
    name: str,
    group: Sequence[dict[str, Any]],
    shown: Sequence[dict[str, Any]],
    drawn: dict[str, Atoms],
) -> FamilyPictures:
    """Draw a family.

    Parameters
    ----------
    group, shown
        All its entries of ``structures.json``, and those to draw.
    drawn
        Structures by id; entries without one are left out.
    """
    pictures = [
        _picture(entry, drawn[entry["structure_id"]])
        for entry in shown
        if entry["structure_id"] in drawn
    ]
    atoms = [entry["n_atoms"] for entry in group]
    sizes = f"{span(atoms)} {noun_of(max(atoms), 'atom')}"
    parts = [kind_of(name).caption, f"{plural(len(group), 'structure')} of {sizes}"]
    if len(pictures) < len(group):
        parts.append(f"{count(len(pictures))} drawn, and {count(len(group) - len(pictures))} more")
    facts = " · ".join(filter(None, parts))
    return FamilyPictures(name, facts, pictures, compact=len(shown) > PICTURES_OF_FEW)


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
