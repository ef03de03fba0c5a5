"""Counts and costs of a catalogue, as the report shows them."""

from analysis.report.catalogue import catalogue_table, left_out


def overview(**changes):
    cost = {"atoms_cubed": 1000, "with_kpoints": 5000}
    family = {
        "family": "slab", "structures": 26, "published": 30, "atoms": 900, "atoms_min": 10,
        "atoms_median": 37.5, "atoms_max": 80, "free_atoms": 300, "cost": cost,
        "pymatgen_cells": {"structures": 26, "here": cost,
                           "there": {"atoms_cubed": 83_000, "with_kpoints": 50_000}},
    }  # fmt: skip
    return {"families": [family | changes], "total": family | {"family": "all"},
            "published_source": "A. Author 2026"}  # fmt: skip


def test_catalogue_next_to_the_publication_and_pymatgens_cells():
    table = catalogue_table(overview())
    assert "A. Author 2026" in table.caption
    row = dict(zip(table.header, table.rows[0], strict=True))
    assert (row["structures"], row["published"], row["difference"]) == ("26", "30", "−4")
    assert row["atoms min/median/max"] == "10/37.5/80"
    assert row["Σ N³"] == "1.0e3"
    assert row["pymatgen's cells ×"] == "83.0"
    assert row["with k-points ×"] == "10.0"
    assert [row[0] for row in table.rows] == ["slab", "all"]


def test_catalogue_without_counterparts_shows_dashes():
    none = {"atoms_cubed": 0, "with_kpoints": 0}
    cells = {"structures": 0, "here": none, "there": none}
    (row, _) = catalogue_table(overview(published=None, pymatgen_cells=cells)).rows
    assert row[2:4] == ["–", "–"]
    assert row[-2:] == ["–", "–"]
    alone = catalogue_table({**overview(), "published_source": ""})
    assert "published" not in alone.header
    assert all(len(row) == len(alone.header) for row in alone.rows)


def test_what_is_left_out_is_listed():
    notes = [f"note {i}" for i in range(25)]
    lines = left_out({"notes": notes, "duplicates": [{"structure_id": "a"}]})
    assert lines[:20] == notes[:20]
    assert lines[20].startswith("5 more notes")
    assert lines[21].startswith("1 duplicate ")
    assert left_out({}) == []
