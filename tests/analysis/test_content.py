"""How numbers and names are written."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.report.content import count, duration, flat, number, plural, span
from analysis.report.structure_names import structure_detail, structure_title


@given(st.floats(-1e300, 1e300).filter(lambda x: abs(x) >= 1e-9))
def test_written_numbers_are_within_their_digits(value):
    text = number(value).replace("−", "-")
    assert float(text) == pytest.approx(value, rel=5.1e-3)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.04376, "0.0438"),
        (0.0690, "0.0690"),
        (1234.5, "1230"),
        (-2.3521, "−2.35"),
        (99.96, "100"),
        (0, "0"),
        (1e-14, "0"),
        (1.234e-5, "1.23e−5"),
        (math.nan, "not finite"),
        (None, "–"),
        (True, "–"),
    ],
)
def test_numbers(value, text):
    assert number(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.84, "0.8 s"),
        (9.96, "10 s"),
        (42.4, "42 s"),
        (59.7, "1 min 00 s"),
        (252, "4 min 12 s"),
        (3599.6, "1 h 00 min"),
        (7500, "2 h 05 min"),
        (None, "–"),
    ],
)
def test_durations(seconds, text):
    assert duration(seconds) == text


def test_counts_spans_and_plurals():
    assert count(11635) == "11\u202f635"
    assert count(None) == "–"
    assert span([7, 4, 111]) == "4–111"
    assert span([5, 5]) == "5"
    assert (plural(1, "trajectory"), plural(2, "trajectory")) == ("1 trajectory", "2 trajectories")
    assert plural(0, "frame") == "0 frames"


def test_settings_are_flattened_with_dotted_keys():
    assert flat({"a": {"b": 1, "c": [1, 2]}, "d": None, "e": True}) == [
        ("a.b", "1"),
        ("a.c", "1, 2"),
        ("d", "–"),
        ("e", "yes"),
    ]


def test_names_of_structures():
    slab = {"family": "slab", "miller_index": "3 2 2", "parameters": {"crystal": "Cu"},
            "n_atoms": 24, "n_free": 4}  # fmt: skip
    assert structure_title(slab) == "Cu(322)"
    assert structure_detail(slab) == "24 atoms, 4 free"
    assert structure_title({**slab, "miller_index": "1 -1 0"}) == "Cu(1 −1 0)"
    assert structure_title({"formula": "Li2", "miller_index": "", "parameters": {}}) == "Li2"
    sides = {
        "substrate": {"crystal": "Cu", "miller_index": [1, 0, 0]},
        "film": {"crystal": "Li", "miller_index": [1, 1, 0]},
        "principal_strains": [0.034, -0.02],
    }
    assert structure_title({"parameters": sides, "miller_index": "1 0 0"}) == "Cu(100) | Li(110)"


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ({"principal_strains": [0.034, -0.02]}, "film strained +3.4\u202f%, −2\u202f%"),
        (
            {"principal_strains": [0.014, 0.014], "strained": "both", "registry": [0.5, 0.0]},
            "both strained, film +1.4\u202f%\nregistry 0.5, 0",
        ),
        ({"strain": 0.0, "rattle": {"standard_deviation": 0.12}}, "rattled 0.12 Å"),
        ({"crystal": "Cu", "species": "Li", "site": "on_top"}, "Li on top"),
        (
            {"species": "Li", "site": "on_top", "face": "bottom", "termination": 2},
            "termination 2\nLi on top, below",
        ),
        (
            {"coordination": 8, "removed": 2, "termination": 0, "face": "both"},
            "2 of coordination 8",
        ),
        ({"strain": -0.04}, "−4\u202f% strain"),
    ],
)
def test_details_of_structures(parameters, text):
    entry = {"parameters": parameters, "n_atoms": 1, "n_free": 1}
    assert structure_detail(entry) == f"{text}\n1 atom"
