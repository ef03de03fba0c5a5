"""The reference of settings, made from the code."""

import runpy
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_each_key_has_a_meaning():
    page = runpy.run_path(str(ROOT / "docs" / "reference_pages.py"))["settings_page"]()
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    assert len(rows) > 100
    assert [row for row in rows if row.rstrip().endswith("|  |")] == []
