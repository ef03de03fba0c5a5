"""`cuprolith generate` prints the overview of what it made."""

import pytest
from typer.testing import CliRunner

from workflows.cli.main import app

CAMPAIGN = """\
name: small
crystals:
  Cu: {prototype: fcc, a: 3.6, source: "[handbook]"}
structures:
  bulk: {strains: [0.0]}
  slabs:
    - {crystal: Cu, miller_indices: [[1, 0, 0], [1, 1, 1]], min_thickness: 6.0, vacuum: 6.0}
"""
PUBLISHED = """\
published:
  source: "A. Author [2026]"
  counts: {slab: 3, interface: 13}
"""


@pytest.fixture
def printed(tmp_path, monkeypatch):
    """Lines that `generate` prints for a campaign."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")

    def generate(text):
        (tmp_path / "campaign.yaml").write_text(text)
        result = CliRunner().invoke(app, ["generate", "campaign.yaml", "--workdir", "w"])
        assert result.exit_code == 0, result.output
        return result.output

    return generate


def cells(output, family):
    (row,) = (line for line in output.splitlines() if line.startswith(f"│ {family} "))
    return [cell.strip() for cell in row.strip("│ ").split("│")]


def test_published_counts_and_differences_are_shown(printed):
    output = printed(CAMPAIGN + PUBLISHED)
    assert cells(output, "slab")[1:3] == ["2", "3 (-1)"]
    assert cells(output, "bulk")[1:3] == ["1", "–"]
    assert cells(output, "interface")[1:4] == ["0", "13 (-13)", "–"]
    assert cells(output, "all")[1:3] == ["3", "16 (-13)"]
    assert "published: A. Author [2026]" in output
    assert "Cu: a 3.6; [handbook]" in output


def test_without_a_publication_there_are_no_such_columns(printed):
    output = printed(CAMPAIGN)
    assert "published" not in output
    bulk, slab = cells(output, "bulk"), cells(output, "slab")
    assert bulk[-2:] == ["–", "–"]
    assert float(slab[-2]) > 1
    assert "✓ 3 structures (1 bulk, 2 slab)" in output
