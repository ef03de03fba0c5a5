import math

import pytest

from analysis.reproduction.runs import Estimate, estimate
from analysis.reproduction.tables import comparison_table, quantities, runs_table, written


def cells(table):
    """Published, ours and ours on test by dataset and model."""
    return {(row[0], row[1]): tuple(row[2:]) for row in table.rows}


def test_published_numbers_stand_beside_ours(published, run_of):
    runs = [
        run_of("aspirin", "allegro", 0, [0.5, 0.011], held_out=(0.013, 0.0041)),
        run_of("aspirin", "allegro", 1, [0.5, 0.009], held_out=(0.015, 0.0039)),
        run_of("aspirin", "allegro-qdi", 0, [0.5, 0.0101], total_energy_mae=0.0032),
    ]
    forces, energies = quantities(published)
    found = cells(comparison_table(forces, runs, published.reference))
    assert found["rMD17 aspirin", "Allegro"] == ("10.2", "10.0 ± 1.4 (2)", "14.0 ± 1.4 (2)")
    assert found["rMD17 aspirin", "Allegro [13]"] == ("9.8", "—", "—")
    assert found["rMD17 aspirin", "Allegro+QDI"] == ("9.9", "10.1 (1)", "—")
    found = cells(comparison_table(energies, runs, published.reference))
    assert found["rMD17 aspirin", "Allegro"] == ("3.6", "2.00 (2)", "4.00 ± 0.14 (2)")
    assert found["rMD17 aspirin", "Allegro+QDI"] == ("3.2", "3.20 (1)", "—")


def test_what_is_missing_is_a_dash(published, run_of):
    runs = [run_of("aspirin", "allegro-mlp", 0)]
    found = cells(comparison_table(quantities(published)[0], runs, published.reference))
    assert found["rMD17 aspirin", "Allegro+MLP"] == ("9.0", "—", "—")
    assert {dataset for dataset, _ in found} == {"rMD17 aspirin"}  # no other is asked for


def test_short_runs_are_marked(published, run_of):
    forces = quantities(published)[0]
    runs = [
        run_of("benzene", "allegro", 0, [0.4, 0.002], epochs_of_paper=3000),
        run_of("benzene", "allegro-mlp", 0, [0.4, 0.002]),
    ]
    found = cells(comparison_table(forces, runs, published.reference))
    assert found["rMD17 benzene", "Allegro"][1] == "2.00 (1) †"
    assert found["rMD17 benzene", "Allegro+MLP"][1] == "2.00 (1)"
    short, full = runs_table(runs, published).rows
    assert short[3].endswith("000 †")
    assert short[3].startswith("2 of 3")
    assert full[3] == "2 of 2"


def test_the_best_epoch_counts_not_the_last(published, run_of):
    run = run_of("benzene", "allegro", 0, [0.4, 0.001, 0.3], finished=False)
    assert run.forces_mae == pytest.approx(1.0)
    row = runs_table([run], published).rows[0]
    assert row[2] == "under way or stopped"
    assert row[4] == "1"
    assert row[5:7] == ["1 min 30 s", "cpu"]


def test_a_run_killed_within_an_epoch_shows_the_time_it_noted(published, run_of):
    run = run_of("benzene", "allegro", 0, [0.4, 0.2], finished=False)
    metrics = run.plan.folder / "metrics" / "version_0" / "metrics.csv"
    metrics.write_text(metrics.read_text().rstrip().rsplit(",", 1)[0] + ",\n")
    row = runs_table([run_of("benzene", "allegro", 0)], published).rows[0]
    assert row[5] == "30 s"


def test_errors_of_another_checkpoint_do_not_count(run_of):
    run = run_of("benzene", "allegro", 0, [0.4, 0.2], held_out=(0.1, 0.1))
    assert run.held_out is not None
    path = run.plan.folder / "held_out.json"
    path.write_text(path.read_text().replace("abc", "def"))
    assert run_of("benzene", "allegro", 0).held_out is None


def test_runs_that_cannot_be_say_so(published, run_of):
    row = runs_table([run_of("culi", "allegro", 0, problem="no data")], published).rows[0]
    assert row[:4] == ["Cu/Li, Allegro", "0", "cannot run", "0 of 2"]
    assert set(row[8:]) == {"— / —"}


def test_spread_is_the_sample_standard_deviation():
    found = estimate([1.0, 3.0, math.nan])
    assert (found.mean, found.n) == (2.0, 2)
    assert found.spread == pytest.approx(math.sqrt(2))
    assert estimate([]).n == 0


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (Estimate(809.0, 12.3, 3), "809 ± 12 (3)"),
        (Estimate(0.2812, 0.0131, 3), "0.281 ± 0.013 (3)"),
        (Estimate(10.04, 0.52, 3), "10.04 ± 0.52 (3)"),
        (Estimate(9.96, math.nan, 1), "9.96 (1)"),
        (Estimate(5.0, 0.0, 2), "5.00 (2)"),
        (Estimate(math.nan, math.nan, 0), "—"),
    ],
)
def test_means_are_written_to_the_digits_their_spread_leaves(found, text):
    assert written(found) == text
