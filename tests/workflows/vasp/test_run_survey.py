"""Which settings a collection has, and whose drifted."""

import shutil

import pytest
from vasp_files import random_run, write_run

from workflows.errors import CuprolithError
from workflows.vasp.run_survey import agree_on_settings, refuse_mixed_engines, survey_run
from workflows.vasp.run_tree import RunFiles


@pytest.fixture
def surveyed(tmp_path):
    def survey(name, seed=0, **fields):
        write_run(tmp_path / name, random_run(2, seed=seed, **fields))
        return survey_run(RunFiles(tmp_path / name))

    return survey


INCAR = {"ENCUT": 520.0, "METAGGA": "R2SCAN", "LASPH": True}


def test_settings_of_most_runs_hold_and_others_are_named(surveyed):
    runs = [
        surveyed("a", 1, incar=INCAR | {"ENCUT": 400.0}),
        surveyed("b", 2, incar=INCAR),
        surveyed("c", 3, incar=INCAR | {"IBRION": 0}),
        surveyed("d", 4, incar=INCAR, mesh=(2, 2, 1)),
    ]
    expected, compared = agree_on_settings(runs)
    assert expected.functional == "r2SCAN"
    assert expected.settings["ENCUT"] == 520
    assert expected.settings["kpoint_length"] == 32
    assert compared[0].drift == ("ENCUT 400 vs 520",)
    assert compared[1].drift == compared[2].drift == ()
    assert compared[1].fingerprint.hash == compared[2].fingerprint.hash == expected.hash
    assert compared[3].drift[0].startswith("k-point mesh 2×2×1 of length 4–11 Å vs 32 Å")
    assert len({run.fingerprint.hash for run in compared}) == 3


def test_ids_are_made_of_content(surveyed, tmp_path):
    first, other = surveyed("a", 1), surveyed("b", 2)
    again = surveyed("c", 1, time="13:00:00")
    shutil.move(tmp_path / "a", tmp_path / "moved")
    moved = survey_run(RunFiles(tmp_path / "moved"))
    assert moved.provenance == first.provenance
    assert again.provenance.structure_id == first.provenance.structure_id
    assert again.provenance.trajectory_id != first.provenance.trajectory_id
    assert other.provenance.structure_id != first.provenance.structure_id


def test_rehearsed_and_real_runs_never_meet(surveyed):
    real = surveyed("real", 1)
    rehearsed = surveyed("played", 2, subversion="cuprolith-rehearsal 0.1")
    assert refuse_mixed_engines([real]) == "vasp"
    assert refuse_mixed_engines([rehearsed]) == "rehearsal"
    with pytest.raises(CuprolithError, match=r"played.*real"):
        refuse_mixed_engines([real, rehearsed])
