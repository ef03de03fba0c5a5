"""What can change a label is in the fingerprint, what cannot is not, spelling does not matter."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from vasp_files import random_run, write_run

from workflows.engines.vasp.fingerprint import (
    drifted,
    is_setting,
    run_fingerprint,
    settings_fingerprint,
)
from workflows.engines.vasp.tag_values import is_read
from workflows.engines.vasp.vasprun import read_run

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
# What VASP lists of a plain run (6.1 and 5.4), written out here tag by tag.
LISTED = {
    "ENMAX": 520.0,
    "ENAUG": 644.87,
    "ENINI": 520.0,
    "ISPIN": 1,
    "LREAL": False,
    "ROPT": [-0.00025, -0.00025],
    "METAGGA": "--",
    "GGA": "--",
    "NELECT": 14.0,
    "NUPDOWN": -1.0,
    "LNONCOLLINEAR": False,
    "LSORBIT": False,
    "SAXIS": [0.0, 0.0, 1.0],
    "QSPIRAL": [0.0, 0.0, 0.0],
    "I_CONSTRAINED_M": 0,
    "LAMBDA": 1.0,
    "LMAXPAW": -100,
    "NLSPLINE": False,
    "LDIPOL": False,
    "LMONO": False,
    "EPSILON": 1.0,
    "EFIELD": 0.0,
    "PSTRESS": 0.0,
    "SCALEE": 1.0,
    "LCORR": True,
    "GGA_COMPAT": True,
    "LHFCALC": False,
    "PRECFOCK": "",
    "AEXX": 0.0,
    "AGGAX": 1.0,
    "ALDAX": 1.0,
    "HFSCREEN": 0.0,
    "LMAXFOCK": 0,
    "LUSE_VDW": False,
    "Zab_VDW": -0.8491,
    "PARAM1": 0.1234,
    "MODEL_EPS0": 21.2692519,
    "LSOL": False,
    "LDAU": False,
    "ICHARG": 2,
    "ADDGRID": False,
    "VOSKOWN": 0,
    "LMETAGGA": False,
    "DARWINV": [1.0, 1.0],
}


def fingerprint(titles=TITLES, length=32.0, charge=None, **changes):
    return settings_fingerprint(INCAR | changes, titles, length, charge=charge)


@pytest.mark.parametrize(
    "changes",
    [
        {"METAGGA": "SCAN"},
        {"METAGGA": "R2SCANL"},
        {"METAGGA": "LIBXC"},
        {"LIBXC1": "MGGA_X_R2SCAN"},
        {"ENCUT": 400},
        {"EDIFF": 1e-4},
        {"PREC": "Normal"},
        {"PREC": "High", "ENAUG": 900},
        {"ISMEAR": 1},
        {"SIGMA": 0.2},
        {"ISPIN": 2},
        {"ISPIN": 2, "NUPDOWN": 0},
        {"ISPIN": 2, "I_CONSTRAINED_M": 1},
        {"ISPIN": 2, "I_CONSTRAINED_M": 1, "LAMBDA": 10},
        {"LSORBIT": True},
        {"LNONCOLLINEAR": True},
        {"LSORBIT": True, "SAXIS": [1, 0, 0]},
        {"LASPH": False},
        {"LREAL": "Auto"},
        {"LREAL": "Auto", "ROPT": [-1e-3, -1e-3]},
        {"ADDGRID": True},
        {"IVDW": 12},
        {"IVDW": 12, "VDW_S8": 0.7},
        {"LUSE_VDW": True, "BPARAM": 11.95},
        {"LHFCALC": True},
        {"LHFCALC": True, "AEXX": 0.3},
        {"LHFCALC": True, "HFSCREEN": 0.2},
        {"LHFCALC": True, "PRECFOCK": "Fast"},
        {"LHFCALC": True, "NKRED": 2},
        {"EFIELD": 0.1},
        {"EFIELD_PEAD": [0, 0, 0.05]},
        {"LMONO": True},
        {"LSOL": True},
        {"LSOL": True, "EB_K": 10.0},
        {"ICORELEVEL": 2},
        {"VCA": [0.5, 0.5]},
        {"LCORR": False},
        {"SCALEE": 0.5},
        {"LMAXPAW": 0},
        {"GGA_COMPAT": False},
        {"BEXT": 1.0},
    ],
    ids=str,
)
def test_what_decides_the_label_changes_it(changes):
    without_last = dict(list(changes.items())[:-1])
    before, changed = fingerprint(**without_last), fingerprint(**changes)
    assert changed.hash != before.hash
    tag = next(reversed(changes))
    assert any(tag in each or "functional" in each for each in drifted(before, changed))


@given(st.from_regex(r"[A-Z][A-Z0-9_]{2,11}", fullmatch=True), st.sampled_from([1, 0.5, True]))
def test_a_tag_that_nobody_thought_of_decides(tag, value):
    if not is_setting(tag) and is_read(tag, INCAR):
        assert fingerprint(**{tag: value}).hash != fingerprint().hash


@pytest.mark.parametrize(
    "changes",
    [
        {"ALGO": "All"},
        {"NCORE": 8},
        {"KPAR": 4},
        {"ISYM": 0},
        {"IBRION": 0, "NSW": 500, "POTIM": 2.0, "SMASS": 0, "TEBEG": 300, "LANGEVIN_GAMMA": [1, 1]},
        {"MAGMOM": [1.0, 2.0]},
        {"LDIPOL": True, "IDIPOL": 3, "DIPOL": [0.5, 0.5, 0.5]},
        {"NELM": 200},
        {"NBANDS": 96},
        {"AMIX": 0.1, "LMAXMIX": 4},
        {"LWAVE": True, "LORBIT": 11, "LSCALAPACK": False, "SYSTEM": "Li3; (Cu) !"},
        {"PSTRESS": 100.0},
        {"ML_LMLFF": True, "ML_MODE": "train"},
        {"LEPSILON": True},
        {"NUPDOWN": 2},
        {"AEXX": 0.3},
        {"ROPT": [-1e-3, -1e-3]},
        {"VDW_S8": 0.7},
        {"ENAUG": 900},
        {"ISPIN": 1},
        {"LREAL": ".FALSE."},
        {"ENCUT": 520.0},
        {"ENCUT": "520 ! eV"},
        {"PREC": "accura"},
        {"LASPH": ".T."},
        {"METAGGA": "R2SCA"},
        {"METAGGA": '"R2scan"  # meta-GGA'},
        {"GGA": "PE"},
        {"LDAU": True, "LDAUL": [-1, -1], "LDAUU": [0, 0], "LDAUJ": [0, 0]},
    ],
    ids=str,
)
def test_what_does_not_decide_and_defaults_do_not_change_it(changes):
    changed = fingerprint(**changes)
    assert changed.hash == fingerprint().hash
    assert drifted(fingerprint(), changed) == []


def test_what_vasp_lists_of_a_plain_run_changes_nothing():
    listed = settings_fingerprint({**LISTED, **INCAR}, TITLES, 32.0, listed=LISTED.keys())
    assert listed.hash == fingerprint().hash
    assert listed.listed == {}


def test_listed_tags_of_unknown_meaning_are_compared_where_both_versions_list_them():
    def version(**listed):
        return settings_fingerprint(INCAR | listed, TITLES, 32.0, listed=listed.keys())

    old, new, other = version(), version(NEWTAG=1), version(NEWTAG=2)
    assert old.hash == new.hash == other.hash
    assert drifted(old, new) == drifted(new, old) == []
    assert drifted(new, other) == ["NEWTAG 2 vs 1"]


def test_charge():
    assert fingerprint(charge=-1e-9).hash == fingerprint().hash
    assert drifted(fingerprint(), fingerprint(charge=1.0)) == ["charge 1 vs 0"]
    assert drifted(fingerprint(), fingerprint(NELECT=13)) == ["charge unknown (NELECT 13) vs 0"]


def test_species_do_not_change_it_but_potentials_are_compared():
    lithium, other = fingerprint(TITLES[:1]), fingerprint(("PAW_PBE Li 17Jan2003",))
    assert lithium.hash == fingerprint().hash == other.hash
    assert drifted(fingerprint(), lithium) == []
    assert drifted(fingerprint(), other) == [
        "POTCAR PAW_PBE Li 17Jan2003 vs PAW_PBE Li_sv 10Sep2004"
    ]
    assert fingerprint(("PAW Cu 05Jan2001",)).hash != lithium.hash


def with_u(elements, us, **more):
    tags = {"LDAU": True, "LDAUU": us, "LDAUL": [2] * len(us), "LDAUJ": [0.0] * len(us)} | more
    titles = [f"PAW_PBE {element} 01Jan2001" for element in elements]
    return settings_fingerprint({"GGA": "PE"} | tags, titles, 32.0)


def test_hubbard_u_goes_by_element():
    oxide = with_u(["Fe", "O"], [5.3, 0.0])
    assert drifted(oxide, with_u(["O", "Fe"], [0.0, 5.3])) == []
    assert drifted(oxide, with_u(["Li", "Fe", "O"], [0.0, 5.3, 0.0])) == []
    assert drifted(oxide, with_u(["Fe", "Fe", "O"], [5.3, 5.3, 0.0])) == []
    assert drifted(oxide, with_u(["Fe"], [6.3], LDAUJ=[1.0])) == [], "only U - J counts"
    assert drifted(oxide, with_u(["Fe", "O"], [4.0, 0.0])) == [
        "+U of Fe: U-J=4 eV on d vs U-J=5.3 eV on d"
    ]
    assert drifted(oxide, with_u(["Fe"], [5.3], LDAUTYPE=1))
    assert drifted(oxide, with_u(["Fe"], [5.3], LDAUL=[3]))
    plain = settings_fingerprint({"GGA": "PE"}, ["PAW_PBE O 01Jan2001"], 32.0)
    assert drifted(oxide, plain) == [], "without iron, +U changes nothing"
    iron = settings_fingerprint({"GGA": "PE"}, ["PAW_PBE Fe 01Jan2001"], 32.0)
    assert drifted(oxide, iron) == ["+U of Fe: none vs U-J=5.3 eV on d"]
    assert (oxide.functional, plain.functional) == ("PBE+U", "PBE")


def test_drift_names_found_before_expected():
    assert drifted(fingerprint(), fingerprint(ENCUT=400)) == ["ENCUT 400 vs 520"]
    assert drifted(fingerprint(), fingerprint(length=20)) == ["kpoint_length 20 vs 32"]
    assert drifted(fingerprint(), fingerprint(EFIELD_PEAD=[0, 0, 1])) == ["EFIELD_PEAD 0 0 1 vs 0"]
    assert drifted(fingerprint(), fingerprint()) == []


def test_tetrahedra_have_no_width():
    assert fingerprint(ISMEAR=-5, SIGMA=0.2).hash == fingerprint(ISMEAR=-5, SIGMA=0.05).hash


@pytest.mark.parametrize(
    ("incar", "functional"),
    [
        ({"METAGGA": "R2SCAN"}, "r2SCAN"),
        ({"METAGGA": "R2SCANL"}, "R2SCANL"),
        ({"METAGGA": "SCANL"}, "SCANL"),
        ({"METAGGA": "RSCAN"}, "rSCAN"),
        ({"METAGGA": "Scan", "LUSE_VDW": True}, "SCAN+vdW"),
        ({"GGA": "Pe"}, "PBE"),
        ({"GGA": "PE ! PBEsol would be PS"}, "PBE"),
        ({"GGA": "PS"}, "PBEsol"),
        ({"GGA": "91"}, "PW91"),
        ({"METAGGA": "--", "GGA": "--"}, "PBE"),
        ({"GGA": "PE", "IVDW": 10}, "PBE+IVDW1"),
        ({"LDAU": True, "LDAUU": [4.0]}, "PBE+U"),
    ],
)
def test_level_of_theory(incar, functional):
    assert settings_fingerprint(incar, TITLES, 32).functional == functional


def test_written_and_read_back_give_the_same_hash(tmp_path):
    written = INCAR | {"IBRION": 2, "NSW": 3}
    incar = {key: float(value) if key == "ENCUT" else value for key, value in written.items()}
    parameters = {key: value for key, value in LISTED.items() if key != "NELECT"}
    write_run(tmp_path, random_run(1, incar=incar, parameters=parameters))
    run = read_run(tmp_path)
    back = run_fingerprint(run, 32.0)
    assert back.hash == settings_fingerprint(written, run.potcar_titles, 32.0).hash
