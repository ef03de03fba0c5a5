import json

import pytest
from custodian.vasp.handlers import VaspErrorHandler
from pymatgen.io.vasp.inputs import Incar

from workflows.engines.vasp.handlers import (
    CompleteRunValidator,
    LineMinimisationHandler,
    corrections,
    handlers_for,
    reached_wall_time,
)
from workflows.engines.vasp.settings import VaspSettings


def names(task, **settings):
    return {type(handler).__name__ for handler in handlers_for(task, VaspSettings(**settings))}


def test_no_handler_changes_what_a_label_is():
    for task in ("relax", "static", "melt_quench"):
        assert not {
            "LargeSigmaHandler",
            "IncorrectSmearingHandler",
            "KspacingMetalHandler",
            "MeshSymmetryErrorHandler",
            "UnconvergedErrorHandler",
        } & names(task)


def test_relaxations_and_dynamics_are_watched_differently():
    assert {"LineMinimisationHandler", "PotimErrorHandler"} <= names("relax")
    moving = names("melt_quench")
    assert not {"PotimErrorHandler", "PositiveEnergyErrorHandler", "FrozenJobErrorHandler"} & moving
    assert {"SegmentErrorHandler", "FrozenSegmentHandler", "StdErrHandler"} == moving
    assert "WalltimeHandler" in names("static", wall_time=3600)


def test_errors_that_change_the_time_step_are_not_caught_in_dynamics():
    def caught(task):
        handlers = handlers_for(task, VaspSettings())
        (master,) = (each for each in handlers if isinstance(each, VaspErrorHandler))
        return set(master.errors_subset_to_catch)

    assert {"zpotrf", "brions"} <= caught("relax")
    assert not {"zpotrf", "brions"} & caught("melt_quench")
    assert not {"tet", "dentet", "real_optlay", "zbrent"} & caught("relax")
    assert "edddav" in caught("melt_quench")


@pytest.fixture
def failed_line_search(tmp_path, monkeypatch):
    from pymatgen.core import Lattice, Structure
    from pymatgen.io.vasp.inputs import Kpoints, Poscar

    structure = Structure(Lattice.cubic(3.6), ["Cu"], [[0, 0, 0]])
    Incar({"EDIFF": 1e-5, "IBRION": 2, "NSW": 9}).write_file(str(tmp_path / "INCAR"))
    Kpoints().write_file(str(tmp_path / "KPOINTS"))
    Poscar(structure).write_file(str(tmp_path / "POSCAR"))
    Poscar(structure, comment="moved").write_file(str(tmp_path / "CONTCAR"))
    (tmp_path / "vasp.out").write_text(" ZBRENT: fatal error in bracketing\n")
    return tmp_path


def test_failed_line_search_goes_on_and_leaves_the_label_settings(failed_line_search, monkeypatch):
    handler = LineMinimisationHandler()
    assert handler.check(str(failed_line_search))
    for attempt, expected in enumerate([{}, {"NELMIN": 8}, {"NELMIN": 8, "IBRION": 1}]):
        handler.n_applied_corrections = attempt
        assert handler.correct(str(failed_line_search))["actions"]
        incar = Incar.from_file(str(failed_line_search / "INCAR"))
        assert incar["EDIFF"] == 1e-5
        assert {tag: incar[tag] for tag in expected} == expected
    assert (failed_line_search / "POSCAR").read_text().startswith("moved")
    assert len(list(failed_line_search.glob("error.*.tar.gz"))) == 3
    handler.n_applied_corrections = 3
    assert handler.correct(str(failed_line_search))["actions"] is None


def test_cure_in_dynamics_leaves_the_start_of_the_segment(failed_line_search):
    start = (failed_line_search / "POSCAR").read_text()
    (failed_line_search / "vasp.out").write_text("Error EDDDAV: Call to ZHEGV failed\n")
    (handler, *_) = handlers_for("melt_quench", VaspSettings())
    assert handler.check(str(failed_line_search))
    assert handler.correct(str(failed_line_search))["actions"]
    assert (failed_line_search / "POSCAR").read_text() == start


def test_corrections_are_read_back(tmp_path):
    assert corrections(tmp_path) == []
    log = [
        {
            "corrections": [
                {
                    "errors": ["edddav"],
                    "actions": [{"dict": "INCAR", "action": {"_set": {"ALGO": "All"}}}],
                    "handler": {"@class": "VaspErrorHandler"},
                },
                {
                    "errors": ["Walltime reached"],
                    "actions": None,
                    "handler": {"@class": "WalltimeHandler"},
                },
            ]
        }
    ]
    (tmp_path / "custodian.json").write_text(json.dumps(log))
    assert corrections(tmp_path) == [
        "VaspErrorHandler: edddav → INCAR ALGO=All",
        "WalltimeHandler: Walltime reached",
    ]
    assert reached_wall_time(tmp_path)


def test_run_without_output_is_not_complete(tmp_path):
    assert CompleteRunValidator().check(str(tmp_path))
