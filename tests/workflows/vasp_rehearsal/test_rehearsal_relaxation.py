"""Relaxation: EDIFFG, NSW, selective dynamics, refusals."""

import numpy as np
import pytest
from pymatgen.io.vasp import Poscar

from cuprolith.errors import CuprolithError


@pytest.mark.parametrize("ibrion", [1, 2, 3])
def test_relaxation_ends_when_the_free_forces_obey_ediffg(make_run, some_fixed, ibrion):
    run = make_run(free=some_fixed, IBRION=ibrion, NSW=200, EDIFFG=-0.02)
    printed = run.here()
    vasprun = run.vasprun()
    assert vasprun.converged_ionic
    assert "reached required accuracy" in printed
    free = np.asarray(some_fixed)
    # the cell is orthorhombic, so free components are Cartesian ones
    sizes = [
        np.linalg.norm(np.where(free, step["forces"], 0), axis=1).max()
        for step in vasprun.ionic_steps
    ]
    assert sizes[-1] < 0.02
    assert min(sizes[:-1]) >= 0.02
    start = vasprun.initial_structure.frac_coords
    end = Poscar.from_file(run / "CONTCAR", check_for_potcar=False).structure.frac_coords
    assert np.abs((end - start)[~free]).max() < 1e-8
    assert np.abs((end - start)[free]).max() > 1e-3
    np.testing.assert_allclose(end, vasprun.final_structure.frac_coords, atol=1e-8)
    # fixed atoms keep their physical forces in the labels
    assert np.abs(np.asarray(vasprun.ionic_steps[-1]["forces"])[:2]).max() > 0.05


def test_relaxation_stops_after_nsw_steps_unconverged(make_run):
    run = make_run(IBRION=2, NSW=3, EDIFFG=-1e-4)
    assert "reached required accuracy" not in run.here()
    vasprun = run.vasprun()
    assert len(vasprun.ionic_steps) == 3
    assert not vasprun.converged_ionic


def test_positive_ediffg_bounds_the_change_of_the_energy(make_run):
    run = make_run(IBRION=2, NSW=100, EDIFFG=1e-3)
    run.here()
    steps = run.vasprun().ionic_steps
    changes = np.abs(np.diff([step["e_fr_energy"] for step in steps]))
    assert changes[-1] < 1e-3
    assert changes[:-1].min() >= 1e-3


@pytest.mark.parametrize(
    ("tags", "key"),
    [
        ({"IBRION": 2, "NSW": 5, "ISIF": 3}, "ISIF"),
        ({"IBRION": 5, "NSW": 1}, "IBRION"),
        ({"IBRION": 0, "NSW": 5, "TEBEG": 300}, "POTIM"),
        ({"IBRION": 0, "NSW": 5, "TEBEG": 300, "POTIM": 1, "MDALGO": 3}, "MDALGO"),
        ({"IBRION": 0, "NSW": 5, "TEBEG": 300, "POTIM": 1, "SMASS": -1}, "SMASS"),
        ({"IBRION": 0, "NSW": 5, "TEBEG": 300, "POTIM": 1, "SMASS": 0}, "SMASS"),
        ({"IBRION": 0, "NSW": 5, "POTIM": 1, "SMASS": 1}, "TEBEG"),
    ],
)
def test_what_is_not_rehearsed_is_refused_by_name(make_run, tags, key):
    with pytest.raises(CuprolithError) as refusal:
        make_run(**tags).here()
    assert refusal.value.key == key
    assert refusal.value.remedy


def test_potcar_in_another_order_is_refused(make_run):
    run = make_run(NSW=0, IBRION=-1)
    first, second = (run / "POTCAR").read_text().split(" End of Dataset\n")[:2]
    (run / "POTCAR").write_text(f"{second} End of Dataset\n{first} End of Dataset\n")
    with pytest.raises(CuprolithError, match="POTCAR has Cu Li but POSCAR has Li Cu"):
        run.here()


def test_missing_input_is_named(make_run):
    run = make_run(NSW=0, IBRION=-1)
    (run / "INCAR").unlink()
    with pytest.raises(CuprolithError, match="there is no INCAR"):
        run.here()


def test_stopcar_stops_between_ionic_steps(make_run):
    run = make_run(IBRION=2, NSW=50, EDIFFG=-1e-6)
    (run / "STOPCAR").write_text("LSTOP = .TRUE.\n")
    run.here()
    assert len(run.vasprun().ionic_steps) == 1
    assert "soft stop encountered!  aborting job" in (run / "OUTCAR").read_text()
