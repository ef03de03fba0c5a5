"""Trainings on several devices; here processes, as machines without a GPU have."""

import subprocess
import sys

import numpy as np
import psutil
import pytest
import torch
from frame_samples import SEED
from test_trainer import ROOT, TRAIN_IN_ANOTHER_PROCESS, nequip_processes, weights

from training.errors import TrainingError
from training.nequip_runs.learning_curve import metrics_files, read_learning_curve
from training.nequip_runs.trainer import train
from training.sources.dataset import DatasetSource
from training.variants.allegro_qdi import AllegroQDITraining, QDISettings


@pytest.fixture(scope="module")
def settings(small_settings, emt_dataset):
    """Of two devices, each with half the frames in one batch."""
    n_train = DatasetSource(emt_dataset).n_frames("train")
    assert n_train % 2 == 0
    update = {
        "variant": "allegro-qdi",
        "qdi": QDISettings(final_mlp_width=8),
        # SOAP turns the rounding of a sum over devices into another eigenbasis, and other steps.
        "optimizer": "adam",
        "devices": 2,
        "batch_size": n_train // 2,
        "max_epochs": 10,
        "dtype": "float64",
    }
    return AllegroQDITraining(**{**dict(small_settings), **update})


def assert_same_numbers(ours, theirs, rtol):
    mine, others = (read_learning_curve(folder / "metrics") for folder in (ours, theirs))
    np.testing.assert_allclose(mine.train_loss, others.train_loss, rtol=rtol)
    np.testing.assert_allclose(mine.val_loss, others.val_loss, rtol=rtol)
    np.testing.assert_allclose(mine.learning_rate, others.learning_rate, rtol=rtol)
    expected = weights(theirs / "last.ckpt")
    for name, value in weights(ours / "last.ckpt").items():
        torch.testing.assert_close(value, expected[name], rtol=rtol, atol=rtol, msg=name)


@pytest.mark.slow
def test_two_devices_with_half_the_frames_each_are_one_with_all(settings, emt_dataset, tmp_path):
    """Though killed twice: the process that started them, and one of the two."""
    source = DatasetSource(emt_dataset)
    update = {"devices": 1, "batch_size": 2 * settings.batch_size}
    on_one = train(settings.model_copy(update=update), source, tmp_path / "one", SEED)
    folder = tmp_path / "killed"

    arguments = [settings.model_dump_json(), str(emt_dataset), str(folder), str(SEED)]
    with subprocess.Popen(
        [sys.executable, "-c", TRAIN_IN_ANOTHER_PROCESS, *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        assert parent.stdout.readline() == "0\n"
        children = nequip_processes(folder)
        parent.kill()
    assert len(children) == 3
    assert psutil.wait_procs(children, timeout=10)[1] == []

    def kill_one(metrics):
        launcher = next(process for process in nequip_processes(folder) if process.children())
        launcher.children()[-1].kill()

    with pytest.raises(TrainingError, match=r"SIGKILL[\s\S]*same command"):
        train(settings, source, folder, SEED, kill_one)
    assert nequip_processes(folder) == []

    result = train(settings, source, folder, SEED)
    assert (on_one.device, result.device) == ("cpu", "2 x cpu")
    assert (result.epochs, result.best_epoch) == (10, on_one.best_epoch)
    assert_same_numbers(folder, tmp_path / "one", rtol=1e-9)
    assert len(metrics_files(folder / "metrics")) == 3
    assert not (folder / "scratch").exists()


@pytest.mark.parametrize(("gpus", "said"), [(1, "1 GPU "), (2, "2 GPUs ")])
def test_more_devices_than_gpus_are_refused(
    gpus, said, settings, emt_dataset, tmp_path, monkeypatch
):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    more = settings.model_copy(update={"devices": 3})
    with pytest.raises(TrainingError, match=f"`devices` is 3, but this machine has {said}"):
        train(more, DatasetSource(emt_dataset), tmp_path / "allegro", SEED)
    assert not (tmp_path / "allegro").exists()


def test_each_device_needs_a_frame_to_validate(settings, emt_dataset, tmp_path):
    source = DatasetSource(emt_dataset)
    many = settings.model_copy(update={"devices": source.n_frames("val") + 1})
    with pytest.raises(TrainingError, match=r"only \d+ frames to validate"):
        train(many, source, tmp_path / "allegro", SEED)
