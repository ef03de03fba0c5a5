"""Studies with simulated trials: budgets, failures, order, and their files."""

import json
import shutil

import numpy as np
import optuna
import pytest
import simulated_trials as simulated
from simulated_trials import SPACE, SimulatedTrials, begun, tuning

from analysis.tuning.pareto import load_pareto
from analysis.tuning.trials import load_record
from cuprolith.disk_space import DiskFullError
from cuprolith.errors import CuprolithError
from tests.damage import cut, remove
from training.tuning.settings import LimitSettings
from training.variants.allegro import AllegroTraining
from workflows.tuning import steps, storage
from workflows.tuning.flow import study_flow
from workflows.tuning.request import Budget
from workflows.tuning.run import run_study
from workflows.tuning.study import begin_study, load_study


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished study of 3 × 4 trials, and what its jobs noted."""
    root = tmp_path_factory.mktemp("finished")
    folder = begun(root)
    status = run_study(folder, SimulatedTrials(trace=str(root / "trace.txt")))
    return folder, status, (root / "trace.txt").read_text().splitlines()


def stored(folder):
    study = optuna.load_study(study_name=None, storage=f"sqlite:///{folder / 'study.db'}")
    return study, study.trials


def points(folder):
    return [(trial.params, trial.values) for trial in stored(folder)[1]]


def test_every_trial_is_in_optunas_storage_with_its_numbers(finished):
    folder, _, _ = finished
    study, trials = stored(folder)
    assert study.metric_names == ["validation force MAE (eV/Å)", "cost of inference (Mflop/atom)"]
    assert [trial.user_attrs["generation"] for trial in trials] == [0] * 4 + [1] * 4 + [2] * 4
    for trial, record in zip(trials, load_record(folder).trials, strict=True):
        assert trial.state == optuna.trial.TrialState.COMPLETE
        assert trial.params.keys() == SPACE.keys()
        assert trial.params == record.parameters
        assert tuple(trial.values) == record.objectives
        assert trial.user_attrs["mflop_per_atom"] == record.objectives[1]
        assert trial.user_attrs["folder"] == record.folder == f"trials/{trial.number}"


def test_a_generation_is_measured_before_it_is_trained(finished):
    _, _, trace = finished
    steps = [line.split()[:2] for line in trace]
    expected = []
    for first in (0, 4, 8):
        numbers = [str(number) for number in range(first, first + 4)]
        expected += [["measure", number] for number in numbers]
        expected += [["train", number] for number in numbers]
    assert steps == expected


def test_the_front_is_that_of_all_trials(finished):
    folder, status, _ = finished
    front = load_pareto(folder / "pareto.json")
    values = np.array([trial.values for trial in stored(folder)[1]])
    best = [
        number
        for number, value in enumerate(values)
        if not any((other <= value).all() and (other < value).any() for other in values)
    ]
    assert sorted(point.number for point in front.points) == best
    assert front.knee in best
    assert "12 of 12 trials, 12 feasible, 0 failed" in str(status)
    assert f"{len(best)} on the front, best {values[:, 0].min():.4g} eV/Å" in str(status)
    assert f"the knee is trial {front.knee}" in str(status)
    assert (folder / "report.html").stat().st_size > 10_000


def test_a_finished_study_runs_nothing(finished):
    folder, _, trace = finished
    assert study_flow(folder) is None
    run_study(folder, SimulatedTrials(trace=str(folder.parent / "trace.txt")))
    assert (folder.parent / "trace.txt").read_text().splitlines() == trace


@pytest.mark.slow
def test_more_generations_continue_as_if_requested_at_once(finished, tmp_path):
    folder = begun(tmp_path, tuning(generations=2))
    trials = SimulatedTrials(trace=str(tmp_path / "trace.txt"))
    run_study(folder, trials)
    assert begun(tmp_path, tuning(generations=3)) == folder
    run_study(folder, trials)
    assert points(folder) == points(finished[0])
    trace = (tmp_path / "trace.txt").read_text().splitlines()
    assert len(trace) == len(set(trace)) == 24


@pytest.mark.slow
def test_trainings_side_by_side_change_nothing(finished, tmp_path):
    """Nor do they in a second generation, which test_killed_study has."""
    trace = tmp_path / "trace.txt"
    folder = begun(tmp_path, tuning(generations=1, workers=3))
    run_study(folder, SimulatedTrials(trace=str(trace)))
    assert points(folder) == points(finished[0])[:4]
    pids = {line.split()[2] for line in trace.read_text().splitlines() if line[0] == "t"}
    assert len(pids) == 4


@pytest.mark.slow
def test_a_failed_training_is_reported_with_its_reason(tmp_path):
    folder = begun(tmp_path)
    status = run_study(folder, SimulatedTrials(fails_from=5.0))
    _, trials = stored(folder)
    failed = [trial for trial in trials if trial.params["model.r_max"] >= 5.0]
    assert 0 < len(failed) < len(trials)
    for trial in trials:
        assert (trial.state == optuna.trial.TrialState.FAIL) == (trial in failed)
    assert {trial.user_attrs["failure"] for trial in failed} == {"the loss is not finite"}
    text = str(status)
    assert f"{len(failed)} failed" in text
    assert f"FAILED trial {failed[0].number}: the loss is not finite" in text


@pytest.mark.slow
def test_limits_are_constraints(tmp_path):
    limit = 20e6 / 2**30  # the simulated memory is the number of flops
    folder = begun(tmp_path, tuning(limits=LimitSettings(peak_memory=limit)))
    trace = tmp_path / "trace.txt"
    status = run_study(folder, SimulatedTrials(trace=str(trace)))
    _, trials = stored(folder)
    beyond = [trial for trial in trials if trial.user_attrs["mflop_per_atom"] > 20]
    assert 0 < len(beyond) < len(trials)
    for trial, record in zip(trials, load_record(folder).trials, strict=True):
        excess = trial.user_attrs["mflop_per_atom"] / 20 - 1
        assert trial.constraints == {"peak_memory": pytest.approx(excess, abs=1e-6)}
        assert record.feasible == (trial not in beyond)
        assert not record.failed
    trained = {line.split()[1] for line in trace.read_text().splitlines() if line[0] == "t"}
    assert trained == {str(trial.number) for trial in trials if trial not in beyond}
    assert {trial.state for trial in beyond} == {optuna.trial.TrialState.FAIL}
    assert all("peak_memory is" in trial.user_attrs["exceeds"] for trial in beyond)
    assert f"{len(trials) - len(beyond)} feasible, 0 failed" in str(status)
    front = load_pareto(folder / "pareto.json")
    assert not {point.number for point in front.points} & {trial.number for trial in beyond}


def test_the_jobs_are_small_and_know_no_path_but_the_studys(finished):
    folder, _, _ = finished
    flow = study_flow(begun(folder.parent, tuning(generations=4)))
    text = json.dumps(flow.as_dict(), default=str)
    assert len(text) < 3000
    assert str(folder.parent) not in text.replace(str(folder), "")
    begun(folder.parent)


class FullDisk(SimulatedTrials):
    def train(self, study, folder, number, parameters):
        if number == 2:
            raise OSError(28, "No space left on device")
        return super().train(study, folder, number, parameters)


class Broken(SimulatedTrials):
    def measure(self, study, folder, number, parameters):
        if number == 5:
            raise CuprolithError("no such device")
        return super().measure(study, folder, number, parameters)


class OneParameter(SimulatedTrials):
    def train(self, study, folder, number, parameters):
        full = {"model.r_max": 5.0, "learning_rate": 0.01, **parameters}
        return super().train(study, folder, number, full)

    def measure(self, study, folder, number, parameters):
        return super().measure(study, folder, number, {"model.r_max": 5.0, **parameters})


@pytest.mark.slow
def test_a_full_disk_stops_the_study_and_fails_no_trial(finished, tmp_path):
    folder = begun(tmp_path)
    with pytest.raises(DiskFullError, match="no space left on the disk"):
        run_study(folder, FullDisk())
    run_study(folder, SimulatedTrials())
    assert points(folder) == points(finished[0])


@pytest.mark.slow
def test_a_step_that_breaks_stops_the_study_until_it_is_fixed(finished, tmp_path):
    folder, trace = begun(tmp_path), tmp_path / "trace.txt"
    with pytest.raises(CuprolithError, match="measure trial 5: no such device"):
        run_study(folder, Broken(trace=str(trace)))
    run_study(folder, SimulatedTrials(trace=str(trace)))
    assert points(folder) == points(finished[0])
    assert trace.read_text().splitlines().count("measure 4") == 1


class OneTrainingBreaks(SimulatedTrials):
    def train(self, study, folder, number, parameters):
        if number == 1:
            raise CuprolithError("the data is gone")
        return super().train(study, folder, number, parameters)


@pytest.mark.slow
def test_one_training_that_breaks_lets_the_others_of_its_generation_finish(finished, tmp_path):
    folder, trace = begun(tmp_path), tmp_path / "trace.txt"
    with pytest.raises(CuprolithError, match="train trial 1: the data is gone"):
        run_study(folder, OneTrainingBreaks(trace=str(trace)))
    trained = [line.split()[1] for line in trace.read_text().splitlines() if line[0] == "t"]
    assert trained == ["0", "2", "3"]
    run_study(folder, SimulatedTrials())
    assert points(folder) == points(finished[0])


@pytest.mark.slow
def test_other_settings_are_another_study_and_the_old_one_comes_back(finished, tmp_path):
    folder = begun(tmp_path, tuning(generations=1))
    run_study(folder, SimulatedTrials())
    first = load_study(folder).hash
    begun(tmp_path, tuning(generations=1), training=AllegroTraining(max_epochs=7))
    assert not (folder / "study.db").exists()
    aside = folder.with_name(f"study.{first[:8]}")
    assert len(points(aside)) == 4
    begun(tmp_path, tuning(generations=2, workers=2))
    assert load_study(folder).hash == first
    begun(tmp_path, tuning(generations=2))
    run_study(folder, SimulatedTrials())
    assert points(folder) == points(finished[0])[:8]
    assert not aside.exists()


@pytest.mark.slow
def test_points_of_other_studies_are_tried_first(tmp_path):
    start = [
        {"model.r_max": 4.5, "learning_rate": 0.01, "model.num_layers": 2},
        {"model.r_max": 7.0},
    ]
    folder = begun(tmp_path, tuning(generations=1), warm_start=start)
    run_study(folder, SimulatedTrials())
    tried = [params for params, _ in points(folder)]
    assert tried[0] == start[0]
    assert tried[1]["model.r_max"] == 7.0
    later = [{"model.r_max": 6.0, "learning_rate": 0.02, "model.num_layers": 1}]
    begun(tmp_path, tuning(generations=2), warm_start=[*start, *later])
    run_study(folder, SimulatedTrials())
    assert [params for params, _ in points(folder)][4] == later[0]
    assert sum(params in start for params, _ in points(folder)) == 1


@pytest.mark.slow
def test_points_enqueued_by_others_are_tried_next(tmp_path):
    folder = begun(tmp_path, tuning(generations=1))
    run_study(folder, SimulatedTrials())
    stored(folder)[0].enqueue_trial({"model.r_max": 6.5})
    begun(tmp_path, tuning(generations=2))
    run_study(folder, SimulatedTrials())
    _, trials = stored(folder)
    assert len(trials) == 8
    assert trials[4].params["model.r_max"] == 6.5
    assert trials[4].user_attrs["generation"] == 1


def test_equal_trials_are_run_once(tmp_path):
    space = {"model.num_layers": SPACE["model.num_layers"]}
    settings = tuning(generations=3).model_copy(update={"search_space": space})
    trace = tmp_path / "trace.txt"
    folder = begun(tmp_path, settings)
    run_study(folder, OneParameter(trace=str(trace)))
    assert len(points(folder)) == 12
    assert sum(line.startswith("measure") for line in trace.read_text().splitlines()) == 4
    by_depth = {}
    for params, values in points(folder):
        assert by_depth.setdefault(params["model.num_layers"], values) == values


def test_a_budget_that_is_none_is_refused():
    with pytest.raises(CuprolithError, match="--generations 0"):
        Budget(generations=0).apply_to(tuning())
    assert Budget(offspring=7).apply_to(tuning()).offspring == 7


@pytest.mark.slow
def test_the_seed_decides_what_is_proposed(finished, tmp_path):
    folder = begun(tmp_path, seed=4)
    run_study(folder, SimulatedTrials())
    assert points(folder) != points(finished[0])
    assert load_study(folder).search_space == simulated.SPACE


def test_a_damaged_storage_is_named_with_its_remedy(finished, tmp_path):
    folder = tmp_path / "study"
    shutil.copytree(finished[0], folder)
    cut(folder / "study.db")
    with pytest.raises(CuprolithError) as raised:
        run_study(folder, SimulatedTrials())
    assert str(folder / "study.db") in str(raised.value)
    assert "and rerun the same command" in raised.value.remedy.replace("\n", " ")


@pytest.fixture
def said(monkeypatch):
    """What is announced."""
    lines = []
    for module in (storage, steps):
        monkeypatch.setattr(module, "announce", lines.append)
    return lines


@pytest.mark.slow
def test_a_removed_storage_is_made_again_without_training(finished, tmp_path, said):
    folder, trace = tmp_path / "study", tmp_path / "trace.txt"
    shutil.copytree(finished[0], folder)
    (folder / "study.db").unlink()
    run_study(folder, SimulatedTrials(trace=str(trace)))
    assert points(folder) == points(finished[0])
    assert (folder / "pareto.json").read_bytes() == (finished[0] / "pareto.json").read_bytes()
    assert not trace.exists()
    assert [f"{folder / 'study.db'} is missing or empty" in line for line in said] == [True]


@pytest.mark.parametrize("harm", [cut, remove])
def test_a_damaged_file_of_a_finished_trial_changes_no_front(finished, tmp_path, harm):
    folder = tmp_path / "study"
    shutil.copytree(finished[0], folder)
    for name in ("trial.json", "measurements.json"):
        harm(folder / "trials" / "1" / name)
    run_study(folder, SimulatedTrials())
    assert (folder / "pareto.json").read_bytes() == (finished[0] / "pareto.json").read_bytes()


@pytest.mark.slow
def test_a_damaged_file_of_an_unfinished_trial_is_announced_and_made_again(
    finished, tmp_path, said
):
    folder, trace = begun(tmp_path), tmp_path / "trace.txt"
    with pytest.raises(CuprolithError, match="train trial 1"):
        run_study(folder, OneTrainingBreaks())
    cut(folder / "trials" / "2" / "trial.json")
    run_study(folder, SimulatedTrials(trace=str(trace)))
    assert points(folder) == points(finished[0])
    trained = [line.split()[1] for line in trace.read_text().splitlines() if line[0] == "t"]
    assert trained[:2] == ["1", "2"]
    assert any("trials/2/trial.json is damaged" in line for line in said)


@pytest.mark.parametrize("harm", [cut, remove])
def test_a_study_without_its_description_is_not_taken_for_other_files(finished, tmp_path, harm):
    folder = tmp_path / "study"
    shutil.copytree(finished[0], folder)
    study = load_study(folder)
    harm(folder / "study.json")
    with pytest.raises(CuprolithError, match=r"study\.json: missing or damaged"):
        begin_study(study, folder)
