"""What the results page claims follows from the records."""

from __future__ import annotations

import json

import numpy as np
import pytest

from .problems import PROBLEMS
from .records import Records
from .run import Task, run
from .table import main, number, page, verdict

BNH_BEST = max(PROBLEMS["BNH"].published.values())


def record(method: str, seed: int, hypervolumes: list[float], **changes: object) -> dict:
    return {
        "method": method,
        "described": "in words",
        "problem": "BNH",
        "batch": 1,
        "seed": seed,
        "budget": 80,
        "capped": False,
        "cap_seconds": 1200.0,
        "hypervolume": hypervolumes,
        "feasible": [True] * len(hypervolumes),
        "cpu_seconds": list(np.arange(1.0, len(hypervolumes) + 1)),
        "versions": {"numpy": "2"},
        **changes,
    }


def ours(*finals: float) -> list[dict]:
    return [
        record("samo-cobra", seed, list(np.linspace(0, final, 80)))
        for seed, final in enumerate(finals)
    ]


@pytest.mark.parametrize(
    ("finals", "said"),
    [
        ([BNH_BEST + 10, BNH_BEST + 11], "ahead"),
        ([BNH_BEST - 10, BNH_BEST + 9], "level"),
        ([0.9 * BNH_BEST] * 2, "behind by 10 %"),
    ],
)
def test_verdict_weighs_the_difference_against_the_error_of_our_mean(finals, said):
    group = Records(ours(*finals)).get("samo-cobra", "BNH")
    assert verdict(group, PROBLEMS["BNH"]) == said


def test_a_capped_rival_is_compared_at_the_evaluations_it_reached():
    # After 40 of 80 evaluations ours is at half its final hypervolume, below the rival.
    capped = record("qlognehvi", 0, [0.6 * BNH_BEST] * 40, capped=True)
    text = page(Records([*ours(BNH_BEST, BNH_BEST), capped]))
    assert "Against BoTorch qLogNEHVI, at equal evaluations: ahead on 0 of 1, not on BNH" in text
    assert "(@40, n = 1)" in text
    assert "after 1200 s of processor time" in text


def test_loss_of_a_batch_is_stated():
    together = [{**one, "batch": 12, "hypervolume": [5200.0] * 80} for one in ours(1.0)]
    text = page(Records([*ours(5250.0), *together]))
    assert "| +0.95% |" in text
    assert "within 5 % of one at a time on 1 of 1" in text


def test_every_problem_has_a_row_even_where_nothing_ran():
    assert all(f"| {name} (" in page(Records(ours(5000.0))) for name in PROBLEMS)


def test_numbers_keep_their_digits():
    assert number(1.07846e8) == "1.07846·10^8"
    assert number(3.8859e10, 1e8) == "(3.88590 ± 0.01000)·10^10"
    assert number(4205170.4, 539.2) == "4205170 ± 539"
    assert number(1.3026, 0.0002) == "1.3026 ± 0.0002"


@pytest.mark.slow
def test_a_run_leaves_its_record_and_the_page_is_written_from_it(tmp_path, monkeypatch):
    task = Task("optuna-nsga2", "BNH", 1, 0, 60.0, tmp_path)
    run(task)
    kept = json.loads(task.path.read_text())
    assert len(kept["hypervolume"]) == len(kept["cpu_seconds"]) == kept["budget"] == 80
    assert np.all(np.diff(kept["hypervolume"]) >= 0)
    monkeypatch.setattr("sys.argv", ["table", str(tmp_path), "--out", str(tmp_path / "page")])
    main()
    assert {path.name for path in (tmp_path / "page").iterdir()} == {
        "README.md",
        "runs.csv",
        "convergence.png",
    }
