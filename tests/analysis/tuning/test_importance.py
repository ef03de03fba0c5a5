"""Importance finds what decides an objective, and says of the rest that it is chance."""

import numpy as np
import pytest
from trial_records import record

from analysis.tuning.importance import FEWEST_TRIALS, importances
from training.optimization.parameters import (
    CategoricalParameter,
    FloatParameter,
    IntParameter,
    OrdinalParameter,
)

SPACE = {
    "rate": FloatParameter(low=1e-4, high=1e-1, log=True),
    "layers": IntParameter(low=1, high=4),
    "width": OrdinalParameter(values=(4, 16, 64)),
    "kind": CategoricalParameter(choices=("a", 1, True)),
    "fixed": IntParameter(low=3, high=3),
}


def study(n, seed=0):
    """The first objective is decided by the rate, the second by the width."""
    rng = np.random.default_rng(seed)
    trials = []
    for number in range(n):
        parameters = {
            "rate": float(10 ** rng.uniform(-4, -1)),
            "layers": int(rng.integers(1, 5)),
            "width": int(rng.choice((4, 16, 64))),
            "kind": ("a", 1, True)[rng.integers(3)],
            "fixed": 3,
        }
        error = (np.log10(parameters["rate"]) + 2) ** 2 + 0.01 * parameters["layers"]
        cost = parameters["width"] + 0.1 * rng.normal()
        trials.append(record(number, (float(error), float(cost)), parameters=parameters))
    return trials


@pytest.mark.parametrize(("objective", "decisive"), [(0, "rate"), (1, "width")])
def test_what_decides_comes_first_and_beats_chance(objective, decisive):
    found = importances(study(200), SPACE, objective)
    assert found[0].parameter == decisive
    assert found[0].significant
    assert found[0].share > 0.8
    assert sum(importance.share for importance in found) == pytest.approx(1)
    assert {importance.parameter for importance in found} == SPACE.keys() - {"fixed"}


def test_chance_is_rarely_taken_for_importance():
    rng = np.random.default_rng(1)
    claims = 0
    for seed in range(5):
        trials = [
            record(t.number, tuple(rng.uniform(size=2).tolist()), parameters=t.parameters)
            for t in study(40, seed)
        ]
        claims += sum(importance.significant for importance in importances(trials, SPACE, 0))
    assert claims <= 4  # of 20, at the 5 % level: more than 4 happen with probability 0.3 %


def test_few_trials_tell_nothing_and_failed_ones_do_not_count():
    trials = study(FEWEST_TRIALS)
    assert importances(trials, SPACE, 0) is not None
    assert importances(trials[1:], SPACE, 0) is None
    failed = record(0, None, parameters=trials[0].parameters)
    assert importances([failed, *trials[1:]], SPACE, 0) is None


def test_a_constant_objective_has_no_important_parameter():
    trials = [record(t.number, (1.0, 1.0), parameters=t.parameters) for t in study(30)]
    assert not any(importance.significant for importance in importances(trials, SPACE, 0))


def test_nothing_varied_is_nothing_ranked():
    assert importances(study(30), {"fixed": SPACE["fixed"]}, 0) == []


def test_values_at_the_border_up_to_rounding_are_taken():
    trials = study(30)
    trials[0].parameters["rate"] = np.nextafter(0.1, 1)
    assert importances(trials, SPACE, 0)[0].parameter == "rate"


def test_the_same_trials_give_the_same_numbers_and_optuna_keeps_quiet(capfd):
    import optuna

    before = optuna.logging.get_verbosity()
    assert importances(study(50), SPACE, 1) == importances(study(50), SPACE, 1)
    assert capfd.readouterr().err == ""
    assert optuna.logging.get_verbosity() == before
