import importlib.util

from workflows.doctor import examine
from workflows.inputs.campaign import Campaign


def by_subject(campaign=None):
    return {check.subject: check for check in examine(campaign)}


def test_all_engines_are_examined():
    checks = by_subject()
    assert {"Python", "torch", "GPU", "trainer", "engine diep-r2scan"} <= set(checks)
    assert checks["engine diep-r2scan"].status == "ok"
    assert checks["engine chgnet-r2scan"].status == "ok"


def test_missing_engine_comes_with_a_remedy(monkeypatch):
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name: None if name == "chgnet" else find_spec(name)
    )
    check = by_subject()["engine chgnet-r2scan"]
    assert check.status == "missing"
    assert check.remedy == "pip install chgnet"


def test_vasp_that_is_not_there_is_noted_with_a_remedy(monkeypatch):
    from pymatgen.core import SETTINGS

    monkeypatch.setenv("VASP_CMD", "no-such-vasp")
    monkeypatch.delenv("PMG_VASP_PSP_DIR", raising=False)
    monkeypatch.setitem(SETTINGS, "PMG_VASP_PSP_DIR", None)
    checks = by_subject()
    assert checks["engine vasp"].status == "note"
    assert "VASP_CMD" in checks["engine vasp"].remedy
    assert checks["VASP potentials"].status == "note"
    assert "pmg config" in checks["VASP potentials"].remedy


def test_vasp_and_its_potentials_are_examined(monkeypatch, tmp_path):
    from workflows.vasp_rehearsal.potcars import write_placeholder_potcars

    write_placeholder_potcars(tmp_path, "PBE_54", ["Li_sv", "Cu_pv"])
    monkeypatch.setenv("PMG_VASP_PSP_DIR", str(tmp_path))
    monkeypatch.setenv("VASP_CMD", "cuprolith-vasp-rehearsal")
    checks = by_subject()
    assert checks["engine vasp"].status == "ok"
    assert "a rehearsal" in checks["engine vasp"].found
    assert checks["VASP potentials"].status == "ok"
    assert checks["VASP potentials"].found.startswith("2 of PBE_54")
    monkeypatch.setenv("VASP_CMD", "env")
    assert "placeholder" in by_subject()["VASP potentials"].found


def iron_on_magnesia(**engine):
    crystals = {
        "MgO": {"prototype": "rocksalt", "a": 4.19},
        "Fe": {"prototype": "bcc", "a": 2.86},
    }
    return Campaign.model_validate(
        {"name": "mgo_fe", "crystals": crystals, "structures": {"bulk": {}}, "engine": engine}
    )


def test_a_campaigns_engine_is_examined_for_its_elements(monkeypatch, tmp_path):
    from workflows.vasp_rehearsal.potcars import write_placeholder_potcars

    write_placeholder_potcars(tmp_path, "PBE_54", ["Fe_pv"])
    monkeypatch.setenv("PMG_VASP_PSP_DIR", str(tmp_path))
    rehearsal = "cuprolith-vasp-rehearsal"
    campaign = iron_on_magnesia(name="vasp", vasp={"vasp_cmd": rehearsal})
    checks = [check for check in examine(campaign) if check.subject != "engine gpaw"]
    shown = " ".join(f"{check.subject} {check.found}" for check in checks[-3:])
    assert not {"Li", "Cu"} & set(shown.replace(",", " ").split())
    missing, *notes = checks[-3:]
    assert (missing.subject, missing.status) == ("VASP potentials of O, Mg, Fe", "missing")
    assert "{O: O, Mg: Mg_pv, Fe: Fe_pv}" in missing.remedy
    assert [note.status for note in notes] == ["note", "note"]
    assert "Fe can be magnetic" in notes[0].found
    assert "MgO may be an insulator" in notes[1].found


def test_a_campaign_of_an_embedded_engine_has_nothing_against_it():
    check = by_subject(iron_on_magnesia(name="diep-r2scan"))["campaign mgo_fe"]
    assert check.status == "ok"
