import io
from types import SimpleNamespace

import pytest
from rich.console import Console

from cuprolith.progress import LineBar, progress_bar, progress_on
from training.nequip_runs.trainer import TrainingStart
from workflows.epoch_progress import EpochProgress


class Epoch(SimpleNamespace):
    def __str__(self):
        return f"epoch {self.epoch}"


def shown(monkeypatch, terminal, epochs, resumed=None):
    monkeypatch.setattr(LineBar, "INTERVAL", 0.0)
    console = Console(file=io.StringIO(), force_terminal=terminal, width=100)
    with progress_on(console), progress_bar("train", total=20) as bar:
        progress = EpochProgress(bar)
        if resumed is not None:
            progress.start(TrainingStart(resumed, ("no oxygen",)))
        for epoch in epochs:
            progress.show(Epoch(epoch=epoch))
        if terminal:
            bar._progress.refresh()
    return console.file.getvalue()


@pytest.mark.parametrize("terminal", [False, True])
def test_progress_starts_at_the_epoch_where_a_training_resumes(monkeypatch, terminal):
    text = shown(monkeypatch, terminal, [12, 13], resumed=12)
    assert "12 epochs are trained" in text
    assert "warning: no oxygen" in text
    assert "14/20 epoch 13" in text or ("14/20" in text and "epoch 13" in text)
    assert "2/20" not in text.replace("12/20", "")


def test_an_epoch_that_is_trained_again_counts_once(monkeypatch):
    """Of a training killed after it logged the epoch, before it wrote the checkpoint."""
    lines = shown(monkeypatch, False, [11, 12], resumed=12).splitlines()
    assert [line.split()[1] for line in lines[2:]] == ["12/20", "13/20"]


def test_a_training_from_the_start_counts_from_one(monkeypatch):
    assert "1/20 epoch 0" in shown(monkeypatch, False, [0])
