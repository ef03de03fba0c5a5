"""``cuprolith train FILE`` and ``cuprolith reproduce tables`` with real, tiny trainings."""

import json
import os
import signal
import subprocess
import sys
import time

import ase.io
import pytest
import torch
import yaml
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from paper_samples import write_inputs, write_rmd17
from typer.testing import CliRunner

from analysis.report.circuit import circuit_sections, trained_circuit
from analysis.report.inputs import Inputs, TrainingFolder
from workflows.cli.main import app


@pytest.fixture
def give(tmp_path, monkeypatch):
    """Give a command in a folder with inputs/paper and the data of one molecule."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    write_inputs(tmp_path / "inputs" / "paper")
    write_rmd17(tmp_path / "data" / "rmd17", "benzene")

    def run(*arguments):
        return CliRunner().invoke(app, list(arguments))

    return run


def assert_refused(result, *parts):
    assert result.exit_code == 1, result.output
    said = " ".join(result.output.split())  # the console breaks lines where the path is long
    for part in parts:
        assert part in said
    assert "Traceback" not in result.output


@pytest.mark.slow
def test_a_training_file_is_trained_and_judged(give, tmp_path):
    result = give("train", "inputs/paper/benzene_allegro.yaml", "--seed", "5")
    assert result.exit_code == 0, result.output
    folder = tmp_path / "trainings" / "benzene-allegro" / "seed-5"
    stored = json.loads((folder / "result.json").read_text())
    held_out = json.loads((folder / "held_out.json").read_text())
    assert held_out["n_frames"] == 16
    assert held_out["input_hash"] == stored["input_hash"]
    for part in (
        "benzene-allegro, seed 5: 2 of 2 epochs",
        f"validation force MAE {stored['best_val_forces_mae']:.4f} eV/Å",
        f"test (16 frames): force MAE {held_out['forces_mae']:.4f} eV/Å",
    ):
        assert part in result.output


@pytest.mark.slow
def test_a_killed_table_goes_on(give, tmp_path):
    arguments = ["reproduce", "tables", "--only", "benzene", "--variants", "allegro"]
    arguments += ["--seeds", "1", "--max-epochs", "30"]
    program = f"from workflows.cli.main import app; app({arguments!r})"
    process = subprocess.Popen(
        [sys.executable, "-c", program], env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    )
    folder = tmp_path / "results" / "tables" / "benzene-allegro" / "seed-0"
    limit = time.monotonic() + 120
    while not (folder / "last.ckpt").exists():
        assert process.poll() is None
        assert time.monotonic() < limit
        time.sleep(0.1)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (folder / "result.json").exists()
    # The cosine knows the number of epochs, so only the same command goes on.
    result = give(*arguments)
    assert result.exit_code == 0, result.output
    assert len(list((folder / "metrics").glob("version_*"))) == 2
    assert json.loads((folder / "result.json").read_text())["epochs"] == 30
    assert "30 of 2" in (tmp_path / "results" / "tables" / "tables.md").read_text()


def test_a_dry_run_lists_cells_and_missing_data(give, tmp_path):
    result = give("reproduce", "tables", "--only", "aspirin,benzene", "--seeds", "1", "--dry-run")
    assert result.exit_code == 0, result.output
    assert "benzene-allegro-qdi, seed 0" in result.output
    assert "data missing" in result.output
    assert "cuprolith download rmd17 --to" in result.output
    assert not (tmp_path / "results").exists()


def test_what_does_not_go_together_is_refused(give, tmp_path):
    (tmp_path / "campaign.yaml").write_text("name: a\ncrystals: {Cu: {prototype: fcc, a: 3.6}}\n")
    file = "inputs/paper/benzene_allegro.yaml"
    assert_refused(give("train", "campaign.yaml", "--seed", "1"), "training file")
    assert_refused(give("train", file, "--workdir", "w"), "--out")
    assert_refused(give("train", file, "--max-time", "1h"), "--max-time 1h", "DD:HH:MM:SS")
    assert_refused(give("reproduce", "tables", "--only", "x"), "--only: unknown x")
    assert_refused(give("train", "inputs/paper/aspirin_allegro.yaml"), "rmd17_aspirin_train_01.npz")


def own_file(folder, data, **training):
    """Write a training file on one's own extended XYZ: two crystals, an atom and EMT labels."""
    frames = []
    for i in range(6):
        atoms = bulk("Cu" if i % 2 else "Al", "fcc", a=3.7 + 0.1 * i, cubic=True)
        atoms.rattle(0.1, seed=i)
        frames.append(atoms)
    frames.append(Atoms("Cu", cell=[15, 15, 15], pbc=True))
    for atoms in frames:
        computed = atoms.copy()
        computed.calc = EMT()
        atoms.info["REF_energy"] = computed.get_potential_energy()
        atoms.arrays["REF_forces"] = computed.get_forces()
    ase.io.write(folder / "mine.xyz", frames, format="extxyz")
    model = {"r_max": 4.0, "num_scalar_features": 8, "edge_mlp_width": 8}
    training = {"max_epochs": 2, "batch_size": 1, "model": model} | training
    content = {"name": "mine", "data": data, "training": training}
    (folder / "mine.yaml").write_text(yaml.safe_dump(content))


@pytest.mark.slow
def test_one_s_own_extended_xyz_is_trained_and_judged(give, tmp_path):
    """In batches of one frame, an isolated atom among them, without an edge."""
    own_file(tmp_path, {"source": "extxyz", "train": "mine.xyz"}, dtype="float64")
    result = give("train", "mine.yaml", "--data", ".")
    assert result.exit_code == 0, result.output
    assert "mine, seed 0: 2 of 2 epochs" in result.output
    assert "test (1 frame)" in result.output
    config = yaml.safe_load(
        (tmp_path / "trainings" / "mine" / "seed-0" / "config.yaml").read_text()
    )
    assert config["training_module"]["model"]["per_type_energy_shifts"]["Cu"] == 3.51


@pytest.mark.parametrize(
    ("data", "training", "parts"),
    [
        ({"train": "other.xyz"}, {}, ["other.xyz does not exist", "--data ."]),
        ({"train": "mine.xyz", "energy_key": "E"}, {}, ["mine.xyz, frame 0", "there is no 'E'"]),
        ({"train": "mine.xyz"}, {"model": {"r_max": 0.4}}, ["within r_max = 0.4 Å", "mine.xyz"]),
        ({"train": "mine.xyz"}, {"atomic_energies": {"Cu": 1.0}}, ["`atomic_energies` lacks Al"]),
        ({"train": "mine.xyz"}, {"stress_weight": 1.0}, ["has no stress", "stress_weight: 0"]),
        ({"train": "mine.xyz", "test": "lithium.xyz"}, {}, ["Li: in ", "lithium.xyz", "mine.xyz"]),
    ],
)
def test_what_cannot_be_learnt_is_one_clear_line(give, tmp_path, data, training, parts):
    own_file(tmp_path, {"source": "extxyz", **data}, **training)
    frames = (tmp_path / "mine.xyz").read_text()
    (tmp_path / "lithium.xyz").write_text(frames.replace("Al ", "Li "))
    assert_refused(give("train", "mine.yaml", "--data", "."), *parts)
    assert not (tmp_path / "trainings" / "mine" / "seed-0").exists()


def test_downloads_show_how_far_they_are_and_how_they_failed(give, tmp_path, monkeypatch):
    from training.frame_sources import download

    def stand_in(name, directory, on_progress):
        on_progress("a.tar", 1_000_000, 3_000_000)
        on_progress("a.tar", 3_000_000, 3_000_000)
        on_progress("b.txt", 10, 10)
        if name == "qm9":
            raise download.DownloadError("https://example.org could not be downloaded")

    monkeypatch.setattr(download, "download_dataset", stand_in)
    result = give("download", "rmd17", "--to", "there")
    assert result.exit_code == 0, result.output
    assert "rmd17 is complete" in result.output
    assert_refused(give("download", "qm9"), "https://example.org could not be downloaded")


@pytest.mark.slow
def test_a_model_is_compared_with_a_control(give, tmp_path):
    content = yaml.safe_load((tmp_path / "inputs/paper/benzene_allegro_qdi.yaml").read_text())
    for name, frozen in (("trained", False), ("kept", True)):
        content["name"] = name
        content["training"]["qdi"] = {"frozen": frozen}
        (tmp_path / f"inputs/paper/{name}.yaml").write_text(yaml.safe_dump(content))
    command = ["reproduce", "controls", "inputs/paper/trained.yaml", "inputs/paper/kept.yaml"]
    command += ["--seeds", "1", "--out", "compared"]
    result = give(*command)
    assert result.exit_code == 0, result.output
    stored = [
        json.loads((tmp_path / "compared" / name / "seed-0" / "result.json").read_text())
        for name in ("trained", "kept")
    ]
    assert stored[0]["n_parameters"] > stored[1]["n_parameters"]
    page = (tmp_path / "compared" / "controls.md").read_text()
    assert "One seed is no result." in page
    assert f"| kept | {stored[1]['n_parameters']} | 1 |" in page
    started = time.monotonic()
    assert give(*command).exit_code == 0
    assert time.monotonic() - started < 5  # nothing is trained again
    # The report finds the trained weights.
    inputs = Inputs(tmp_path)
    for name in ("trained", "kept"):
        folder = tmp_path / "compared" / name / "seed-0"
        result = json.loads((folder / "result.json").read_text())
        inputs.trainings.append(TrainingFolder(name, folder, result))
    (section,) = circuit_sections(inputs)
    assert inputs.problems == []
    assert [len(table.rows) for table in section.tables] == [4, 4]
    weights = [
        trained_circuit(training.folder / training.result["checkpoint"]).weights
        for training in inputs.trainings
    ]
    assert not torch.equal(*weights)
    torch.testing.assert_close(*weights, rtol=0, atol=0.5)  # both from one seed
