"""The headline is about the best variant, and names what is wrong first."""

from __future__ import annotations

import pytest
from made_up_validation import evaluation, validation, value

from analysis.report.headline import headline

pytestmark = pytest.mark.usefixtures("made_up_properties")


def test_a_family_below_its_baseline_leads_though_average_and_physics_are_good():
    """What the report once passed as good: half of the frames worse than no force at all."""
    found = evaluation({"slab": {"Cu": (0.01, 0.2)}, "adatom": {"Cu": (0.041, 0.037)}})
    assert found.splits["test"].overall.force_ratio < 0.3
    right = validation(value("bulk_modulus", "Cu", 141.0, 140.0))
    said = headline({"allegro": found}, {"allegro": right})
    assert said.verdict.kind == "bad"
    assert said.verdict.headline == "No better than a baseline in forces of adatom"
    assert said.sentences[0].startswith("Not fit for: forces of adatom (41 meV/Å against 37")


def test_the_headline_is_about_the_best_variant():
    good, better = (
        evaluation({"slab": {"Cu": (0.02, 0.2)}}),
        evaluation({"slab": {"Cu": (0.01, 0.2)}}),
    )
    assert headline({"a": good, "b": better}, {}).variant == "b"
    right, wrong = (validation(value("bulk_modulus", "Cu", v, 140.0)) for v in (140.0, 190.0))
    both = headline({"a": good, "b": better}, {"a": right, "b": wrong})
    assert both.variant == "a"
    assert both.sentences[0] == "Of 2 trained variants, this is a."
    assert headline({"a": good, "b": better}, {"a": right}).variant == "a"
    assert headline({"a": evaluation({"slab": {"Cu": (0.01, 0.2)}}, split="train")}, {}) is None


def test_a_variant_that_a_cheaper_model_beats_is_not_good():
    found = evaluation({"slab": {"Cu": (0.02, 0.2)}})
    right = validation(value("bulk_modulus", "Cu", 141.0, 140.0))
    said = headline({"a": found}, {"a": right}, {"a": ("the kernel baseline",)})
    assert said.verdict.kind == "bad"
    assert said.verdict.headline == "Does not beat the kernel baseline"
