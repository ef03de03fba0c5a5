"""``cuprolith circuits``: small circuits from files to the page."""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.analysis.report_page import Page
from workflows.cli.main import app

INPUTS = Path(__file__).parents[3] / "inputs" / "circuits"
QUICK = """
analysis: {fisher_draws: 3, fisher_inputs: 12, layers: 2, fourier_draws: 4, plateau_draws: 10,
           plateau_qubits: 4, state_draws: 50}
"""
QDI = "name: small\nqdi: {input_features: 2, qubits: 2, depth: 1}\n" + QUICK
GATES = """
name: gates
gates:
  - {gate: ry, qubits: [0], weight: 0}
  - {gate: rx, qubits: [0], input: 0}
observables: [{pauli: z, qubit: 0}]
"""


@pytest.fixture
def give(tmp_path, monkeypatch):
    """Give the command files by their content."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*contents):
        paths = [tmp_path / f"{place}.yaml" for place in range(len(contents))]
        for path, content in zip(paths, contents, strict=True):
            path.write_text(content)
        return CliRunner().invoke(app, ["circuits", *map(str, paths), "--out", "out"])

    return run


def test_circuits_stand_side_by_side(give, tmp_path):
    result = give(QDI, GATES + QUICK)
    assert result.exit_code == 0, result.output
    small, gates = json.loads((tmp_path / "out" / "circuits.json").read_text())["circuits"]
    assert (small["zx"]["phases_before"], gates["zx"]["phases_before"]) == (6, 2)
    assert small["fisher"]["rank_by_depth"]["n_weights"] == [4, 6]
    assert (small["fourier"]["terms"], gates["fourier"]["terms"]) == (17, 5)
    assert gates["fourier"]["nonzero"] == [2]  # cos θ·cos x
    page = Page(tmp_path / "out" / "circuits.html")
    assert page.headline == "2 circuits analysed"
    assert set(page.table("All circuits")) == {"small", "gates"}
    pictures = [name for part in small["pictures"].values() for name in part]
    assert len(pictures) == 6
    for name in pictures:
        assert (tmp_path / "out" / "small" / name).read_bytes().startswith(b"\x89PNG")
    images = [attributes["src"] for tag, attributes in page.elements if tag == "img"]
    assert len(images) == 6 + 5
    assert all(source.startswith("data:image/png;base64,") for source in images)


def test_finished_circuits_are_kept_and_others_made_again(give, tmp_path):
    give(QDI)
    result, picture = (tmp_path / "out" / "small" / name for name in ("result.json", "zx.png"))
    first = result.read_text()
    marked = json.loads(first) | {"seconds": 12345.0}
    result.write_text(json.dumps(marked))
    give(QDI)
    assert json.loads(result.read_text())["seconds"] == 12345.0
    picture.unlink()
    give(QDI)
    assert picture.is_file()
    again = json.loads(result.read_text())
    assert again["seconds"] != 12345.0
    assert again | {"seconds": 0} == json.loads(first) | {"seconds": 0}
    give(QDI.replace("depth: 1", "depth: 2"))
    assert json.loads(result.read_text())["circuit"]["n_weights"] == 8


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        (QDI.replace("qubits:", "qubit:"), ["0.yaml:2: qdi.qubit: unknown key", "`qubits`"]),
        (GATES.replace("weight: 0", "weigth: 0"),
         ["0.yaml:4: gates[0].weigth: unknown key", "did you mean `weight`?"]),
        (GATES.replace("gate: rx", "gate: rw"), ["0.yaml:5: gates[1].gate"]),
        (GATES.replace("weight: 0", "weight: 1"), ["no gate reads weight 0"]),
        ("name: a/b\nqdi: {}\n", ["0.yaml:1: name"]),
    ],
)  # fmt: skip
def test_mistakes_are_named_with_their_line(give, content, parts):
    result = give(content)
    assert result.exit_code == 1, result.output
    said = " ".join(result.output.split())
    for part in parts:
        assert part in said, said


def test_two_circuits_of_one_name_are_refused(give):
    result = give(QDI, QDI)
    assert result.exit_code == 1
    assert "two circuits have the name 'small'" in result.output


def test_the_examples_of_the_guide_are_valid(tmp_path):
    from workflows.inputs.circuit_file import load_circuit_file

    guide = (INPUTS.parents[1] / "docs" / "how_to" / "circuits.md").read_text()
    examples = re.findall(r"```yaml\n(.*?)```", guide, re.DOTALL)
    assert len(examples) == 3
    for place, example in enumerate(examples):
        path = tmp_path / f"{place}.yaml"
        path.write_text(example if "name:" in example else f"name: a\nqdi: {{}}\n{example}")
        load_circuit_file(path)


@pytest.mark.parametrize("path", sorted(INPUTS.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_projects_files_are_valid(path):
    from workflows.inputs.circuit_file import load_circuit_file

    file = load_circuit_file(path)
    assert file.name == path.stem.replace("_", "-")
    assert file.circuit().n_weights > 0
