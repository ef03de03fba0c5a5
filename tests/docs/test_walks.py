"""The drawn walks pass through files and functions that exist, and the pictures are up to date."""

import ast
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DRAW = runpy.run_path(str(ROOT / "docs" / "draw_walks.py"))
WALKS = DRAW["read_walks"]()


@pytest.mark.parametrize("name", WALKS)
def test_each_step_exists(name):
    for row in WALKS[name]["rows"]:
        for path, function in row["steps"]:
            tree = ast.parse((ROOT / path).read_text())
            names = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
            assert function in names, f"{path} has no function {function}"


@pytest.mark.parametrize("name", WALKS)
def test_pictures_are_up_to_date(name):
    picture = ROOT / "docs" / "figures" / f"walk_{name}.svg"
    assert picture.read_text() == DRAW["drawing"](WALKS[name])
