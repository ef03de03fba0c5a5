"""`cuprolith package | compile`: which checkpoint goes where, and how the file is used."""

import pytest
from typer.testing import CliRunner

from training.errors import TrainingError
from training.nequip_runs import deployment
from training.nequip_runs.training_run import (
    INPUTS_FILE,
    RESULT_FILE,
    TrainingInputs,
    TrainingResult,
)
from workflows.cli.main import app

CAMPAIGN = """\
name: small
crystals:
  Cu: {prototype: fcc, a: 3.6}
  Li: {prototype: bcc, a: 3.45}
structures:
  slabs:
    - {crystal: Cu, miller_indices: [[1, 0, 0]], min_thickness: 6.0, vacuum: 6.0}
training: {variant: allegro-qdi}
"""


@pytest.fixture
def trained(tmp_path, monkeypatch):
    """Folder of a finished training of allegro-qdi."""
    monkeypatch.setenv("COLUMNS", "300")
    folder = tmp_path / "work" / "training" / "allegro-qdi"
    folder.mkdir(parents=True)
    (folder / "best.ckpt").write_bytes(b"weights")
    config = {"training_module": {"model": {"type_names": ["Cu", "Li"]}}}
    TrainingInputs(seed=1, dataset={}, versions={}, config=config).write(folder / INPUTS_FILE)
    TrainingResult(
        variant="allegro-qdi",
        input_hash="0" * 64,
        seed=1,
        checkpoint="best.ckpt",
        epochs=2,
        max_epochs=2,
        best_epoch=1,
        best_val_forces_mae=0.1,
        best_val_per_atom_energy_mae=0.01,
        n_parameters=10,
        seconds=1.0,
        device="cpu",
        versions={},
    ).write(folder / RESULT_FILE)
    return folder


@pytest.fixture
def calls(monkeypatch):
    """Calls of what does the work, which takes minutes and is tested where it is."""
    seen = []
    for name in ("package_model", "compile_model"):
        monkeypatch.setattr(deployment, name, lambda *given, name=name: seen.append((name, *given)))
    return seen


def give(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.mark.parametrize(
    ("options", "name", "lines"),
    [
        ((), "ase-cpu", ("NequIPCalculator.from_compiled_model(", 'device="cpu"')),
        (("--target", "batch", "--device", "cuda"), "batch-cuda", ("NequIPTorchSimCalc",)),
        (("--target", "pair_allegro"), "pair_allegro-cpu", ("pair_style allegro", " Cu Li")),
    ],
)
def test_compiles_the_best_checkpoint_and_says_how_to_use_it(trained, calls, options, name, lines):
    result = give("compile", trained, *options)
    assert result.exit_code == 0, result.output
    out = trained / "deployed" / f"allegro-qdi-{name}.nequip.pt2"
    target, device = name.split("-")
    assert calls == [("compile_model", trained / "best.ckpt", out, target, device)]
    for part in (*lines, str(out)):
        assert part in result.output


def test_packages_the_best_checkpoint(trained, calls):
    result = give("package", trained)
    assert result.exit_code == 0, result.output
    out = trained / "deployed" / "allegro-qdi.nequip.zip"
    assert calls == [("package_model", trained / "best.ckpt", out)]


def test_finds_the_training_of_a_workdir(trained, calls):
    workdir = trained.parents[1]
    (workdir / "campaign.yaml").write_text(CAMPAIGN)
    result = give("package", "--workdir", workdir)
    assert result.exit_code == 0, result.output
    assert calls[0][1] == trained / "best.ckpt"


def test_what_is_missing_is_said(trained, calls, tmp_path):
    (trained / "best.ckpt").unlink()
    for arguments, part in [
        ((trained,), "best.ckpt is missing"),
        ((tmp_path / "nowhere",), "no such folder"),
        ((trained / "result.json",), "this is a file; name the folder"),
        ((), "give either the folder of a training or --workdir"),
        ((trained, "--workdir", tmp_path), "give either the folder of a training or --workdir"),
    ]:
        result = give("compile", *arguments)
        assert result.exit_code == 1, result.output
        assert part in result.output
        assert "→" in result.output
    assert calls == []


def test_failure_is_shown_without_traceback(trained, monkeypatch):
    def fail(*_):
        raise TrainingError("nequip-compile ended with exit code 1. What to do: this.")

    monkeypatch.setattr(deployment, "compile_model", fail)
    result = give("compile", trained)
    assert result.exit_code == 1
    assert "What to do: this." in result.output
    assert "Traceback" not in result.output
