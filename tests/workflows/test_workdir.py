import errno
import json
from pathlib import Path
from unittest.mock import Mock

import pytest

from cuprolith.errors import CuprolithError
from cuprolith.json_files import read_json, write_atomically, write_json
from workflows.inputs.campaign import load_campaign
from workflows.workdir import Workdir

TEXT = """\
name: small
crystals: {Cu: {file: cu.vasp}}
structures: {bulk: {strains: [0.0]}}
"""
POSCAR = "Cu\n1.0\n0 1.8 1.8\n1.8 0 1.8\n1.8 1.8 0\nCu\n1\ndirect\n0 0 0\n"


@pytest.fixture
def campaign(tmp_path):
    (tmp_path / "cu.vasp").write_text(POSCAR)
    path = tmp_path / "campaign.yaml"
    path.write_text(TEXT)
    return load_campaign(path)


def test_frozen_workdir_stands_alone(tmp_path, campaign):
    workdir = Workdir(tmp_path / "w")
    workdir.freeze(campaign)
    (tmp_path / "cu.vasp").unlink()
    moved = (tmp_path / "w").rename(tmp_path / "moved")
    frozen = Workdir(moved).campaign()
    assert frozen.crystals["Cu"].file.read_text() == POSCAR
    environment = json.loads((moved / "environment.json").read_text())
    assert environment["campaign_hash"] == frozen.campaign_hash
    assert environment["packages"]["torch"]


def test_freezing_again_changes_nothing(tmp_path, campaign):
    workdir = Workdir(tmp_path / "w")
    workdir.freeze(campaign)
    before = {p: p.read_bytes() for p in workdir.root.rglob("*") if p.is_file()}
    workdir.freeze(campaign)
    assert {p: p.read_bytes() for p in workdir.root.rglob("*") if p.is_file()} == before


def test_another_campaign_is_refused_unless_updated(tmp_path, campaign):
    workdir = Workdir(tmp_path / "w")
    workdir.freeze(campaign)
    write_json(workdir.structures_json, {})
    other = campaign.model_copy(update={"seed": 5})
    with pytest.raises(CuprolithError, match="seed: 0 → 5"):
        workdir.freeze(other)
    assert workdir.freeze(other, update=True).seed == 5


def test_an_update_killed_between_its_files_is_completed(tmp_path, campaign, monkeypatch):
    workdir = Workdir(tmp_path / "w")
    workdir.freeze(campaign)
    other = campaign.model_copy(update={"seed": 5})
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("workflows.workdir.write_json", Mock(side_effect=KeyboardInterrupt))
        workdir.freeze(other, update=True)
    frozen = workdir.freeze(other)
    assert read_json(workdir.environment_json)["campaign_hash"] == frozen.campaign_hash


def test_frozen_campaign_is_accepted_in_its_own_workdir(tmp_path, campaign):
    workdir = Workdir(tmp_path / "w")
    frozen = workdir.freeze(campaign)
    assert workdir.freeze(load_campaign(workdir.campaign_yaml)) == frozen


def test_the_engines_model_is_copied_and_known_by_its_content(tmp_path):
    (tmp_path / "cu.vasp").write_text(POSCAR)
    model = tmp_path / "m.nequip.zip"
    model.write_bytes(b"one")
    path = tmp_path / "campaign.yaml"
    path.write_text(TEXT + "engine: {name: nequip, model: m.nequip.zip, functional: PBE}\n")
    workdir, campaign = Workdir(tmp_path / "w"), load_campaign(path)
    frozen, known = workdir.freeze(campaign), campaign.campaign_hash
    assert frozen.campaign_hash == known
    assert frozen.engine.model.is_relative_to(workdir.root.resolve())
    model.write_bytes(b"two")
    assert load_campaign(path).campaign_hash != known
    write_json(workdir.structures_json, {})
    with pytest.raises(CuprolithError, match=r"engine\.model"):
        workdir.freeze(load_campaign(path))
    assert workdir.campaign().engine.model.read_bytes() == b"one"
    workdir.campaign().engine.model.write_bytes(b"changed")
    with pytest.raises(CuprolithError, match="not the file it was copied from"):
        workdir.campaign()


def test_changed_crystal_file_is_another_campaign(tmp_path, campaign):
    workdir = Workdir(tmp_path / "w")
    workdir.freeze(campaign)
    write_json(workdir.structures_json, {})
    other = POSCAR.replace("1.8", "1.9")
    campaign.crystals["Cu"].file.write_text(other)
    with pytest.raises(CuprolithError, match=r"crystals\.Cu\.file"):
        workdir.freeze(campaign)
    assert workdir.campaign().crystals["Cu"].file.read_text() == POSCAR
    workdir.freeze(campaign, update=True)
    assert workdir.campaign().crystals["Cu"].file.read_text() == other


def test_missing_stage_names_the_verb(tmp_path, campaign):
    workdir = Workdir(tmp_path / "w")
    with pytest.raises(CuprolithError, match="cuprolith generate"):
        workdir.campaign()
    workdir.freeze(campaign)
    with pytest.raises(CuprolithError, match=r"cuprolith label --workdir"):
        workdir.require(workdir.label_results, "label")


def test_broken_json_names_the_file(tmp_path):
    path = tmp_path / "x.json"
    path.write_text('{"a": ')
    with pytest.raises(CuprolithError, match=r"x\.json"):
        read_json(path)


def test_failed_write_keeps_the_old_file(tmp_path):
    path = tmp_path / "x.txt"
    write_atomically(path, ["old"])

    def parts():
        yield "new"
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        write_atomically(path, parts())
    assert path.read_text() == "old"
    assert [p.name for p in Path(tmp_path).iterdir()] == ["x.txt"]
