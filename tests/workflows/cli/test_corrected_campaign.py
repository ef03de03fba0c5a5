"""A campaign that fails before anything is made does not keep its corrected file out."""

import pytest
from typer.testing import CliRunner

from workflows.cli.main import app

CAMPAIGN = """\
name: small
crystals:
  Cu: {prototype: fcc, a: 3.6}
structures:
  bulk: {strains: [0.0]}
  slabs:
    - {crystal: Cu, miller_indices: [[1, 0, 0]], min_thickness: 6.0, vacuum: 6.0}
"""
WRONG = {
    "a crystal that no slab can be cut of": (
        "crystal: Cu",
        "crystal: Au",
        "mine.yaml:7: structures.slabs[0]",
    ),
    "a file that is no structure": (
        "{prototype: fcc, a: 3.6}",
        "{file: cu.vasp}",
        "cu.vasp: crystals.Cu.file: ",
    ),
}


@pytest.mark.parametrize("verb", ["generate", "run"])
@pytest.mark.parametrize("wrong", WRONG)
def test_the_error_names_the_users_file_and_the_corrected_one_is_taken(
    tmp_path, monkeypatch, verb, wrong
):
    monkeypatch.setenv("COLUMNS", "1000")
    old, new, place = WRONG[wrong]
    campaign = tmp_path / "mine.yaml"
    (tmp_path / "cu.vasp").write_text("Cu\n1.0\n")

    def give(verb, text):
        campaign.write_text(text)
        return CliRunner().invoke(app, [verb, str(campaign), "--workdir", str(tmp_path / "w")])

    failed = give(verb, CAMPAIGN.replace(old, new))
    assert failed.exit_code == 1, failed.output
    assert f"{tmp_path / place}" in failed.output
    assert str(tmp_path / "w") not in failed.output

    corrected = give("generate", CAMPAIGN)
    assert corrected.exit_code == 0, corrected.output
    changed = give("generate", CAMPAIGN.replace("[0.0]", "[0.0, 0.01]"))
    assert changed.exit_code == 1  # something has been made with it
    assert "--update" in changed.output
