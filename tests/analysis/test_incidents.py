"""What went wrong is listed run by run, with its reason."""

from analysis.report.incidents import failure_table, incident_table, skipped_table


def run(**incidents):
    return {"trajectory_id": "slab-1/relax", "stopped_because": "", "fallen_apart": ""} | incidents


def test_runs_without_incident_make_no_table():
    assert incident_table([run(), run(corrections=[], drift=[])]) is None


def test_each_incident_is_a_row():
    table = incident_table(
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
