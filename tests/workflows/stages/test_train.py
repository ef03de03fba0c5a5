"""What a training says, and that predictions are made again only when what they are of changes."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from workflows.stages import train as stage

sys.path.append(str(Path(__file__).parents[2] / "analysis"))
from made_up_validation import evaluation


@pytest.fixture
def made(tmp_path, monkeypatch):
    """Predict with a checkpoint of some content; how often that came to predictions."""
    calls = []

    def predict(checkpoint, frames, out):
        out.parent.mkdir(exist_ok=True)
        out.write_text(f"{checkpoint.read_text()} {frames}")
        calls.append(out)

    monkeypatch.setattr("training.predict.predict", predict)

    def run(checkpoint="weights", frames="frames"):
        (tmp_path / "best.ckpt").write_text(checkpoint)
        card = SimpleNamespace(splits={"val": SimpleNamespace(sha256=frames)})
        source = SimpleNamespace(card=card, frames=lambda _: frames, verified_hash=lambda _: frames)
        folder = tmp_path / "predictions"
        stage._predict_once(tmp_path / "best.ckpt", source, "val", folder)
        assert (folder / "val.npz").read_text() == f"{checkpoint} {frames}"
        return len(calls)

    run()
    return run


def test_what_is_there_is_not_predicted_again(made):
    assert made() == 1


@pytest.mark.parametrize("change", [{"checkpoint": "others"}, {"frames": "more frames"}])
def test_other_weights_or_frames(made, change):
    assert made(**change) == 2


def test_predictions_that_are_lost_or_damaged(made, tmp_path):
    (tmp_path / "predictions" / "val.npz").unlink()
    assert made() == 2
    (tmp_path / "predictions" / "val.npz").write_text("cut off")
    assert made() == 3
    (tmp_path / "predictions" / "val.json").unlink()
    assert made() == 4


def test_the_summary_names_what_its_averages_hide():
    result = SimpleNamespace(variant="allegro", n_parameters=1, epochs=1, seconds=1.0)
    kernel = SimpleNamespace(splits={}, note="")
    found = evaluation({"slab": {"Cu": (0.01, 0.2)}, "adatom": {"Cu": (0.041, 0.037)}})
    said = str(stage.TrainSummary(result, found, kernel))
    assert "no better than a baseline: forces of adatom (41 meV/Å against 37" in said
    right = evaluation({"slab": {"Cu": (0.01, 0.2)}})
    assert "baseline" not in str(stage.TrainSummary(result, right, kernel))
