"""Runs that give no labels whatever the others are."""

import pytest

from workflows.engines.vasp.not_labels import reasons_for_no_label


@pytest.mark.parametrize(
    ("incar", "said"),
    [
        ({"ICHARG": 11}, "ICHARG 11: the charge density was kept fixed"),
        ({"ICHARG": "12 ! bands"}, "ICHARG 12"),
        ({"ALGO": "Eigenval"}, "ALGO EIGENVAL: not a selfconsistent ground state"),
        ({"ALGO": "EVGW0"}, "ALGO EVGW0"),
        ({"IALGO": 3}, "IALGO 3"),
        ({"METAGGA": "MBJ"}, "METAGGA MBJ: a potential without an energy"),
    ],
)
def test_no_labels(incar, said):
    (reason,) = reasons_for_no_label(incar)
    assert reason.startswith(said)


@pytest.mark.parametrize(
    "incar",
    [
        {},
        {"ICHARG": 2, "IALGO": 38, "ALGO": "Normal"},
        {"ICHARG": 1, "IALGO": 68, "ALGO": "VeryFast"},
        {"ICHARG": 0, "IALGO": 58, "ALGO": "All ! SCF"},
        {"IALGO": 53, "ALGO": "Damped", "METAGGA": "R2SCAN"},
        {"ALGO": "Conjugate"},
    ],
)
def test_labels(incar):
    assert reasons_for_no_label(incar) == []
