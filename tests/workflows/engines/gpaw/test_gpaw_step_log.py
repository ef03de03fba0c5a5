import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from workflows.engines.gpaw.step_log import StepLog

CELL = np.eye(3) * 3.6
PLACES = [np.array([[0.1 * i, 1 / 3, np.pi]]) for i in range(5)]


def written(path, header="one"):
    log = StepLog(path, {"config_hash": header})
    for number, place in enumerate(PLACES):
        log.append(place, CELL, {"free_energy": -0.1 * number})
    return log


def recalled(path, header="one", places=PLACES):
    log = StepLog(path, {"config_hash": header})
    labels = [log.recall(place, CELL) for place in places]
    return [label["free_energy"] for label in labels if label is not None]


def test_steps_come_back_bit_for_bit_in_their_order(tmp_path):
    log = written(tmp_path / "steps.jsonl")
    assert recalled(tmp_path / "steps.jsonl") == [-0.1 * number for number in range(5)]
    assert [labels["free_energy"] for labels in log.given()] == recalled(tmp_path / "steps.jsonl")


@given(kept=st.floats(0, 1))
def test_a_file_cut_anywhere_gives_its_whole_lines(tmp_path_factory, kept):
    path = tmp_path_factory.mktemp("log") / "steps.jsonl"
    written(path)
    content = path.read_bytes()[: int(kept * path.stat().st_size)]
    path.write_bytes(content)
    whole = max(content.count(b"\n") - 1, 0)
    assert len(recalled(path)) == whole
    log = StepLog(path, {"config_hash": "one"})  # and it can be written on
    for place in PLACES[:whole]:
        log.recall(place, CELL)
    for place in PLACES[whole:]:
        log.append(place, CELL, {"free_energy": 0.0})
    assert len(recalled(path)) == len(PLACES)


def test_a_step_elsewhere_drops_the_rest(tmp_path):
    path = tmp_path / "steps.jsonl"
    written(path)
    log = StepLog(path, {"config_hash": "one"})
    assert log.recall(PLACES[0], CELL) is not None
    assert log.recall(PLACES[1] + 1e-15, CELL) is None
    log.append(PLACES[1] + 1e-15, CELL, {"free_energy": 7.0})
    again = [PLACES[0], PLACES[1] + 1e-15, PLACES[2]]
    assert recalled(path, places=again) == [0.0, 7.0]


def test_another_header_starts_anew(tmp_path):
    written(tmp_path / "steps.jsonl")
    assert recalled(tmp_path / "steps.jsonl", header="two") == []
