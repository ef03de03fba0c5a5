"""Which settings a collection has, and whose drifted."""

import shutil

import numpy as np
import pytest
from vasp_files import random_run, write_run

from cuprolith.errors import CuprolithError
from workflows.engines.vasp.run_survey import agree_on_settings, refuse_mixed_programs, survey_run
from workflows.engines.vasp.run_tree import RunFiles


@pytest.fixture
def surveyed(tmp_path):
    def survey(name, seed=0, run=None, **fields):
        write_run(tmp_path / name, run or random_run(2, seed=seed, **fields))
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


def test_runs_that_are_no_labels_do_not_vote_and_are_named(surveyed):
    bands = [surveyed(f"n{i}", i, incar=INCAR | {"ICHARG": 11, "ENCUT": 400.0}) for i in range(3)]
    expected, compared = agree_on_settings([*bands, surveyed("scf", 5, incar=INCAR)])
    assert expected.settings["ENCUT"] == 520
    assert compared[0].drift[0].startswith("ICHARG 11")
    assert compared[3].drift == ()
    _, alone = agree_on_settings(bands)
    assert all(len(run.drift) == 1 for run in alone), "whatever most runs are"


def test_runs_that_agree_have_one_level_of_theory_whatever_their_elements(surveyed):
    hubbard = {"LDAU": True, "LDAUL": [2], "LDAUU": [4.0], "LDAUJ": [0.0]}
    copper, lithium = np.array([29] * 6), np.array([3] * 6)

    def of(name, seed, numbers, **tags):
        run = random_run(2, seed=seed, incar=INCAR | tags)
        run.numbers = numbers
        return surveyed(name, run=run)

    runs = [
        of("cu", 1, copper, **hubbard),
        of("li", 2, lithium),
        of("li-u", 3, lithium, LDAU=True, LDAUL=[-1], LDAUU=[0.0], LDAUJ=[0.0]),
        of("cu2", 4, copper, **hubbard),
        of("plain", 5, copper),
    ]
    expected, compared = agree_on_settings(runs)
    assert expected.functional == "r2SCAN+U"
    assert {run.fingerprint.hash for run in compared[:4]} == {expected.hash}
    assert {run.fingerprint.functional for run in compared[:4]} == {"r2SCAN+U"}
    assert compared[4].drift == ("+U of Cu: none vs U-J=4 eV on d",)
    assert compared[4].fingerprint.hash != expected.hash


def test_ediff_may_be_tighter_or_go_by_the_number_of_atoms(surveyed):
    def of(name, seed, n_atoms, ediff):
        run = random_run(2, seed=seed, n_atoms=n_atoms, incar=INCAR | {"EDIFF": ediff})
        return surveyed(name, run=run)

    sizes = (4, 6, 6, 8)
    runs = [of(f"r{i}", i, n, n * 1e-6) for i, n in enumerate(sizes)]
    runs += [of("tight", 7, 6, 1e-8), of("loose", 8, 6, 1e-4)]
    expected, compared = agree_on_settings(runs)
    assert [run.drift for run in compared[:5]] == [()] * 5
    assert compared[5].drift == ("EDIFF 0.0001 vs 6e-06",)
    assert expected.settings["EDIFF"] == 6e-6


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
    assert (real.engine, rehearsed.engine) == ("vasp", "rehearsal")
    refuse_mixed_programs([real])
    refuse_mixed_programs([rehearsed])
    with pytest.raises(CuprolithError, match=r"real.*played"):
        refuse_mixed_programs([real, rehearsed])
