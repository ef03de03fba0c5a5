"""Bad input: one clear error with place and remedy, exit code 1, no traceback, nothing lost."""

import importlib.util

import pytest
from typer.testing import CliRunner

from cuprolith.lock import workdir_lock
from workflows.cli.main import app

CAMPAIGN = """\
name: small
crystals:
  Cu: {prototype: fcc, a: 3.6}
  Li: {prototype: bcc, a: 3.45}
structures:
  slabs:
    - {crystal: Cu, miller_indices: [[1, 0, 0]], min_thickness: 6.0, vacuum: 6.0}
"""
INTERFACE = """\
  interfaces:
    - {substrate: Cu, film: Li, substrate_miller: [1, 0, 0], film_miller: [1, 1, 1],
       substrate_thickness: 6.0, film_thickness: 6.0, max_strain: 0.001, max_atoms: 20}
"""


@pytest.fixture
def give(tmp_path, monkeypatch):
    """Give a command in an empty folder that holds campaign.yaml."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    (tmp_path / "campaign.yaml").write_text(CAMPAIGN)

    def run(*arguments):
        return CliRunner().invoke(app, list(arguments))

    return run


def assert_refused(result, *parts):
    assert result.exit_code == 1, result.output
    assert "Traceback" not in result.output
    assert "→" in result.output
    for part in parts:
        assert part in result.output


def test_generate_prints_what_it_made(give, tmp_path):
    result = give("generate", "campaign.yaml")
    assert result.exit_code == 0, result.output
    assert "1 structure (1 slab)" in result.output
    assert (tmp_path / "campaigns/small/structures/structures.extxyz").is_file()


def test_plan_computes_and_writes_nothing(give, tmp_path):
    result = give("plan", "campaign.yaml", "--json")
    assert result.exit_code == 0
    assert '"structures":' in result.output
    assert [path.name for path in tmp_path.iterdir()] == ["campaign.yaml"]


def test_unknown_key(give, tmp_path):
    (tmp_path / "campaign.yaml").write_text(CAMPAIGN.replace("vacuum", "vaccum"))
    assert_refused(give("run", "campaign.yaml"), "campaign.yaml:7", "did you mean `vacuum`?")
    assert not (tmp_path / "campaigns").exists()


def test_missing_campaign(give):
    assert_refused(give("run", "absent.yaml"), "absent.yaml", "no such campaign")


def test_neither_campaign_nor_workdir(give):
    assert_refused(give("label"), "no campaign and no workdir given")


def test_interface_that_no_match_satisfies(give, tmp_path):
    (tmp_path / "campaign.yaml").write_text(CAMPAIGN + INTERFACE)
    for verb in ("generate", "plan", "run"):
        result = give(verb, "campaign.yaml")
        assert_refused(result, "campaign.yaml", "structures.interfaces[0]", "max_atoms")


def test_unknown_crystal(give, tmp_path):
    (tmp_path / "campaign.yaml").write_text(CAMPAIGN.replace("crystal: Cu", "crystal: Cuu"))
    assert_refused(give("generate", "campaign.yaml"), "structures.slabs[0]", "Cu")


def test_file_that_is_no_structure(give, tmp_path):
    (tmp_path / "cu.cif").write_text("not a CIF")
    text = CAMPAIGN.replace("prototype: fcc, a: 3.6", "file: cu.cif")
    (tmp_path / "campaign.yaml").write_text(text)
    assert_refused(give("generate", "campaign.yaml"), "cu.cif", "crystals.Cu", "no atoms")


def test_engine_that_is_not_installed(give, monkeypatch):
    assert give("generate", "campaign.yaml").exit_code == 0
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name: None if name == "diep" else find_spec(name)
    )
    assert_refused(give("label", "campaign.yaml"), "engine.name", "pip install diep")


@pytest.mark.parametrize(
    ("verb", "needed"), [("label", "generate"), ("collect", "label"), ("train", "collect")]
)
def test_stage_before_its_time_names_the_missing_verb(give, verb, needed):
    assert_refused(give(verb, "campaign.yaml"), f"cuprolith {needed} --workdir")


def test_another_campaign_in_the_same_workdir(give, tmp_path):
    assert give("generate", "campaign.yaml").exit_code == 0
    (tmp_path / "campaign.yaml").write_text(CAMPAIGN.replace("a: 3.6", "a: 3.7"))
    assert_refused(
        give("generate", "campaign.yaml"), "crystals.Cu.a: 3.6 → 3.7", "another --workdir"
    )
    assert give("generate", "campaign.yaml", "--update").exit_code == 0


def test_busy_workdir(give, tmp_path):
    with workdir_lock(tmp_path / "campaigns" / "small"):
        assert_refused(give("generate", "campaign.yaml"), "works in this workdir", "kill")


def test_workdir_that_cannot_be_made(give, tmp_path):
    (tmp_path / "file").write_text("")
    result = give("generate", "campaign.yaml", "--workdir", "file")
    assert_refused(result, "file")


def test_debug_shows_the_traceback(give):
    result = give("run", "absent.yaml", "--debug")
    assert result.exit_code != 0
    assert type(result.exception).__name__ == "CampaignError"


def test_unexpected_fault_is_called_internal(give, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError("surprise")

    monkeypatch.setattr("workflows.overview.make_overview", broken)
    result = give("generate", "campaign.yaml")
    assert result.exit_code == 70
    assert "internal error" in result.output
    assert "--debug" in result.output
