"""What the page on the sampler's defaults claims follows from the records."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import ttest_ind

from .defaults import OURS, RIVALS, lead, page, summary, write_runs
from .records import Records
from .run import Task, run
from .single import SINGLE


def record(method: str, seed: int, hypervolume: float, problem: str = "BNH") -> dict:
    return {
        "method": method,
        "described": "in words",
        "problem": problem,
        "batch": 1,
        "seed": seed,
        "hypervolume": list(np.linspace(0, hypervolume, 100)),
        "cpu_seconds": [1.0] * 100,
        "versions": {"numpy": "2"},
    }


def records(ours: float, rival: float) -> Records:
    runs = [record(OURS, seed, ours + seed) for seed in range(3)]
    return Records(
        runs + [record(name, seed, rival + seed) for name in RIVALS for seed in range(3)]
    )


def test_lead_is_that_of_welch():
    rng = np.random.default_rng(0)
    ours, rival = rng.normal(5.0, 1.0, 10), rng.normal(4.0, 2.0, 7)
    assert lead(ours, rival) == pytest.approx(ttest_ind(ours, rival, equal_var=False).statistic)
    assert lead(np.ones(3), np.ones(3)) == 0.0


@pytest.mark.parametrize(
    ("ours", "said"),
    [
        (100.0, "ahead in 4 of 4 rows, level in 0, behind in 0."),
        (90.5, "ahead in 0 of 4 rows, level in 4, behind in 0."),
        (80.0, "behind in 4: BNH after 20, BNH after 30, BNH after 40, BNH after 100."),
    ],
)
def test_the_summary_counts_what_is_beyond_two_standard_errors(ours, said):
    lines = summary(records(ours, 90.0), ["BNH"])
    assert len(lines) == len(RIVALS)
    assert all(said in line for line in lines)


def test_the_page_and_the_rows_hold_every_run(tmp_path):
    told = records(100.0, 90.0)
    write_runs(told, tmp_path / "runs.csv")
    rows = (tmp_path / "runs.csv").read_text().splitlines()
    assert len(rows) == 1 + 3 * (1 + len(RIVALS))
    assert rows[1].startswith("optuna-nsga2,BNH,0,17.27273,")
    assert "| BNH (2) | 20 | **19.3838 ± 0.1108** | 17.4646 ± 0.1108 |" in page(told)


def test_a_single_objective_is_measured_by_its_best_value(tmp_path):
    task = Task("random", "SINE", 1, 0, 60.0, tmp_path, evaluations=100)
    assert not task.done
    run(task)
    assert task.done
    assert not replace(task, evaluations=101).done
    kept = json.loads(task.path.read_text())["hypervolume"]
    assert len(kept) == 100
    everywhere = np.linspace(-5, 5, 100_001)[:, None]
    best = SINGLE["SINE"].evaluate(everywhere)[0].min()
    assert best < 4 - kept[-1] < best + 0.5
    text = page(Records([json.loads(task.path.read_text())]))
    assert f"{4 - kept[-1]:.4f}" in text
