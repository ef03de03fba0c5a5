"""``cuprolith tune`` and ``cuprolith choose``, with simulated trials and, once, real trainings.

That a study measures for itself is for test_quickstart, which gives the README's commands.
"""

import json
from pathlib import Path

import optuna
import pytest
from paper_samples import COMMON, write_rmd17
from typer.testing import CliRunner

from training.tuning.trial import CostEstimate, TrialAccuracy, TrialMeasurements
from workflows.cli.main import app
from workflows.inputs.training_file import load_training_file
from workflows.tuning import trials as trials_module
from workflows.tuning.trials import NequIPTrials

INPUTS = Path(__file__).parents[3] / "inputs"
FILE = """\
extends: common.yaml
name: small
seed: 5
data: {molecule: benzene}
training: {max_epochs: 3}
tuning:
  generations: 2
  offspring: 2
  inference: {objective: flops, compiled: false, repeats: 3, warm_up: 1}
  search_space:
    model.r_max: {type: float, low: 2.0, high: 4.0}
    learning_rate: {type: float, low: 1.0e-3, high: 1.0e-1, log: true}
    model.num_layers: {type: int, low: 1, high: 2}
"""


@pytest.fixture
def give(tmp_path, monkeypatch):
    """Give a command in a folder with a study's file and its data."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    write_rmd17(tmp_path / "data" / "rmd17", "benzene")
    (tmp_path / "common.yaml").write_text(COMMON)
    (tmp_path / "study.yaml").write_text(FILE)

    def run(*arguments):
        return CliRunner().invoke(app, list(arguments))

    return run


@pytest.fixture
def simulated_measurements(monkeypatch):
    """A formula in place of measuring, whose processes take seconds to start."""

    def measure(self, study, folder, number, parameters):
        flops = 1e6 * parameters["model.r_max"] ** 3
        return TrialMeasurements(cost=CostEstimate(flops_per_atom=flops, bytes_per_atom=flops))

    monkeypatch.setattr(NequIPTrials, "measure", measure)


@pytest.fixture
def simulated(simulated_measurements, monkeypatch):
    """Formulas in place of training and measuring."""

    def train(self, study, folder, number, parameters):
        mae = 0.3 / parameters["model.r_max"] + abs(parameters["learning_rate"] - 0.01)
        return TrialAccuracy(accuracy=mae, accuracy_name="forces_mae", epochs=3, max_epochs=3)

    monkeypatch.setattr(NequIPTrials, "train", train)


def assert_refused(result, *parts):
    assert result.exit_code == 1, result.output
    for part in parts:
        assert part in result.output
    assert "Traceback" not in result.output


def trials(folder):
    storage = f"sqlite:///{folder / 'study.db'}"
    return optuna.load_study(study_name=None, storage=storage).trials


@pytest.mark.slow
@pytest.mark.usefixtures("simulated")
def test_a_study_from_file_to_chosen_training(give, tmp_path):
    result = give("tune", "study.yaml")
    assert result.exit_code == 0, result.output
    folder = tmp_path / "studies" / "small" / "seed-5"
    assert "small (allegro, seed 5): 4 of 4 trials, 4 feasible, 0 failed" in result.output
    assert (folder / "report.html").is_file()
    result = give("tune", "study.yaml", "--generations", "3", "--offspring", "3")
    assert "7 of 9 trials" in result.output
    assert len(trials(folder)) == 7

    result = give("tune", "study.yaml", "--status")
    front = json.loads((folder / "pareto.json").read_text())
    assert result.exit_code == 0, result.output
    assert "7 of 9 trials" in result.output
    assert f"{front['knee']} (knee)" in result.output

    result = give("choose", "studies/small/seed-5", "--knee", "-o", "chosen.yaml")
    assert result.exit_code == 0, result.output
    assert "cuprolith train chosen.yaml --data data" in result.output
    point = next(point for point in front["points"] if point["number"] == front["knee"])
    chosen = load_training_file(tmp_path / "chosen.yaml")
    assert chosen.training.model.r_max == point["parameters"]["model.r_max"]
    assert_refused(give("choose", "studies/small/seed-5", "--knee", "-o", "chosen.yaml"), "exists")
    assert_refused(give("choose", "studies/small/seed-5", "-o", "b.yaml"), "which trial?")
    assert_refused(give("choose", "studies/small/seed-5", "--best", "x", "-o", "b.yaml"), "--best")


@pytest.mark.usefixtures("simulated")
def test_other_epochs_are_another_study(give, tmp_path):
    assert give("tune", "study.yaml", "--generations", "1").exit_code == 0
    result = give("tune", "study.yaml", "--generations", "1", "--max-epochs", "9")
    assert "another study was there: it is moved to" in result.output.replace("\n", "")
    assert len(list((tmp_path / "studies" / "small").glob("*/study.db"))) == 2


def test_a_dry_run_touches_nothing(give, tmp_path):
    result = give("tune", "study.yaml", "--dry-run", "--workers", "2")
    assert result.exit_code == 0, result.output
    for part in (
        "2 to 4",
        "0.001 to 0.1, logarithmic",
        "2 generations of 2: 4 trainings of 3 epochs, 2 at a time",
        "validation force MAE (eV/Å), or validation energy MAE (eV/atom)",
        "cost of inference (Mflop/atom)",
        "limits: none",
    ):
        assert part in result.output
    assert not (tmp_path / "studies").exists()


@pytest.mark.parametrize(
    ("wrong", "parts"),
    [
        ("tuning: {search_space: {r_max: {type: int, low: 1, high: 2}}}",
         ["study.yaml:3: tuning.search_space", "did you mean `model.r_max`"]),
        ("tuning: {search_space: {model.r_max: {type: float, low: 5, high: 2}}}",
         ["study.yaml:3", "is above high"]),
        ("tuning: {search_space: {model.r_max: {type: float, low: -5, high: 2}}}",
         ["study.yaml:3: tuning.search_space", "model.r_max", "greater than 0"]),
        ("tuning: {search_space: {qdi.depth: {type: int, low: 1, high: 2}}}",
         ["study.yaml:3: tuning.search_space", "allegro does not use it"]),
        ("tuning: {search_space: {model.r_max: {type: real, low: 1, high: 2}}}",
         ["study.yaml:3: tuning.search_space.model.r_max"]),
        ("tuning: {generation: 3}",
         ["study.yaml:3: tuning.generation", "did you mean `generations`"]),
        ("tuning: {generations: 0}", ["study.yaml:3: tuning.generations"]),
        ("tuning: {warm_start: [none.json]}", ["study.yaml:3: tuning.warm_start", "no such file"]),
        ("tuning: {limits: {peak_memory: -1}}", ["study.yaml:3: tuning.limits.peak_memory", "GiB"]),
        ("seed: 1", ["no section `tuning`"]),
    ],
)  # fmt: skip
def test_wrong_files_are_explained(give, tmp_path, wrong, parts):
    (tmp_path / "study.yaml").write_text(f"extends: common.yaml\nname: wrong\n{wrong}\n"
                                         "data: {molecule: benzene}\n")  # fmt: skip
    assert_refused(give("tune", "study.yaml"), *parts)
    assert not (tmp_path / "studies").exists()


def test_what_does_not_go_together_is_refused(give, tmp_path):
    (tmp_path / "campaign.yaml").write_text((INPUTS / "quickstart.yaml").read_text())
    assert_refused(give("tune", "campaign.yaml", "--seed", "1"), "training file")
    assert_refused(give("tune", "study.yaml", "--workdir", "w"), "--out")
    assert_refused(give("tune", "study.yaml", "--max-time", "1h"), "DD:HH:MM:SS")
    assert_refused(give("tune", "campaign.yaml", "--dry-run"), "no section `tuning`")
    assert_refused(give("tune", "study.yaml", "--data", "nowhere"), "rmd17_benzene_train_01.npz")
    text = (tmp_path / "campaign.yaml").read_text() + "tuning: {}\n"
    (tmp_path / "campaign.yaml").write_text(text)
    assert_refused(give("tune", "campaign.yaml", "--workdir", "w"), "run `cuprolith collect")
    assert "100 generations of 12" in give("tune", "campaign.yaml", "--dry-run").output
    (tmp_path / "studies" / "small" / "seed-5").mkdir(parents=True)
    (tmp_path / "studies" / "small" / "seed-5" / "notes.txt").write_text("mine")
    assert_refused(give("tune", "study.yaml"), "files that are no study")


def test_the_papers_studies_and_the_quickstarts_are_valid(give):
    files = sorted((INPUTS / "tuning").glob("*.yaml"))
    assert len(files) == 13
    for path in files:
        file = load_training_file(path)
        assert file.tuning is not None
        if path.stem != "quickstart":
            assert file.tuning.n_trials == 1200
            assert file.training == load_training_file(INPUTS / "paper" / path.name).training


@pytest.mark.slow
@pytest.mark.usefixtures("simulated_measurements")
def test_a_real_study_resumes_a_training_half_done(give, tmp_path, monkeypatch):
    """With the numbers of an undisturbed one: see test_killed_study and test_trainer."""

    def stopped_in_the_second_trial(number):
        def stop(metrics):
            if number == 1:
                raise KeyboardInterrupt

        return stop

    with monkeypatch.context() as patched:
        patched.setattr(trials_module, "epoch_callback", stopped_in_the_second_trial)
        result = give("tune", "study.yaml", "--out", "stopped", "--generations", "1")
        assert result.exit_code == 130, result.output
    folder = tmp_path / "stopped" / "seed-5"
    assert (folder / "trials" / "1" / "training" / "last.ckpt").exists()
    assert not (folder / "trials" / "1" / "training" / "result.json").exists()
    result = give("tune", "study.yaml", "--out", "stopped", "--generations", "1")
    assert result.exit_code == 0, result.output
    assert "2 of 2 trials, 2 feasible, 0 failed" in result.output
    result = json.loads((folder / "trials" / "1" / "training" / "result.json").read_text())
    assert trials(folder)[1].values[0] == result["best_val_forces_mae"]
    content = json.loads((folder / "trials" / "1" / "trial.json").read_text())
    assert content["cost"]["flops_per_atom"] == trials(folder)[1].values[1] * 1e6
