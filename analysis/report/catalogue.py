"""Tables of ``structures/overview.json``: counts and costs of a catalogue."""

from __future__ import annotations

from typing import Any

from analysis.report.content import Table, count, number, plural

_NOTES_SHOWN = 20


def catalogue_table(overview: dict[str, Any]) -> Table:
    """Make the table of counts, next to published ones, and of costs, next to pymatgen's cells."""
    source = overview.get("published_source")
    header = ["family", "structures", "atoms min/median/max", "free atoms", "Σ N³"]
    header += ["pymatgen's cells ×", "with k-points ×"]
    if source:
        header[2:2] = ["published", "difference"]
    groups = [*overview["families"], overview["total"]]
    rows = [_row(group, published=bool(source)) for group in groups]
    beside = f"Counts beside {source}" if source else "Counts"
    caption = f"{beside}; relative DFT cost, and how much more on pymatgen's oriented unit cells"
    return Table(caption, header, rows, range(1, len(header)), total=True, families=True)


def crystals_table(overview: dict[str, Any]) -> Table:
    """Make the table of lattice constants and where they come from."""
    rows = [
        [
            name,
            ", ".join(f"{key} {value:g}" for key, value in crystal["constants"].items()),
            crystal["source"],
        ]
        for name, crystal in overview["crystals"].items()
    ]
    return Table("Lattice constants (Å, degrees)", ["crystal", "constants", "source"], rows)


def left_out(overview: dict[str, Any]) -> list[str]:
    """List what was asked for and left out: skipped, or equal to another structure."""
    notes = overview.get("notes") or []
    texts = notes[:_NOTES_SHOWN]
    if len(notes) > _NOTES_SHOWN:
        more = plural(len(notes) - _NOTES_SHOWN, "more note")
        texts.append(f"{more} in structures/overview.json")
    if duplicates := overview.get("duplicates"):
        texts.append(
            f"{plural(len(duplicates), 'duplicate')} of other structures left out; "
            "structures/overview.json names them"
        )
    return texts


def _row(family: dict[str, Any], *, published: bool) -> list[str]:
    cells = family["pymatgen_cells"]
    sizes = [family["atoms_min"], family["atoms_median"], family["atoms_max"]]
    row = [
        family["family"],
        count(family["structures"]),
        "/".join(f"{size:g}" for size in sizes) if family["structures"] else "–",
        count(family["free_atoms"]),
        _power_of_ten(family["cost"]["atoms_cubed"]),
        *(_times(cells, what) for what in ("atoms_cubed", "with_kpoints")),
    ]
    if published:
        there = family.get("published")
        difference = None if there is None else family["structures"] - there
        row[2:2] = [count(there), _signed(difference)]
    return row


def _power_of_ten(value: int) -> str:
    """Two digits with an exponent, so that families compare at a glance."""
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"{mantissa}e{int(exponent)}" if value else "0"


def _signed(difference: int | None) -> str:
    text = count(abs(difference)) if difference is not None else "–"
    return f"{'+' if difference > 0 else '−'}{text}" if difference else text


def _times(cells: dict[str, Any], what: str) -> str:
    here, there = cells["here"][what], cells["there"][what]
    return number(there / here) if here else "–"
