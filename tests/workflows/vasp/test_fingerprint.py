"""What decides the label is in the fingerprint, what does not is not, defaults are filled in."""

import pytest
from vasp_files import random_run, write_run

from workflows.vasp.fingerprint import drifted, settings_fingerprint
from workflows.vasp.vasprun import read_run

INCAR = {
    "METAGGA": "R2SCAN",
    "LASPH": True,
    "ENCUT": 520,
    "EDIFF": 1e-5,
    "PREC": "Accurate",
    "ISMEAR": 0,
    "SIGMA": 0.1,
}
TITLES = ("PAW_PBE Li_sv 10Sep2004", "PAW_PBE Cu 22Jun2005")


def fingerprint(titles=TITLES, length=32.0, **changes):
    return settings_fingerprint(INCAR | changes, titles, length)


@pytest.mark.parametrize(
    ("tag", "value"),
    [
        ("METAGGA", "SCAN"),
        ("ENCUT", 400),
        ("EDIFF", 1e-4),
        ("PREC", "Normal"),
        ("ISMEAR", 1),
        ("SIGMA", 0.2),
        ("ISPIN", 2),
        ("LASPH", False),
        ("LREAL", "Auto"),
        ("ADDGRID", True),
        ("LMAXMIX", 4),
        ("IVDW", 12),
        ("LHFCALC", True),
    ],
)
def test_what_decides_the_label_changes_it(tag, value):
    changed = fingerprint(**{tag: value})
    assert changed.hash != fingerprint().hash
    assert any(tag in each or "functional" in each for each in drifted(fingerprint(), changed))


@pytest.mark.parametrize(
    ("tag", "value"),
    [
        ("ALGO", "All"),
        ("NCORE", 8),
        ("ISYM", 0),
        ("IBRION", 0),
        ("MAGMOM", [1.0, 2.0]),
        ("LDIPOL", True),
        ("NELM", 200),
        ("ISPIN", 1),
        ("LREAL", False),
        ("LMAXMIX", 2),
        ("ENCUT", 520.0),
        ("PREC", "accura"),
        ("METAGGA", "R2SCA"),
        ("GGA", "PE"),
    ],
)
def test_what_does_not_decide_and_defaults_do_not_change_it(tag, value):
    assert fingerprint(**{tag: value}).hash == fingerprint().hash


def test_species_do_not_change_it_but_potentials_are_compared():
    lithium, other = fingerprint(TITLES[:1]), fingerprint(("PAW_PBE Li 17Jan2003",))
    assert lithium.hash == fingerprint().hash == other.hash
    assert drifted(fingerprint(), lithium) == []
    assert drifted(fingerprint(), other) == [
        "POTCAR PAW_PBE Li 17Jan2003 vs PAW_PBE Li_sv 10Sep2004"
    ]
    assert fingerprint(("PAW Cu 05Jan2001",)).hash != lithium.hash


def test_drift_names_found_before_expected():
    assert drifted(fingerprint(), fingerprint(ENCUT=400)) == ["ENCUT 400 vs 520"]
    assert drifted(fingerprint(), fingerprint(length=20)) == ["kpoint_length 20 vs 32"]
    assert drifted(fingerprint(), fingerprint()) == []


def test_tetrahedra_have_no_width():
    assert fingerprint(ISMEAR=-5, SIGMA=0.2).hash == fingerprint(ISMEAR=-5, SIGMA=0.05).hash


@pytest.mark.parametrize(
    ("incar", "functional"),
    [
        ({"METAGGA": "R2SCAN"}, "r2SCAN"),
        ({"METAGGA": "Scan", "LUSE_VDW": True}, "SCAN+vdW"),
        ({"GGA": "Pe"}, "PBE"),
        ({"GGA": "PS"}, "PBEsol"),
        ({"METAGGA": "--", "GGA": "--"}, "PBE"),
        ({"LDAU": True, "LDAUU": [4.0]}, "PBE+U"),
    ],
)
def test_level_of_theory(incar, functional):
    assert settings_fingerprint(incar, TITLES, 32).functional == functional


def test_written_and_read_back_give_the_same_hash(tmp_path):
    written = INCAR | {"IBRION": 2, "NSW": 3}
    incar = {key: float(value) if key == "ENCUT" else value for key, value in written.items()}
    parameters = {"ENMAX": 520.0, "ISPIN": 1, "LREAL": False, "METAGGA": "--", "ADDGRID": False}
    write_run(tmp_path, random_run(1, incar=incar, parameters=parameters))
    run = read_run(tmp_path)
    back = settings_fingerprint(run.incar, run.potcar_titles, 32.0)
    assert back.hash == settings_fingerprint(written, run.potcar_titles, 32.0).hash
