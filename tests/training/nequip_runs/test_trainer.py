import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
import yaml
from frame_samples import SEED

from tests.damage import cut, empty, flip
from training.dataset.extxyz import read_frames
from training.errors import TrainingError
from training.nequip_runs import nequip_process, trainer
from training.nequip_runs.learning_curve import read_learning_curve
from training.nequip_runs.nequip_process import run_nequip_train
from training.nequip_runs.trainer import train
from training.nequip_runs.training_checks import training_warnings
from training.nequip_runs.training_run import (
    load_result,
    prepare_folder,
    stored_inputs,
    training_inputs,
)
from training.sources.dataset import DatasetSource
from training.variants.allegro import AllegroSettings, AllegroTraining
from training.variants.allegro_mlp import AllegroMLPTraining, FinalMLPSettings
from training.variants.allegro_qdi import AllegroQDITraining, QDISettings

ROOT = Path(__file__).parents[3]
TRAIN_IN_ANOTHER_PROCESS = """
import json, sys
from pathlib import Path
from pydantic import TypeAdapter
from training.sources.dataset import DatasetSource
from training.nequip_runs.trainer import train
from training.variant_settings import AnyTraining
settings = TypeAdapter(AnyTraining).validate_json(sys.argv[1])
train(settings, DatasetSource(Path(sys.argv[2])), Path(sys.argv[3]), int(sys.argv[4]),
      lambda metrics: print(metrics.epoch, flush=True))
"""


def files_of(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def weights(checkpoint):
    state = torch.load(checkpoint, weights_only=True)["state_dict"]
    return {name: value for name, value in state.items() if torch.is_tensor(value)}


def nequip_processes(folder):
    """Children that train in a folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if "training.nequip_runs.nequip_train" in " ".join(
                process.cmdline()
            ) and process.cwd() == str(folder):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
    return found


@pytest.mark.slow
def test_learns_and_says_so(trained, emt_dataset, small_settings):
    folder, result, epochs = trained
    frames = read_frames(emt_dataset / "val.extxyz")
    zero_force = np.abs(np.concatenate([frame.forces for frame in frames])).mean()
    assert result.best_val_forces_mae < 0.35 * zero_force
    assert [metrics.epoch for metrics in epochs] == list(range(small_settings.max_epochs))
    assert epochs[-1].train_loss < 0.2 * epochs[0].train_loss
    assert (result.epochs, result.max_epochs) == (40, 40)
    assert result.checkpoint == "best.ckpt"
    assert load_result(folder) == result
    parameters = [
        value.numel()
        for name, value in weights(folder / "best.ckpt").items()
        if name.startswith("ema.")
    ]
    assert result.n_parameters == sum(parameters)


@pytest.mark.slow
def test_result_agrees_with_the_learning_curve(trained):
    folder, result, epochs = trained
    curve = read_learning_curve(folder / "metrics")
    assert curve.best_epoch == result.best_epoch
    assert curve.val_forces_mae[result.best_epoch] == result.best_val_forces_mae
    assert result.best_val_forces_mae == epochs[result.best_epoch].val_forces_mae
    assert (np.diff(curve.seconds) > 0).all()
    assert curve.seconds[-1] == result.seconds
    assert curve.learning_rate[-1] == pytest.approx(0.01 * 0.02)


@pytest.mark.slow
def test_a_finished_training_is_not_redone(trained, emt_dataset, small_settings, monkeypatch):
    folder, result, _ = trained
    before = files_of(folder)

    def refuse(*arguments):
        raise AssertionError("trained again")

    monkeypatch.setattr(trainer, "run_nequip_train", refuse)
    assert train(small_settings, DatasetSource(emt_dataset), folder, SEED) == result
    assert files_of(folder) == before


@pytest.mark.slow
def test_goes_on_after_kills_with_the_same_numbers(trained, emt_dataset, small_settings, tmp_path):
    """Of the trainer, and of the process that started it; then no loader's worker is left either.

    Variants do in test_molecule_trainings (allegro-mlp) and test_several_devices (allegro-qdi).
    """
    undisturbed, expected, _ = trained
    folder = tmp_path / "allegro"

    def stop_the_trainer(metrics):
        if metrics.epoch >= 3:
            for process in nequip_processes(folder):
                process.terminate()

    with pytest.raises(TrainingError, match=r"SIGTERM[\s\S]*same command"):
        train(small_settings, DatasetSource(emt_dataset), folder, SEED, stop_the_trainer)
    reached = len(read_learning_curve(folder / "metrics").epoch)
    assert 3 < reached < 40

    with_workers = small_settings.model_copy(update={"num_workers": 1})
    arguments = [with_workers.model_dump_json(), str(emt_dataset), str(folder), str(SEED)]
    with subprocess.Popen(
        [sys.executable, "-c", TRAIN_IN_ANOTHER_PROCESS, *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        first_epoch = int(parent.stdout.readline())
        (trainer,) = nequip_processes(folder)
        workers = trainer.children()
        parent.send_signal(signal.SIGKILL)
    assert len(workers) >= 2  # one for each of the two loaders
    assert psutil.wait_procs([trainer, *workers], timeout=5)[1] == []
    assert first_epoch >= reached - 1
    assert load_result(folder) is None

    epochs, starts = [], []
    source = DatasetSource(emt_dataset)
    result = train(small_settings, source, folder, SEED, epochs.append, starts.append)
    assert epochs[0].epoch > first_epoch
    (start,) = starts
    assert epochs[0].epoch in {start.epochs_done, start.epochs_done - 1}, "progress starts there"
    assert start.warnings == tuple(training_warnings(small_settings, source))
    assert result.epochs == expected.epochs
    assert result.best_epoch == expected.best_epoch
    assert result.best_val_forces_mae == pytest.approx(expected.best_val_forces_mae, rel=1e-6)
    mine, theirs = (read_learning_curve(path / "metrics") for path in (folder, undisturbed))
    np.testing.assert_allclose(mine.train_loss, theirs.train_loss, rtol=1e-5)
    np.testing.assert_allclose(mine.val_loss, theirs.val_loss, rtol=1e-5)
    assert (np.diff(mine.seconds) > 0).all()
    for name, value in weights(undisturbed / "best.ckpt").items():
        torch.testing.assert_close(weights(folder / "best.ckpt")[name], value, msg=name)
    assert not (folder / "scratch").exists()


@pytest.mark.slow
def test_a_training_killed_before_its_result_is_written_ends_as_it_would_have(
    trained, emt_dataset, small_settings, tmp_path
):
    folder, result, _ = trained
    copy = tmp_path / "allegro"
    shutil.copytree(folder, copy)
    (copy / "result.json").unlink()
    epochs = []
    again = train(small_settings, DatasetSource(emt_dataset), copy, SEED, epochs.append)
    assert epochs == []
    assert again == result


@pytest.mark.parametrize("harm", [Path.unlink, cut, empty, flip])
@pytest.mark.slow
def test_a_best_checkpoint_that_is_gone_or_damaged_is_not_made_again_unasked(
    trained, emt_dataset, small_settings, tmp_path, monkeypatch, harm
):
    folder, result, _ = trained
    copy = tmp_path / "allegro"
    shutil.copytree(folder, copy)
    harm(copy / "best.ckpt")
    monkeypatch.setattr(trainer, "run_nequip_train", None)  # is not called
    with pytest.raises(TrainingError) as raised:
        train(small_settings, DatasetSource(emt_dataset), copy, SEED)
    said = str(raised.value)
    assert f"{copy}/best.ckpt is {'missing' if harm == Path.unlink else 'damaged'}" in said
    assert f"mv {copy} {copy}.damaged" in said
    assert f"starts from the beginning ({result.seconds:.0f} s" in said


@pytest.mark.parametrize("harm", [Path.unlink, cut, empty, flip])
@pytest.mark.slow
def test_a_finished_training_without_its_inputs_is_known_by_its_result(
    trained, emt_dataset, small_settings, tmp_path, monkeypatch, harm
):
    folder, result, _ = trained
    copy = tmp_path / "allegro"
    shutil.copytree(folder, copy)
    harm(copy / "inputs.json")
    monkeypatch.setattr(trainer, "run_nequip_train", None)  # is not called
    assert train(small_settings, DatasetSource(emt_dataset), copy, SEED) == result
    assert (copy / "inputs.json").read_bytes() == (folder / "inputs.json").read_bytes()


@pytest.mark.slow
def test_a_loss_that_is_not_finite_ends_the_training(diverged):
    folder, error = diverged
    assert re.search(r"loss is (nan|inf)[\s\S]*lower `learning_rate`", str(error))
    assert not (folder / "last.ckpt").exists()
    assert load_result(folder) is None


@pytest.mark.slow
def test_max_time_ends_the_training_cleanly(emt_dataset, small_settings, tmp_path):
    settings = small_settings.model_copy(update={"max_epochs": 100_000, "max_time": "00:00:00:01"})
    result = train(settings, DatasetSource(emt_dataset), tmp_path / "allegro", SEED)
    assert 1 <= result.epochs < 1000
    assert result.seconds < 5
    assert (tmp_path / "allegro" / "best.ckpt").is_file()


def test_a_failing_trainer_is_quoted(tmp_path, monkeypatch):
    child = "import sys; print('line', 1); sys.exit('RuntimeError: out of memory')"
    monkeypatch.setattr(nequip_process, "_command", lambda *_: [sys.executable, "-c", child])
    (tmp_path / "nequip-train.log").write_text("an earlier run\n")
    with pytest.raises(TrainingError) as raised:
        run_nequip_train(tmp_path, 1, None)
    message = str(raised.value)
    assert "exit code 1" in message
    assert "RuntimeError: out of memory" in message
    assert "lower `batch_size`" in message
    assert "an earlier run" not in message
    assert str(tmp_path / "nequip-train.log") in message


def test_the_trainer_ends_with_an_interrupted_caller(tmp_path, monkeypatch):
    log = tmp_path / "nequip-train.log"
    child = "print('started', flush=True); import time; time.sleep(60)"
    monkeypatch.setattr(nequip_process, "_command", lambda *_: [sys.executable, "-c", child])

    def interrupt(*arguments):
        while "started" not in log.read_text():
            time.sleep(0.01)
        raise KeyboardInterrupt

    monkeypatch.setattr(nequip_process, "_follow", interrupt)
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run_nequip_train(tmp_path, 1, None)
    assert time.monotonic() - started < 30


def test_other_inputs_never_mix(emt_dataset, small_settings, tmp_path):
    folder = tmp_path / "training" / "allegro"
    first = training_inputs(small_settings, DatasetSource(emt_dataset), SEED)
    second = training_inputs(small_settings, DatasetSource(emt_dataset), SEED + 1)
    prepare_folder(folder, first)
    (folder / "last.ckpt").write_text("first")
    prepare_folder(folder, first)
    assert (folder / "last.ckpt").read_text() == "first"

    prepare_folder(folder, second)
    assert not (folder / "last.ckpt").exists()
    assert stored_inputs(folder) == second
    aside = folder.with_name(f"allegro.{first.short_hash}")
    assert (aside / "last.ckpt").read_text() == "first"

    prepare_folder(folder, first)
    assert (folder / "last.ckpt").read_text() == "first"
    assert not aside.exists()
    assert stored_inputs(folder.with_name(f"allegro.{second.short_hash}")) == second


def test_a_folder_of_unknown_origin_is_kept_aside(emt_dataset, small_settings, tmp_path):
    inputs = training_inputs(small_settings, DatasetSource(emt_dataset), SEED)
    for text in ("one", "two"):
        folder = tmp_path / "allegro"
        folder.mkdir(exist_ok=True)
        (folder / "inputs.json").write_text(text)
        prepare_folder(folder, inputs)
        shutil.rmtree(folder)
    assert (tmp_path / "allegro.unknown" / "inputs.json").read_text() == "one"
    assert (tmp_path / "allegro.unknown.2" / "inputs.json").read_text() == "two"


def test_what_a_kill_left_before_the_first_epoch_is_no_training(
    emt_dataset, small_settings, tmp_path
):
    inputs = training_inputs(small_settings, DatasetSource(emt_dataset), SEED)
    folder = tmp_path / "allegro"
    folder.mkdir()
    (folder / ".inputs.json.partial").write_text("{")
    prepare_folder(folder, inputs)
    assert stored_inputs(folder) == inputs
    assert [path.name for path in tmp_path.iterdir()] == ["allegro"]


def test_whatever_decides_the_result_is_in_the_hash(emt_dataset, small_settings):
    source = DatasetSource(emt_dataset)
    inputs = training_inputs(small_settings, source, SEED)
    assert inputs == training_inputs(small_settings, DatasetSource(emt_dataset), SEED)
    changes = [
        {name: value}
        for name, value in {
            "max_epochs": 41,
            "batch_size": 9,
            "learning_rate": 0.03,
            "ema_decay": 0.9,
            "optimizer": "adam",
            "energy_weight": 3.0,
            "force_weight": 2.0,
            "stress_weight": 2.0,
            "dtype": "float64",
            "max_time": "00:00:01:00",
            "model": AllegroSettings(r_max=4.0),
            "compile": True,
            "devices": 2,
            "atomic_energies": {"Al": -1.0, "Cu": -2.0},
        }.items()
    ]
    hashes = {
        training_inputs(small_settings.model_copy(update=change), source, SEED).hash
        for change in changes
    }
    assert len(hashes | {inputs.hash}) == len(changes) + 1
    assert training_inputs(small_settings, source, SEED + 1).hash != inputs.hash
    touched = set(AllegroTraining.model_fields) - {next(iter(change)) for change in changes}
    assert touched == {"variant", "num_workers"}
    workers = small_settings.model_copy(update={"num_workers": 2})
    assert training_inputs(workers, source, SEED) == inputs


def test_the_variant_and_its_own_section_decide(emt_dataset, small_settings):
    source, common = DatasetSource(emt_dataset), dict(small_settings)
    del common["variant"]
    trainings = [
        small_settings,
        AllegroMLPTraining(**common),
        AllegroMLPTraining(**common, final_mlp=FinalMLPSettings(widths=(4, 2))),
        AllegroQDITraining(**common),
        AllegroQDITraining(**common, qdi=QDISettings(depth=1)),
    ]
    hashes = {training_inputs(settings, source, SEED).hash for settings in trainings}
    assert len(hashes) == len(trainings)


def test_the_folder_of_the_dataset_does_not_matter(emt_dataset, small_settings, tmp_path):
    copy = tmp_path / "elsewhere"
    shutil.copytree(emt_dataset, copy)
    one, two = (
        training_inputs(small_settings, DatasetSource(folder), SEED)
        for folder in (emt_dataset, copy)
    )
    assert one.hash == two.hash


@pytest.mark.parametrize("split", ["train", "val"])
def test_a_changed_dataset_is_refused(split, emt_dataset, small_settings, tmp_path):
    copy = tmp_path / "dataset"
    shutil.copytree(emt_dataset, copy)
    path = copy / f"{split}.extxyz"
    path.write_bytes(path.read_bytes().replace(b"Cu", b"Al", 1))
    with pytest.raises(TrainingError, match=f"{split}.extxyz was changed"):
        train(small_settings, DatasetSource(copy), tmp_path / "allegro", SEED)
    path.unlink()
    with pytest.raises(TrainingError, match="does not exist"):
        train(small_settings, DatasetSource(copy), tmp_path / "allegro", SEED)
    assert not (tmp_path / "allegro").exists()


@pytest.mark.slow
def test_the_configuration_is_kept(trained, emt_dataset):
    folder, result, _ = trained
    config = yaml.safe_load((folder / "config.yaml").read_text())
    assert config["data"]["train_file_path"] == str(emt_dataset / "train.extxyz")
    assert config["training_module"]["model"]["type_names"] == ["Al", "Cu"]
    inputs = json.loads((folder / "inputs.json").read_text())
    assert inputs["versions"] == result.versions
    assert os.fspath(emt_dataset) not in json.dumps(inputs)
