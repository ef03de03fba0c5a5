"""Problems of runs are listed, with their reasons."""

from analysis.report.run_problems import failure_table, problem_table, skipped_table


def run(**problems):
    return {"trajectory_id": "slab-1/relax", "stopped_because": "", "fallen_apart": ""} | problems


def test_runs_without_problems_make_no_table():
    assert problem_table([run(), run(corrections=[], drift=[])]) is None


def test_each_problem_is_a_row():
    table = problem_table(
        [run(), run(corrections=["FrozenJob", "NonConverging"]), run(drift=["SIGMA 0.05 vs 0.1"])]
    )
    assert [row[1:] for row in table.rows] == [
        ["corrected", "FrozenJob; NonConverging"],
        ["other settings, set aside", "SIGMA 0.05 vs 0.1"],
    ]


def test_skipped_structures_name_their_reason():
    table = skipped_table(
        [{"structure_id": "adatom-1", "family": "adatom", "reason": "slab-1: it fell apart"}]
    )
    assert table.rows == [["adatom-1", "adatom", "slab-1: it fell apart"]]


def test_long_tables_are_cut_and_say_so():
    table = failure_table([{"name": f"relax {i}", "error": "no"} for i in range(60)])
    assert len(table.rows) == 50
    assert "the first 50 of 60" in table.caption
