import sys
from pathlib import Path

import pytest

from cuprolith.errors import CuprolithError
from workflows.engine import engine_settings, make_engine
from workflows.engines.gpaw import ENGINE
from workflows.engines.gpaw.makers import GpawMeltQuenchMaker, GpawRelaxMaker, GpawStaticMaker

STAND_IN = Path(__file__).with_name("gpaw_stand_in")


def settings(trap="", **others):
    command = f"env PYTHONPATH={STAND_IN} GPAW_STAND_IN_FERMI_HOLE={trap} {sys.executable}"
    return engine_settings(name="gpaw", gpaw={"command": command, **others}, melt_quench={})


def test_makers_bear_the_engines_identity():
    engine = make_engine(settings(functional="pbe"))
    makers = [engine.relax, engine.static, engine.melt_quench]
    assert [type(maker) for maker in makers] == [
        GpawRelaxMaker, GpawStaticMaker, GpawMeltQuenchMaker,
    ]  # fmt: skip
    for maker in makers:
        assert (maker.engine, maker.functional) == ("gpaw", "PBE")
        assert maker.config_hash == engine.config_hash
    assert "PBE" in engine.simulated_by
    assert ENGINE.uses_kpoints
    assert engine.runs_on == "mpi"
    assert not engine.simulated
    assert "simulated" not in engine.simulated_by


def test_a_libxc_unfit_for_slabs_is_refused_before_anything_runs():
    with pytest.raises(CuprolithError, match="DISABLE_FHC=ON"):
        make_engine(settings(trap="1"))


def test_cost_grows_with_atoms_and_kpoints():
    seconds_per_step = make_engine(settings()).seconds_per_step
    assert seconds_per_step(8, 100) > 2 * seconds_per_step(4, 100)
    assert seconds_per_step(4, 100) == pytest.approx(2 * seconds_per_step(4, 50))
