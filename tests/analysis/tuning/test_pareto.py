"""``pareto.json`` says what the trials say, the same bytes each time."""

import json
import shutil
import sqlite3

import numpy as np
import pytest

from analysis.tuning.front import hypervolume
from analysis.tuning.pareto import load_pareto, pareto, write_pareto
from analysis.tuning.trials import load_record, study_folders
from tests import damage
from tests.analysis.simulated_study import SPACE, draw, simulated_objectives, write_study


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_study(tmp_path_factory.mktemp("studies") / "allegro", 60)


def test_trials_are_read_as_they_were_stored(folder):
    trials = load_record(folder).trials
    assert [trial.number for trial in trials] == list(range(60))
    rng = np.random.default_rng(0)
    for trial in trials:
        parameters = draw(rng)
        assert trial.parameters == parameters
        assert trial.generation == trial.number // 12
        assert trial.folder == f"trials/{trial.number}"
        assert trial.failed == (parameters["learning_rate"] > 0.06)
        if not trial.failed:
            error, time = simulated_objectives(parameters)
            assert trial.objectives == pytest.approx((error, time))
            assert trial.feasible == (0.02 * time <= 1.5)
    assert load_record(folder).study.search_space == SPACE


def test_the_front_is_written_and_read_back(folder):
    written = write_pareto(folder)
    content = load_pareto(folder / "pareto.json")
    assert content == written
    trials = {trial.number: trial for trial in load_record(folder).trials}
    assert content.n_trials == 60
    assert content.n_failed == sum(trial.failed for trial in trials.values())
    assert content.n_feasible == sum(trial.feasible for trial in trials.values())
    for point in content.points:
        trial = trials[point.number]
        assert (point.parameters, point.objectives) == (trial.parameters, trial.objectives)
        assert point.folder == f"trials/{point.number}"
    errors, times = zip(*(point.objectives for point in content.points), strict=True)
    assert list(errors) == sorted(errors)
    assert list(times) == sorted(times, reverse=True)
    assert content.best("accuracy") == content.points[0]
    assert content.best("time") == content.points[-1]
    assert content.point(content.knee).number == content.knee
    with pytest.raises(KeyError, match="trial 999"):
        content.point(999)
    points = np.array([point.objectives for point in content.points])
    assert content.hypervolume == pytest.approx(hypervolume(points, content.reference_point))
    assert [objective.unit for objective in content.objectives] == ["eV/Å", "µs/atom"]
    assert content.published.parameters["model.r_max"] == 7.3
    assert content.published.accuracy == pytest.approx(0.0102)


def test_the_same_trials_give_the_same_bytes_wherever_they_lie(folder, tmp_path):
    write_pareto(folder)
    copy = tmp_path / "elsewhere"
    shutil.copytree(folder, copy)
    for place in (folder, copy):
        write_pareto(place)
    assert (folder / "pareto.json").read_bytes() == (copy / "pareto.json").read_bytes()


def test_a_reference_point_that_the_study_names_is_used(tmp_path):
    folder = write_study(tmp_path / "s", 24, tuning={"reference_point": (0.05, 100.0)})
    assert pareto(load_record(folder)).reference_point == (0.05, 100.0)


def test_counted_cost_has_its_own_unit(tmp_path):
    folder = write_study(tmp_path / "s", 24)
    path = folder / "study.json"
    content = json.loads(path.read_text())
    content["tuning"]["inference"]["objective"] = "flops"
    content["has_forces"] = False
    path.write_text(json.dumps(content))
    judged = pareto(load_record(folder))
    assert [objective.unit for objective in judged.objectives] == ["eV/atom", "Mflop/atom"]
    trial = next(t for t in load_record(folder).trials if t.number == judged.knee)
    assert trial.objectives[1] == pytest.approx(trial.result.cost.flops_per_atom / 1e6)


def test_a_study_without_trials_or_without_feasible_ones_has_an_empty_front(tmp_path):
    empty = write_pareto(write_study(tmp_path / "empty", 0))
    assert (empty.n_trials, empty.points, empty.knee, empty.hypervolume) == (0, (), None, None)
    folder = write_study(tmp_path / "bad", 12, tuning={"reference_point": (1.0, 1e3)})
    content = json.loads((folder / "study.json").read_text())
    content["tuning"]["limits"]["peak_memory"] = 1e-6
    (folder / "study.json").write_text(json.dumps(content))
    bad = write_pareto(folder)
    assert (bad.n_trials, bad.n_feasible, bad.points, bad.hypervolume) == (12, 0, (), 0.0)
    with pytest.raises(ValueError, match="min"):
        bad.best("time")


def test_broken_files_are_named(folder, tmp_path):
    copy = tmp_path / "broken"
    shutil.copytree(folder, copy)
    damage.cut(copy / "study.db")
    with pytest.raises(ValueError, match=r"study\.db cannot be read"):
        load_record(copy)
    (copy / "study.json").write_text("{}")
    with pytest.raises(ValueError, match=r"study\.json"):
        load_record(copy)
    with pytest.raises(FileNotFoundError):
        load_record(tmp_path / "nowhere")


@pytest.mark.parametrize("harm", [damage.remove, damage.empty])
def test_a_lost_storage_does_not_empty_the_front_silently(folder, tmp_path, harm):
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    harm(copy / "study.db")
    (copy / "trials" / "3").mkdir(parents=True)
    (copy / "trials" / "3" / "trial.json").write_text("{}")
    with pytest.raises(ValueError, match=r"study\.db is missing"):
        load_record(copy)


def test_a_study_of_an_earlier_version_says_which_version_reads_it(folder, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    with sqlite3.connect(copy / "study.db") as database:
        database.execute("DELETE FROM trial_user_attributes WHERE key = 'result'")
    with pytest.raises(ValueError, match=r"Cuprolith 0\.1\.0 made this study and reads it"):
        load_record(copy)


def test_trials_in_progress_and_studies_put_aside_are_left_out(folder, tmp_path):
    copy = tmp_path / "allegro"
    shutil.copytree(folder, copy)
    with sqlite3.connect(copy / "study.db") as database:
        database.execute("UPDATE trials SET state = 'RUNNING' WHERE number = 5")
    assert len(load_record(copy).trials) == 59
    shutil.copytree(copy, tmp_path / "allegro.0123abcd")
    (tmp_path / "empty").mkdir()
    assert study_folders(tmp_path) == [copy]
    assert study_folders(tmp_path / "nowhere") == []
