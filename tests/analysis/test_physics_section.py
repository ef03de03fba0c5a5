"""The section *Physics* and the headline say what the validation says."""

from __future__ import annotations

import pytest
from made_up_validation import curves, validation, value
from report_page import Page, values

from analysis.report import render_report
from analysis.report.inputs import Inputs, TrainingFolder
from analysis.report.validation import physics_section
from cuprolith.hashes import file_sha256

X = [10.0, 11.0, 12.0]
VALUES = (
    value("bulk_modulus", "Cu", 147.0, 140.0),
    value("bulk_modulus", "Li", 18.9, 13.5),
    value("surface_energy", "Cu(111)", 1.70, 1.68),
    value("surface_energy", "Cu(100)", 2.00, 1.81, source="emt"),
    value("nve_drift", "Cu", 0.02, 0.0, source="exact"),
    value("cohesion", "Cu", 3.4, None, source="missing", note="no reference: nothing is known"),
)
CURVES = (
    curves("energy_volume", "Cu", X, [0.11, 0.0, 0.12], [0.1, 0.0, 0.1]),
    curves("energy_volume", "Li", X, [0.2, 0.0, 0.2]),
)


pytestmark = pytest.mark.usefixtures("made_up_properties")


@pytest.fixture
def trained(tmp_path, make_campaign, make_training):
    campaign = make_campaign(tmp_path / "W")
    make_training(campaign)
    return campaign.root


def section(found, tmp_path, **others):
    folder = TrainingFolder("allegro", tmp_path, {}, found)
    inputs = Inputs(tmp_path, trainings=[folder], further_validations=others)
    return physics_section(inputs, "allegro", "cuprolith validate")


def test_tables_and_figures_hold_what_the_validation_holds(trained):
    validation(*VALUES, curves=CURVES).write(trained / "training/allegro/validation.json")
    page = Page(render_report(trained))
    cases = page.tables["Crystals: all values"][1:]
    assert cases[0] == ["Bulk modulus, GPa", "Cu", "147.0", "140.0", "7.00 (5 %)", "21",
                        "✓ passed", "labels"]  # fmt: skip
    assert cases[1][6] == "✗ failed"
    assert page.table("Surfaces: all values")["Surface energy, J/m²"]["reference from"] == "emt"
    assert page.table("Dynamics: all values")["NVE drift, meV/atom/ps"]["reference from"] == "exact"
    unknown = page.table("Other properties: all values")["cohesion, eV"]
    assert (unknown["result"], unknown["note"]) == ("not judged", "no reference: nothing is known")
    drawn = page.figures["physics-energy_volume"]["data"]
    assert [(trace["name"], values(trace["y"])) for trace in drawn] == [
        ("reference", [0.1, 0.0, 0.1]),
        ("potential", [0.11, 0.0, 0.12]),
        ("potential", [0.2, 0.0, 0.2]),
    ]
    bars = {trace["name"]: trace for trace in page.figures["physics-surface_energy"]["data"]}
    assert values(bars["potential"]["y"]) == [1.70]
    assert values(bars["potential, outside the tolerance"]["y"]) == [2.00]
    assert values(bars["reference"]["y"]) == [1.68, 1.81]
    assert page.headline == "Fails 2 of 3 properties"
    assert "Not fit for: bulk modulus of Li (error 40 %)" in page.text
    assert "Fit for: bulk modulus and NVE drift of Cu." in page.text
    assert "1 of 3 properties passed" in page.text


def test_without_a_validation_the_headline_praises_nothing(trained):
    page = Page(render_report(trained))
    assert page.headline == "Physics not judged yet"
    assert page.text.count(f"cuprolith validate --workdir {trained}") == 2


def test_a_validation_of_an_earlier_potential_counts_no_more(trained):
    folder = trained / "training/allegro"
    (folder / "best.ckpt").write_bytes(b"new")
    found = validation(value("bulk_modulus", "Cu", 147.0, 140.0))
    found.write(folder / "validation.json")
    page = Page(render_report(trained))
    assert "allegro was trained again after its physics was judged: validate again." in page.text
    assert page.headline == "Physics not judged yet"
    now = file_sha256(folder / "best.ckpt")
    found.model_copy(update={"potential_sha256": now}).write(folder / "validation.json")
    assert Page(render_report(trained)).headline == "Passes the one property that was judged"


def test_damaged_validations_are_named(trained):
    (trained / "training/allegro/validation.json").write_text("{")
    page = Page(render_report(trained))
    assert "training/allegro/validation.json could not be read" in page.text


def test_further_potentials_are_counted_beside(trained):
    validation(*VALUES).write(trained / "training/allegro/validation.json")
    (trained / "validations/other").mkdir(parents=True)
    validation(*VALUES[:1]).write(trained / "validations/other/validation.json")
    table = Page(render_report(trained)).table("All validated potentials")
    assert table["Bulk modulus"] == {
        "property": "Bulk modulus", "allegro": "✗ 1 of 2", "other": "✓ 1 of 1"
    }  # fmt: skip
    assert table["NVE drift"]["other"] == "–"


def test_many_values_fold_and_those_that_fail_stay_in_sight(tmp_path):
    found = [value("surface_energy", f"Cu({i})", 1.0 + 0.1 * (i % 50 == 0), 1.0)
             for i in range(1, 900)]  # fmt: skip
    (part,) = section(validation(*found), tmp_path).subsections
    summary, failed = part.tables
    assert summary.rows == [["Surface energy", "882 of 899", "✗ failed", "Cu(50): 10 %"]]
    assert [row[1] for row in failed.rows] == [f"Cu({i})" for i in range(50, 900, 50)]
    (heading, folded), (_, methods) = part.details
    assert methods.rows == [["Surface energy", "Of each slab."]]
    assert "all 899 values" in heading
    assert len(folded.rows) == 500
    assert "the first 500 of 899" in folded.caption
