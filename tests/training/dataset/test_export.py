"""`cuprolith export`: the folder is a dataset, and its card is what the Hub reads."""

import hashlib
import json

import ase.io
import yaml
from typer.testing import CliRunner

from training.dataset.card import load_card
from training.sources.dataset import DatasetSource
from workflows.cli.main import app


def export(*arguments):
    return CliRunner().invoke(app, ["export", *map(str, arguments)])


def test_an_export_is_a_dataset_with_a_card_for_people(emt_dataset, tmp_path):
    options = ["--name", "Metals: a test", "--licence", "CC0-1.0", "--doi", "10.1000/182"]
    options += ["--authors", "A. Author", "--authors", "B. Author", "--description", "For tests."]
    result = export(emt_dataset, tmp_path / "out", *options)
    assert result.exit_code == 0, result.output
    assert "missing" not in result.output

    card = load_card(emt_dataset)
    source = DatasetSource(tmp_path / "out")
    assert source.verified_hashes(stress=False) == DatasetSource(emt_dataset).verified_hashes(
        stress=False
    )
    _, front, text = (tmp_path / "out" / "README.md").read_text().split("---\n", 2)
    content = yaml.safe_load(front)
    assert content["pretty_name"] == "Metals: a test"
    assert content["license"] == "cc0-1.0"
    assert content["size_categories"] == ["n<1K"]
    files = {part["split"]: part["path"] for part in content["configs"][0]["data_files"]}
    assert set(files) == {"train", "validation", "test"}
    assert "author = {A. Author and B. Author}" in text
    for split, part in card.splits.items():
        structures = ase.io.read(tmp_path / "out" / part.file, ":")
        assert len(structures) == part.frames
        assert f"| {split} | `{part.file}` | {part.frames} |" in text
        definitions = json.loads((tmp_path / "out" / "property_definitions.json").read_text())
        keys = {definitions["potential-energy"]["energy"]["field"]}
        keys |= {definitions["atomic-forces"]["forces"]["field"]}
        assert keys <= set(structures[0].calc.results)
    for line in (tmp_path / "out" / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split("  ")
        assert hashlib.sha256((tmp_path / "out" / name).read_bytes()).hexdigest() == digest


def test_what_is_not_stated_is_missing_and_a_changed_dataset_is_refused(emt_dataset, tmp_path):
    result = export(emt_dataset, tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "missing: the licence" in result.output
    train = tmp_path / "out" / "train.extxyz"
    train.write_bytes(train.read_bytes().replace(b"energy=-", b"energy=", 1) + b" ")
    result = export(tmp_path / "out", tmp_path / "again")
    assert result.exit_code == 1
    assert "train.extxyz" in "".join(result.output.split())  # lines are broken anywhere
    assert not (tmp_path / "again" / "dataset.json").exists()
