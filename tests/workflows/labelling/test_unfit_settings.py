"""Settings that do not fit the elements are told, and those that do are left alone."""

from __future__ import annotations

import pytest
from pymatgen.core import Composition

from workflows.engine import ENGINES, engine_settings


def warnings(*formulas, engine="vasp", **section):
    given = {engine: section} if engine in ("vasp", "gpaw") else {}
    settings = engine_settings(name=engine, **given)
    solids = [Composition(formula) for formula in formulas]
    elements = [element.symbol for solid in solids for element in solid]
    return ENGINES[engine].unfit(settings, list(dict.fromkeys(elements)), solids)


@pytest.mark.parametrize("formula", ["Cu", "Li", "Al", "CuZn", "Mg2Pb", "TiAl"])
def test_defaults_fit_metals_that_are_no_magnets(formula):
    assert warnings(formula) == []


@pytest.mark.parametrize("formula", ["Fe", "Ni3Al", "MnO2", "Gd", "SmCo5", "UO2", "O2"])
def test_magnets_without_spin(formula):
    (note,) = (note for note in warnings(formula) if "magnetic" in note)
    assert "engine.vasp.spin_polarized" in note
    assert not any("magnetic" in note for note in warnings(formula, spin_polarized=True))
    (note,) = (note for note in warnings(formula, engine="gpaw") if "magnetic" in note)
    assert "use an engine that can" in note


@pytest.mark.parametrize("formula", ["MgO", "LiF", "ZnS", "GaAs", "Si", "C", "Al2O3", "LiCl"])
def test_insulators_with_smearing_of_metals(formula):
    for engine in ("vasp", "gpaw"):
        (note,) = (note for note in warnings("Cu", formula, engine=engine) if "insulator" in note)
        assert note.startswith(Composition(formula).reduced_formula)
        assert f"engine.{engine}.smearing" in note
        assert warnings(formula, engine=engine, smearing="gaussian") == []


def test_f_electrons_want_more_mixing():
    assert any("LMAXMIX: 6" in note for note in warnings("CeO2"))
    assert not any("LMAXMIX" in note for note in warnings("CeO2", incar={"LMAXMIX": 6}))
    assert not any("LMAXMIX" in note for note in warnings("Fe"))


def test_potentials_without_electrons_are_not_judged():
    assert warnings("Fe", "MgO", engine="diep-r2scan") == []
