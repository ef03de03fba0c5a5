"""A variant and a source of another package work like the project's own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from pocket_package import install

ROOT = Path(__file__).parents[2]
TRAINING = """\
name: pocket
data: {source: dimers, file: dimers.xyz}
training:
  variant: pocket
  model: {n_channels: 3, r_max: 4.0}
  max_epochs: 3
  batch_size: 4
tuning: {generations: 1, search_space: {model.n_channels: {type: int, low: 1, high: 4}}}
"""
COMMAND = "from workflows.cli.main import main; main()"
LOADED = """
import sys
from ase import Atoms
from pathlib import Path
from training.calculator import checkpoint_calculator
atoms = Atoms("Ar2", [[0, 0, 0], [1.3, 0, 0]])
atoms.calc = checkpoint_calculator(Path(sys.argv[1]), "cpu")
print(atoms.get_potential_energy(), "pocket.builder" in sys.modules)
"""


@pytest.fixture
def run(tmp_path):
    install(tmp_path / "site")

    def call(*arguments):
        path = os.pathsep.join([str(tmp_path / "site"), str(ROOT)])
        done = subprocess.run(
            [sys.executable, *map(str, arguments)], env={**os.environ, "PYTHONPATH": path},
            cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return call


@pytest.mark.slow
def test_a_foreign_variant_is_trained_on_a_foreign_source(run, tmp_path):
    (tmp_path / "pocket.yaml").write_text(TRAINING)
    run("-c", COMMAND, "train", "pocket.yaml", "--data", ".", "--out", "out")
    (result,) = (tmp_path / "out").rglob("result.json")
    facts = json.loads(result.read_text())
    assert (facts["variant"], facts["epochs"]) == ("pocket", 3)
    config = yaml.safe_load(result.with_name("config.yaml").read_text())
    assert config["data"]["source"]["source"] == "dimers"  # the trainer's process opened it
    assert config["training_module"]["model"]["_target_"] == "pocket.builder.PocketGNN"
    energy, builder = run("-c", LOADED, result.with_name(facts["checkpoint"])).split()
    assert abs(float(energy)) < 100
    assert builder == "True"
