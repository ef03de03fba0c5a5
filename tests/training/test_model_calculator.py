"""One function opens a model of any kind, by its name."""

from pathlib import Path

import pytest

from training import calculator as module
from training.calculator import model_calculator
from training.errors import TrainingError


@pytest.mark.parametrize(
    ("name", "loader"),
    [
        ("best.ckpt", "checkpoint_calculator"),
        ("allegro.nequip.zip", "packaged_calculator"),
        ("allegro-ase-cpu.nequip.pt2", "compiled_calculator"),
    ],
)
def test_the_ending_says_what_it_is(name, loader, monkeypatch):
    monkeypatch.setattr(module, loader, lambda path, device: (loader, path, device))
    assert model_calculator(Path(name), "cpu") == (loader, Path(name), "cpu")


@pytest.mark.parametrize("name", ["model.pt", "weights.zip", "best.ckpt.bak", "ckpt"])
def test_other_files_are_refused_with_a_remedy(name, tmp_path):
    (tmp_path / name).touch()
    with pytest.raises(TrainingError, match=r"What to do: name one of these"):
        model_calculator(tmp_path / name)


def test_a_file_that_is_missing(tmp_path):
    with pytest.raises(TrainingError, match="does not exist"):
        model_calculator(tmp_path / "model.nequip.pt2")
