"""`cuprolith reproduce molecules` on dimers that EMT labels."""

import json

import pytest
import yaml
from typer.testing import CliRunner

from workflows.cli.main import app

CAMPAIGN = {
    "name": "dimer",
    "crystals": {"Cu": {"prototype": "fcc", "a": 3.6}},
    "structures": {"dimers": {"distances": [round(0.7 + 0.05 * n, 2) for n in range(16)]}},
    "engine": {"name": "emt", "task": "static"},
}
MODEL = {"r_max": 6.0, "num_scalar_features": 4, "num_tensor_features": 2, "num_layers": 1}
ROWS = {
    "systems": [
        {"name": "lih", "label": "Cu₂, EMT", "campaign": "dimer.yaml", "order": "even",
         "cut": [0, 1], "train": 6, "val": 2, "test": 8}
    ],
    "trainings": [
        {"system": "lih", "model": "Allegro", "labels": "E", "noise": noise,
         "training": {"variant": "allegro", "model": MODEL, "dtype": "float64"}}
        for noise in (0.0, 0.05)
    ],
    "polynomials": [{"system": "lih", "degree": 6}],
    "short": {"systems": ["lih"], "seeds": 1, "max_epochs": 1},
}  # fmt: skip
PUBLISHED = {"source": "Le et al. 2023", "tables": {}}


@pytest.fixture
def give(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "inputs"
    folder.mkdir()
    contents = {"dimer": CAMPAIGN, "reproduce": ROWS, "published": PUBLISHED}
    for name, content in contents.items():
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(content))
    fixed = ["reproduce", "molecules", "--inputs", "inputs", "--out", "out"]
    return lambda *more: CliRunner().invoke(app, [*fixed, *more])


@pytest.mark.slow
def test_rows_are_labelled_trained_and_shown_and_nothing_is_computed_twice(give, tmp_path):
    first = give("--short")
    assert first.exit_code == 0, first.output
    assert "2 of 2 trainings finished" in first.output
    rows = json.loads((tmp_path / "out" / "molecules.json").read_bytes())["rows"]
    assert [(row["model"][:9], row["noise"]) for row in rows] == [
        ("Allegro", 0.0), ("Allegro", 0.05), ("symmetric", 0.0),
    ]  # fmt: skip
    polynomial = rows[2]
    assert polynomial["mse_energy_test"] < 1e-3  # a smooth curve, and six points of it
    assert all(row["nve_drift"] is not None for row in rows[:2])
    results = sorted(tmp_path.glob("out/**/result.json"))
    times = [path.stat().st_mtime_ns for path in results]
    again = give("--short")
    assert again.exit_code == 0, again.output
    assert [path.stat().st_mtime_ns for path in results] == times
    assert json.loads((tmp_path / "out" / "molecules.json").read_bytes())["rows"][:2] == rows[:2]


def test_an_unknown_system_is_named(give):
    result = give("--only", "benzene")
    assert result.exit_code == 1
    assert "unknown benzene" in result.output
