"""Placeholder POTCARs: true headers, found and parsed by pymatgen, never taken for real ones."""

import warnings

import pytest
from monty.serialization import loadfn
from pymatgen.core import SETTINGS, Structure
from pymatgen.io.vasp.inputs import (
    POTCAR_STATS_PATH,
    Potcar,
    PotcarSingle,
    UnknownPotcarWarning,
)

from cuprolith.errors import CuprolithError
from workflows.engines.vasp.programs import program_of_potcar
from workflows.vasp_rehearsal import MARK
from workflows.vasp_rehearsal.potcars import (
    placeholder_text,
    write_placeholder_potcars,
)
from workflows.vasp_rehearsal.program import PROGRAM


@pytest.fixture
def potcar_tree(tmp_path, monkeypatch):
    monkeypatch.setitem(SETTINGS, "PMG_VASP_PSP_DIR", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("family", ["PBE_54", "PBE_64", "PBE_52"])
def test_pymatgen_finds_them_and_reads_the_facts(potcar_tree, family):
    write_placeholder_potcars(potcar_tree, family, ("Li_sv", "Cu_pv"))
    with pytest.warns(UnknownPotcarWarning):
        lithium, copper = Potcar(["Li_sv", "Cu_pv"], functional=family)
    assert (lithium.element, lithium.symbol, lithium.zval) == ("Li", "Li_sv", 3)
    assert lithium.TITEL == "PAW_PBE Li_sv 10Sep2004"
    assert copper.TITEL == "PAW_PBE Cu_pv 06Sep2000"
    assert copper.zval == 17
    assert copper.potential_type == "PAW"
    assert copper.functional == "PBE"


def test_they_are_marked_and_not_valid(potcar_tree):
    (path,) = write_placeholder_potcars(potcar_tree, "PBE_54", ["Cu_pv"])
    assert program_of_potcar(path.read_text()) == PROGRAM
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        single = PotcarSingle.from_file(path)
    assert not single.is_valid
    assert single.keywords["COPYR"] == MARK


def test_a_concatenated_file_is_read_back(potcar_tree):
    paths = write_placeholder_potcars(potcar_tree, "PBE_54", ["Li_sv", "Cu_pv"])
    both = potcar_tree / "POTCAR"
    both.write_text("".join(path.read_text() for path in paths))
    with pytest.warns(UnknownPotcarWarning):
        potcar = Potcar.from_file(both)
    assert potcar.symbols == ["Li_sv", "Cu_pv"]
    assert program_of_potcar(both.read_text()) == PROGRAM


def test_pymatgen_sets_write_inputs_with_them(potcar_tree, tmp_path):
    from pymatgen.io.vasp.sets import MPScanRelaxSet

    write_placeholder_potcars(potcar_tree, "PBE_54", ["Cu_pv"])
    structure = Structure.from_spacegroup(
        "Fm-3m", [[3.6, 0, 0], [0, 3.6, 0], [0, 0, 3.6]], ["Cu"], [[0, 0, 0]]
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        MPScanRelaxSet(structure, user_potcar_settings={"Cu": "Cu_pv"}).write_input(
            tmp_path / "run"
        )
    assert MARK in (tmp_path / "run" / "POTCAR").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("family", ["PBE_52", "PBE_54", "PBE_64", "PBE_54_W_HASH", "LDA_64"])
def test_every_potcar_of_a_family_has_a_header(family):
    for compact, variants in loadfn(POTCAR_STATS_PATH)[family].items():
        first, second, *_ = placeholder_text(compact, variants[0]).splitlines()
        assert first.replace(" ", "") == compact
        assert 1 <= len(first.split()) <= 3
        assert float(second) == variants[0]["ZVAL"]


@pytest.mark.parametrize(
    ("symbol", "family", "hint"), [("Cu_xx", "PBE_54", "Cu_pv"), ("Cu", "PBE_99", "PBE_54")]
)
def test_unknown_names_are_refused_with_the_known_ones(tmp_path, symbol, family, hint):
    with pytest.raises(CuprolithError) as refusal:
        write_placeholder_potcars(tmp_path, family, [symbol])
    assert hint in refusal.value.remedy
    assert list(tmp_path.iterdir()) == []


def test_a_real_potcar_is_never_overwritten(tmp_path):
    path = tmp_path / "POT_GGA_PAW_PBE_54" / "POTCAR.Cu_pv"
    path.parent.mkdir()
    path.write_text("PAW_PBE Cu_pv 06Sep2000\n")
    with pytest.raises(CuprolithError, match="not a placeholder"):
        write_placeholder_potcars(tmp_path, "PBE_54", ["Cu_pv"])
    assert path.read_text() == "PAW_PBE Cu_pv 06Sep2000\n"
