"""Section ``validation`` of a campaign."""

from dataclasses import replace

import pytest

from analysis.validation.property import PROPERTIES, Property, Tolerance
from workflows.inputs.campaign import load_campaign
from workflows.inputs.campaign_errors import CampaignError
from workflows.stage import campaign_stages

TEXT = "name: tiny\ncrystals:\n  Cu: {prototype: fcc, a: 3.6}\nstructures:\n  bulk: {}\n"


@pytest.fixture(autouse=True)
def two_properties(monkeypatch):
    one = Property("bulk_modulus", "Bulk modulus", "GPa", list, Tolerance(), "crystals", "B.")
    both = {"bulk_modulus": one, "drift": replace(one, name="drift")}
    monkeypatch.setitem(PROPERTIES.__dict__, "entries", both)


def campaign(tmp_path, section=""):
    path = tmp_path / "campaign.yaml"
    path.write_text(TEXT + section)
    return load_campaign(path)


def test_all_properties_are_the_default_and_change_no_hash(tmp_path):
    default, chosen = (
        campaign(tmp_path, text) for text in ("", "validation: {properties: [drift]}\n")
    )
    assert default.validation.properties is None
    assert chosen.validation.properties == ("drift",)
    assert default.campaign_hash == campaign(tmp_path, "validation: {}\n").campaign_hash
    assert default.campaign_hash != chosen.campaign_hash


def test_none_is_no_stage(tmp_path):
    with_it, without = (
        [stage.name for stage in campaign_stages(campaign(tmp_path, text))]
        for text in ("", "validation: {properties: []}\n")
    )
    assert [name for name in with_it if name not in without] == ["validate"]


def test_a_wrong_name_is_refused_with_its_place_and_the_nearest(tmp_path):
    with pytest.raises(CampaignError) as raised:
        campaign(tmp_path, "validation:\n  properties: [bulk_modulos]\n")
    said = str(raised.value)
    assert "campaign.yaml:7: validation.properties" in said
    assert "did you mean bulk_modulus?" in said
