"""docs/tutorials/extended_xyz.md: its commands, and what it shows of them."""

import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import yaml
from ase.io import read
from readme_commands import ROOT
from typer.testing import CliRunner

from training.label_settings import ENERGY_UNITS
from workflows.cli.main import app

PAGE = ROOT / "docs" / "tutorials" / "extended_xyz.md"
INPUTS = ROOT / "inputs" / "own_data"


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)


def give(command):
    assert command.startswith("cuprolith ")
    result = CliRunner().invoke(app, shlex.split(command)[1:], catch_exceptions=False)
    return result.exit_code, " ".join(result.output.split())


@pytest.mark.slow
def test_from_a_file_to_a_compiled_potential(tmp_path, monkeypatch):
    """Few epochs, since this is about the way and not the accuracy."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "inputs").symlink_to(ROOT / "inputs")
    (console,) = blocks("console")
    command, _, shown = console.removeprefix("$ ").partition("\n")
    code, said = give(command)
    assert code == 1
    assert " ".join(shown.split()) in said

    collect, train, validate, compile_, export = (block.strip() for block in blocks("bash"))
    code, said = give(collect)
    assert code == 0, said
    assert "80 frames" in said
    assert re.search(r"energies change by 0\.98\d? times the work of the forces", said)
    frames = [
        frame
        for split in ("train", "val", "test")
        for frame in read(f"datasets/benzene/{split}.extxyz", ":")
    ]
    published = read(INPUTS / "benzene.xyz", ":")
    energies = sorted(atoms.get_potential_energy() for atoms in published)
    np.testing.assert_allclose(
        sorted(frame.get_potential_energy() for frame in frames),
        np.array(energies) * ENERGY_UNITS["kcal/mol"],
    )

    asked = f"{validate} --properties held_out_forces,nve_drift"
    for given in (f"{train} --max-epochs 3", asked, compile_, export):
        code, said = give(given)
        assert code == 0, said
    (judged,) = Path("validations").glob("*/validation.json")
    forces, drift = json.loads(judged.read_bytes())["values"]
    assert (forces["source"], drift["source"]) == ("labels", "exact")
    assert 0 < forces["value"] < 100  # per cent of the mean force, after three epochs
    assert "missing: the authors" in said
    (python,) = blocks("python")
    names = {}
    exec(python, names)
    atoms = published[0]
    atoms.calc = names["calculator"]
    assert atoms.get_potential_energy() == pytest.approx(-6306, abs=20)


def test_the_page_shows_the_files():
    shown = [yaml.safe_load(block) for block in blocks("yaml")]
    assert shown == [
        yaml.safe_load((INPUTS / name).read_text()) for name in ("labels.yaml", "benzene.yaml")
    ]
