import importlib.util

from workflows.doctor import examine


def by_subject():
    return {check.subject: check for check in examine()}


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
