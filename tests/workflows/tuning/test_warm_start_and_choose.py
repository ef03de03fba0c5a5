"""From study to study, and from study to training file."""

from pathlib import Path

import pytest
import yaml
from simulated_trials import SPACE, SimulatedTrials, begun, tuning

from analysis.tuning.pareto import load_pareto
from cuprolith.errors import CuprolithError
from training.optimization.parameters import FloatParameter, OrdinalParameter
from workflows.inputs.training_file import load_training_file
from workflows.tuning.choose import choose
from workflows.tuning.run import run_study
from workflows.tuning.warm_start import warm_start


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = begun(tmp_path_factory.mktemp("finished"))
    run_study(made, SimulatedTrials())
    return made


def front(folder):
    return load_pareto(folder / "pareto.json")


@pytest.mark.slow
def test_all_points_of_another_front_are_used(folder):
    start = warm_start([folder / "pareto.json"], SPACE)
    assert list(start.points) == [point.parameters for point in front(folder).points]
    assert start.left_out == ()


def test_another_variant_lends_what_both_have(folder):
    space = {**SPACE, "final_mlp.widths.0": OrdinalParameter(values=(8, 16))}
    del space["learning_rate"]
    start = warm_start([folder / "pareto.json"], space)
    assert all(point.keys() == {"model.r_max", "model.num_layers"} for point in start.points)
    nothing = warm_start(
        [folder / "pareto.json"], {"final_mlp.widths.0": space["final_mlp.widths.0"]}
    )
    assert nothing.points == ()
    assert all("shares no parameter" in text for text in nothing.left_out)


def test_points_outside_the_space_are_named(folder):
    space = {**SPACE, "model.r_max": FloatParameter(low=3.0, high=5.0)}
    start = warm_start([folder / "pareto.json"], space)
    outside = [p for p in front(folder).points if p.parameters["model.r_max"] > 5.0]
    assert outside
    assert len(start.points) == len(front(folder).points) - len(outside)
    for point, text in zip(outside, start.left_out, strict=True):
        assert text.startswith(f"simulated, trial {point.number}: model.r_max ")


def test_what_is_no_front_is_refused(tmp_path):
    (tmp_path / "pareto.json").write_text("{}")
    with pytest.raises(CuprolithError, match="not the front of a study"):
        warm_start([tmp_path / "pareto.json"], SPACE)


@pytest.mark.parametrize("choice", [3, "knee", "accuracy", "time"])
def test_the_file_of_a_trial_trains_its_model(folder, tmp_path, choice):
    chosen = choose(folder if choice == "knee" else folder / "pareto.json", choice)
    path = tmp_path / "chosen.yaml"
    path.write_text(chosen.to_yaml())
    loaded = load_training_file(path)
    assert loaded == chosen.file
    number = chosen.trial.number
    parameters = chosen.trial.parameters
    assert loaded.name == f"simulated-trial-{number}"
    assert loaded.training.model.r_max == parameters["model.r_max"]
    assert loaded.training.learning_rate == parameters["learning_rate"]
    assert loaded.training.model.num_layers == parameters["model.num_layers"]
    assert (chosen.data_root / loaded.data.directory / "rmd17_benzene_train_01.npz").exists()
    assert path.read_text().startswith(
        f"# trial {number} of simulated: validation force MAE (eV/Å) "
    )
    assert "tuning" not in yaml.safe_load(path.read_text())
    points = {point.number: point.objectives for point in front(folder).points}
    expected = {
        3: 3,
        "knee": front(folder).knee,
        "accuracy": min(points, key=lambda n: points[n][0]),
        "time": min(points, key=lambda n: points[n][1]),
    }
    assert number == expected[choice]


def test_choices_that_do_not_exist_are_refused(folder, tmp_path):
    with pytest.raises(CuprolithError, match="no finished trial 99"):
        choose(folder, 99)
    with pytest.raises(CuprolithError, match="no study here"):
        choose(tmp_path, "knee")
    with pytest.raises(CuprolithError, match="no trial is finished yet"):
        choose(begun(tmp_path), "knee")
    failing = Path(tmp_path / "failing")
    failing.mkdir()
    made = begun(failing, tuning(generations=1))
    run_study(made, SimulatedTrials(fails_from=0.0))
    with pytest.raises(CuprolithError, match="the front is empty"):
        choose(made, "knee")
    assert "which failed: the loss is not finite" in str(choose(made, 0))
