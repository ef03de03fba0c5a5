import pytest
from pymatgen.core import SETTINGS

from cuprolith.errors import CuprolithError
from workflows.engines.vasp import potcars
from workflows.engines.vasp.potcars import (
    campaign_potcars,
    families_present,
    potcar_directory,
    potcar_problems,
    potentials_present,
    program_of_release,
    require_same_potcars,
)
from workflows.engines.vasp.settings import VaspSettings

REHEARSAL = VaspSettings(vasp_cmd="cuprolith-vasp-rehearsal")


@pytest.fixture
def directory(tmp_path):
    potcars = REHEARSAL.program.potcars
    return potcars.directory(tmp_path, REHEARSAL.potcar_family, REHEARSAL.potcars.values())


def test_missing_folder_of_potentials_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.delenv("PMG_VASP_PSP_DIR", raising=False)
    monkeypatch.setitem(SETTINGS, "PMG_VASP_PSP_DIR", None)
    with pytest.raises(CuprolithError, match="PMG_VASP_PSP_DIR is not set") as caught:
        potcar_directory()
    assert "pmg config" in caught.value.remedy
    monkeypatch.setenv("PMG_VASP_PSP_DIR", str(tmp_path / "absent"))
    with pytest.raises(CuprolithError, match="names no folder"):
        potcar_directory()


def test_facts_of_potentials_in_the_order_asked_for(directory):
    found = campaign_potcars(REHEARSAL, ["Cu", "Li"], directory)
    assert [potcar.facts.titel for potcar in found] == [
        "PAW_PBE Cu_pv 06Sep2000",
        "PAW_PBE Li_sv 10Sep2004",
    ]
    assert [potcar.facts.zval for potcar in found] == [17, 3]
    assert len({potcar.facts.sha256 for potcar in found}) == 2


def test_release_that_lacks_a_potential_offers_what_is_there(directory):
    settings = VaspSettings(vasp_cmd=REHEARSAL.vasp_cmd, potcars={"Cu": "Cu_GW"})
    with pytest.raises(CuprolithError, match="PBE_54 has no POTCAR of Cu_GW") as caught:
        campaign_potcars(settings, ["Cu"], directory)
    assert "Cu_pv" in caught.value.remedy
    assert caught.value.key == "engine.vasp.potcars.Cu"
    other = VaspSettings(vasp_cmd=REHEARSAL.vasp_cmd, potcar_family="PBE_64")
    with pytest.raises(CuprolithError, match="PBE_64") as caught:
        campaign_potcars(other, ["Cu"], directory)
    assert "not there at all" in caught.value.remedy
    assert families_present(directory) == ["PBE_54"]


def test_placeholders_never_reach_vasp(directory):
    with pytest.raises(CuprolithError, match="placeholder"):
        campaign_potcars(VaspSettings(vasp_cmd="vasp_std"), ["Li"], directory)


def test_exchanged_files_are_found_out(directory):
    (lithium,) = directory.rglob("*Li_sv*")
    (copper,) = directory.rglob("*Cu_pv*")
    lithium.write_text(copper.read_text())
    with pytest.raises(CuprolithError, match="is named Li_sv but says TITEL"):
        campaign_potcars(REHEARSAL, ["Li"], directory)
    lithium.write_text("garbage")
    with pytest.raises(CuprolithError, match="not a readable POTCAR"):
        campaign_potcars(REHEARSAL, ["Li"], directory)


def test_mixed_releases_are_refused(directory, monkeypatch):
    monkeypatch.setattr(potcars, "_families", lambda _single: ("PBE_52", "PBE_64"))
    with pytest.raises(CuprolithError, match="not of PBE_54: releases are mixed"):
        campaign_potcars(REHEARSAL, ["Li"], directory)


def test_potentials_stay_the_same_within_a_campaign(directory, tmp_path):
    record = tmp_path / "potcars.json"
    both = campaign_potcars(REHEARSAL, ["Li", "Cu"], directory)
    require_same_potcars(record, both[:1])
    require_same_potcars(record, both)
    (lithium,) = directory.rglob("*Li_sv*")
    lithium.write_text(lithium.read_text().replace("PLACEHOLDER", "PLACEHOLDER "))
    changed = campaign_potcars(VaspSettings(vasp_cmd=REHEARSAL.vasp_cmd), ["Li"], directory)
    with pytest.raises(CuprolithError, match="POTCAR of Li is not that of this campaign's"):
        require_same_potcars(record, changed)


def test_all_that_is_missing_is_told_at_once(directory, monkeypatch):
    monkeypatch.setenv("PMG_VASP_PSP_DIR", str(directory))
    settings = VaspSettings(vasp_cmd="vasp_std", potcars={"Cu": "Cu_pv", "Fe": "Fe_pv"})
    unnamed, placeholder, absent = potcar_problems(settings, ["O", "Mg", "Cu", "Fe"])
    assert unnamed.message == "no potential is named for O, Mg"
    assert "{Cu: Cu_pv, Fe: Fe_pv, O: O, Mg: Mg_pv}" in unnamed.remedy
    assert "Cu_pv is a placeholder" in placeholder.message
    assert absent.key == "engine.vasp.potcars.Fe"
    # A rehearsal writes its own placeholders, of what the campaign names.
    rehearsal = settings.model_copy(update={"vasp_cmd": REHEARSAL.vasp_cmd})
    assert [p.message for p in potcar_problems(rehearsal, ["O", "Cu"])] == [
        "no potential is named for O"
    ]
    assert potcar_problems(rehearsal, ["Cu", "Fe"]) == []


def test_potentials_that_are_there(directory):
    assert potentials_present(directory, "PBE_54") == ["Cu_pv", "Li_sv"]
    assert program_of_release(directory, "PBE_54") == REHEARSAL.program
