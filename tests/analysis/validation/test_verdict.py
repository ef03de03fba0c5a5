"""The verdict says what is wrong first, and hides nothing behind an average."""

from __future__ import annotations

import math

import pytest
from made_up_validation import evaluation, validation, value

from analysis.validation.judged import judged_properties
from analysis.validation.verdict import gaps, groups_behind, judge

pytestmark = pytest.mark.usefixtures("made_up_properties")

GOOD = {"slab": {"Cu": (0.01, 0.1), "Li": (0.01, 0.1)}, "bulk": {"Cu": (0.01, 0.1)}}
RIGHT = (
    value("lattice_constant", "Cu", 3.61, 3.60),
    value("lattice_constant", "Li", 3.45, 3.44),
    value("bulk_modulus", "Cu", 150.0, 140.0),
    value("bulk_modulus", "Li", 13.0, 13.5),
    value("surface_energy", "Cu(111)", 1.70, 1.68),
    value("surface_energy", "Cu(100)", 1.79, 1.81),
)


def test_all_that_was_judged_is_right():
    verdict = judge(validation(*RIGHT), evaluation(GOOD))
    assert verdict.kind == "good"
    assert verdict.headline == "Passes all 3 properties that were judged"
    assert verdict.fit == (
        "Fit for: bulk modulus and lattice constant of Cu and Li; surface energy of Cu."
    )
    assert (verdict.unfit, verdict.unknown, verdict.n_wrong) == ("", "", 0)


def test_a_family_below_its_baseline_is_named_first_although_the_average_is_good():
    """Half of the frames worse than no force at all, behind a good mean: this must never pass."""
    families = {**GOOD, "adatom": {"Cu": (0.041, 0.037), "Li": (0.0412, 0.037)}}
    found = evaluation(families)
    assert found.splits["test"].overall.force_ratio < 0.5
    verdict = judge(validation(*RIGHT), found)
    assert verdict.kind == "bad"
    assert verdict.headline == "No better than a baseline in forces of adatom"
    assert verdict.text.startswith(
        "Not fit for: forces of adatom (41.1 meV/Å against 37 of no force on test)."
    )


def test_an_element_below_its_baseline_is_named_although_its_family_is_not():
    families = {**GOOD, "slab": {"Cu": (0.01, 0.1), "Li": (0.02, 0.015)}}
    found = evaluation(families)
    assert not any(group.forces_behind for group in found.splits["test"].families.values())
    verdict = judge(None, found)
    assert verdict.kind == "bad"
    assert "forces of Li in slab" in verdict.headline
    assert "20 meV/Å against 15 of no force" in verdict.unfit


def test_energies_worse_than_species_energies_are_named():
    verdict = judge(validation(*RIGHT), evaluation(GOOD, energy=0.102))
    assert verdict.kind == "bad"
    assert "energies of bulk" in verdict.headline
    assert "energies of slab (102 meV/atom against 50 of species added up on test)" in verdict.unfit


def test_val_is_judged_as_well_and_nothing_is_named_twice():
    behind = evaluation({"adatom": {"Li": (0.04, 0.03)}})
    both = behind.model_copy(
        update={
            "splits": {
                **evaluation({"adatom": {"Li": (0.05, 0.03)}, "slab": {"Li": (0.2, 0.1)}},
                             split="val").splits,
                **behind.splits,
                **evaluation({"bulk": {"Li": (0.2, 0.1)}}, split="train").splits,
            }
        }
    )  # fmt: skip
    assert [(b.where, b.text.split()[-1]) for b in groups_behind(both)] == [
        ("adatom", "test"),
        ("slab", "val"),
    ]


def test_every_group_behind_is_named_however_many():
    families = {f"family{i}": {"Cu": (0.2, 0.1)} for i in range(12)}
    unfit = judge(None, evaluation(families)).unfit
    assert all(f"forces of {name} (" in unfit for name in families)


def test_failed_properties_are_named_with_their_errors():
    values = (
        *RIGHT[:3],
        value("bulk_modulus", "Li", 18.9, 13.5),
        *RIGHT[4:],
        value("surface_energy", "Li(100)", 0.70, 0.50),
        value("surface_energy", "Li(110)", 0.56, 0.50),
        value("nve_drift", "Cu", 0.35, 0.0, source="exact"),
    )
    verdict = judge(validation(*values), evaluation(GOOD))
    assert verdict.kind == "bad"
    assert verdict.headline == "Fails 3 of 4 properties"
    assert verdict.unfit == (
        "Not fit for: surface energy of Li(100) and Li(110) (errors up to 40 %); NVE drift of Cu "
        "(error 0.35 meV/atom/ps); bulk modulus of Li (error 40 %)."
    )
    assert verdict.fit == (
        "Fit for: bulk modulus and surface energy of Cu; lattice constant of Cu and Li."
    )


@pytest.mark.parametrize(
    ("number", "words"), [(None, "broke down"), (math.nan, "not a finite number")]
)
def test_what_breaks_down_or_explodes_is_wrong(number, words):
    failed = value("nve_drift", "Cu", number, 0.0).model_copy(update={"passed": False})
    verdict = judge(validation(*RIGHT, failed), evaluation(GOOD))
    assert verdict.kind == "bad"
    assert f"NVE drift of Cu ({words})" in verdict.unfit


def test_the_worst_case_is_named_first():
    values = [value("surface_energy", f"Cu({i})", 1.0 + 0.1 * i, 1.0) for i in range(1, 7)]
    (found,) = judged_properties(validation(*values))
    assert found.failed[0].case == "Cu(6)"
    unfit = judge(validation(*values), None).unfit
    assert "Cu(6), Cu(5), Cu(4) and 3 more (errors up to 60 %)" in unfit


def test_every_failed_property_is_named_the_worst_with_its_error():
    values = [value(f"p{i}", "Cu", 1.2 + 0.1 * i, 1.0) for i in range(9)]
    verdict = judge(validation(*values), None)
    assert verdict.unfit.startswith("Not fit for: p8 of Cu (error 100 %); p7 of Cu (error 90 %); ")
    assert verdict.unfit.endswith("; nor for p2, p1 and p0.")


def test_temperatures_are_conditions_of_a_substance():
    values = [value("nve_drift", f"Cu, {t} K", 0.02, 0.0, source="exact") for t in (300, 900)]
    assert judge(validation(*values), None).fit == "Fit for: NVE drift of Cu."


def test_nothing_measured_is_said_and_is_no_praise():
    verdict = judge(None, evaluation(GOOD))
    assert verdict.kind == "open"
    assert verdict.headline == "Physics not judged yet"
    assert verdict.fit.startswith("Nothing is known about what it is fit for")
    assert judge(None, None).kind == "open"
    no_reference = validation(value("bulk_modulus", "Cu", 140.0, None, source="missing"))
    verdict = judge(no_reference, evaluation(GOOD))
    assert verdict.kind == "open"
    assert verdict.unknown == "Not judged: bulk modulus of Cu."


def test_what_was_never_tested_is_said():
    train = {"slab": ["Cu", "Li"], "bulk": ["Cu", "Li"], "molecule": ["Li"]}
    found = evaluation(GOOD, train=train)
    assert gaps(found, ["test"]) == ["bulk Li", "molecule"]
    assert judge(validation(*RIGHT), found).unknown == "Never tested on: bulk Li; molecule."


def test_properties_that_no_package_defines_are_shown_by_their_names():
    values = (value("cohesion", "Cu", 3.5, 3.4), value("cohesion", "Li", 2.4, 1.6))
    (found,) = judged_properties(validation(*values))
    assert (found.title, found.group, found.score) == ("cohesion", "other", "1 of 2")
    verdict = judge(validation(*values), evaluation(GOOD))
    assert "cohesion of Li (error 50 %)" in verdict.unfit
    assert "cohesion of Cu" in verdict.fit


def test_a_model_that_a_cheaper_one_beats_is_not_good():
    cheaper = "the kernel baseline (force MAE 9 against 10 meV/Å)"
    verdict = judge(validation(*RIGHT), evaluation(GOOD), beaten_by=[cheaper])
    assert verdict.kind == "bad"
    assert verdict.headline == "Does not beat the kernel baseline"
    assert f"It does not beat {cheaper}." in verdict.unfit
