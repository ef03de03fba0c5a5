"""Models compared with their controls."""

from pathlib import Path

import pytest

from cuprolith.errors import CuprolithError
from workflows.controls import Outcome, _check_equal, comparison_table
from workflows.inputs.training_file import load_training_file

CONTROLS = Path(__file__).parents[2] / "inputs" / "controls"


def outcome(forces, energy=1.0):
    return Outcome(forces, energy, n_parameters=100, epochs=2, on_test=True)


def test_differences_are_by_seed():
    # errors scatter over seeds by 10, differences by 1
    found = {
        "model": {0: outcome(10.0), 1: outcome(20.0), 2: outcome(30.0)},
        "control": {0: outcome(13.0), 1: outcome(24.0), 2: outcome(35.0)},
    }
    table = comparison_table(found)
    rows = {row[0]: dict(zip(table.header, row, strict=True)) for row in table.rows}
    assert rows["control"]["forces"] == "24.0 ± 11"
    assert rows["control"]["forces − first"] == "4.00 ± 1.0"
    assert rows["model"]["forces − first"] == ""


def test_seeds_that_only_one_has_are_not_paired():
    found = {"model": {0: outcome(10.0)}, "control": {0: outcome(12.0), 1: outcome(50.0)}}
    control = comparison_table(found).rows[1]
    assert control[2] == "2"
    assert control[5] == "2.00"


def test_nothing_trained_is_no_number():
    assert comparison_table({"model": {}}).rows == [["model", "–", "0", "–", "–", "", ""]]


@pytest.mark.parametrize("dataset", ["benzene", "quickstart"])
def test_the_projects_controls_differ_in_the_layer_only(dataset):
    paths = sorted(CONTROLS.glob(f"{dataset}_*.yaml"))
    files = [load_training_file(path) for path in paths]
    assert {file.name.removeprefix(f"{dataset}-") for file in files} == {
        "qdi",
        "no-entanglers",
        "frozen",
        "trigonometric",
        "mlp",
    }
    _check_equal(files, paths)


def test_other_budgets_are_refused():
    path = CONTROLS / "benzene_qdi.yaml"
    file = load_training_file(path)
    other = file.limited(5, None).model_copy(update={"name": "other"})
    with pytest.raises(CuprolithError, match=r"not the same experiment as .*: max_epochs"):
        _check_equal([file, other], [path, path])


def test_other_data_are_refused():
    paths = [CONTROLS / f"{dataset}_qdi.yaml" for dataset in ("benzene", "quickstart")]
    with pytest.raises(CuprolithError, match="data"):
        _check_equal([load_training_file(path) for path in paths], paths)
