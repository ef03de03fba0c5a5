"""Output of ``cuprolith generate``: the overview of the catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from workflows.stage_commands.console import console

if TYPE_CHECKING:
    from workflows.overview import FamilyOverview
    from workflows.stages.generate import GenerateSummary

_NOTES_SHOWN = 10


def show_overview(summary: GenerateSummary) -> None:
    """Print families with counts, sizes and costs, then what was skipped or left out."""
    overview = summary.overview
    table = Table(title=f"campaign {overview.campaign} ({overview.campaign_hash})")
    table.add_column("family")
    headers = ["count", "atoms", "Σ N³", "× N³", "× N³k"]
    if overview.published_source:
        headers.insert(1, "published")
    for header in headers:
        table.add_column(header, justify="right")
    for family in overview.families:
        table.add_row(*_row(family, published=bool(overview.published_source)))
    table.add_section()
    table.add_row(*_row(overview.total, published=bool(overview.published_source)))
    console.print(table)
    if overview.published_source:
        console.print(f"published: {escape(overview.published_source)}")
    console.print(
        "atoms: minimum/median/maximum. Σ N³: relative cost of DFT. ×: cost of the same slabs and "
        "defects on the oriented unit cells of pymatgen's SlabGenerator, divided by the cost here, "
        "without and with k-points"
    )
    for name, crystal in overview.crystals.items():
        constants = ", ".join(f"{key} {value:g}" for key, value in crystal.constants.items())
        console.print(f"{escape(name)}: {constants}; {escape(crystal.source)}")
    for note in overview.notes[:_NOTES_SHOWN]:
        console.print(f"[yellow]•[/] {escape(note)}")
    if len(overview.notes) > _NOTES_SHOWN:
        console.print(f"  {len(overview.notes) - _NOTES_SHOWN} more notes in overview.json")
    if overview.duplicates:
        console.print(f"{len(overview.duplicates)} duplicates left out; overview.json names them")


def _row(family: FamilyOverview, *, published: bool) -> list[str]:
    cells = family.pymatgen_cells
    row = [
        family.family,
        str(family.structures),
        f"{family.atoms_min}/{family.atoms_median:g}/{family.atoms_max}" if family.atoms else "–",
        f"{family.cost.atoms_cubed:.1e}".replace("e+0", "e").replace("e+", "e"),
        _times(cells.atoms_cubed_ratio),
        _times(cells.with_kpoints_ratio),
    ]
    if published:
        row.insert(2, _published_count(family))
    return row


def _published_count(family: FamilyOverview) -> str:
    """Return the published count, and how many more there are here."""
    if family.published is None:
        return "–"
    difference = f" ({family.difference:+d})" if family.difference else ""
    return f"{family.published}{difference}"


def _times(ratio: float | None) -> str:
    return "–" if ratio is None else f"{ratio:.3g}"
