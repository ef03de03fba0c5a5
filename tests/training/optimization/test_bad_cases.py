"""What goes wrong in real studies, by ask and tell and through the sampler."""

import logging
import math
import warnings
from dataclasses import dataclass, field

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState

from tests.ask_and_tell import AskAndTell
from training.optimization.optuna_sampler import SamoCobraSampler
from training.optimization.optuna_space import distributions
from training.optimization.parameters import (
    CategoricalParameter,
    FloatParameter,
    IntParameter,
    OrdinalParameter,
)
from training.optimization.search_space import SearchSpace
from training.optimization.seen_points import SearchSpaceExhausted
from training.optimization.settings import SamoCobraSettings

optuna.logging.set_verbosity(optuna.logging.ERROR)

UNIT = FloatParameter(low=0.0, high=1.0)
SQUARE = {"x": UNIT, "y": UNIT}


@dataclass
class Answer:
    """What an evaluation gives; no objectives where it fails."""

    objectives: tuple | None
    constraints: tuple = ()


@dataclass
class Done:
    parameters: list = field(default_factory=list)
    front: list = field(default_factory=list)


def by_ask_and_tell(search_space, evaluate, n, n_objectives=2, n_constraints=0, reference=None):
    optimiser = AskAndTell(
        SearchSpace(search_space),
        n_objectives,
        n_constraints,
        SamoCobraSettings(reference_point=reference),
        seed=1,
    )
    done = Done()
    for _ in range(n):
        (proposal,) = optimiser.ask()
        answer = evaluate(len(done.parameters), **proposal.parameters)
        optimiser.tell(proposal.number, answer.objectives, answer.constraints)
        done.parameters.append(proposal.parameters)
    done.front = [objectives for _, objectives in optimiser.pareto_front]
    return done


def by_sampler(search_space, evaluate, n, n_objectives=2, n_constraints=0, reference=None):
    study = optuna.create_study(
        directions=["minimize"] * n_objectives,
        sampler=SamoCobraSampler(search_space, reference_point=reference, seed=1),
    )
    for number in range(n):
        trial = study.ask(distributions(search_space))
        answer = evaluate(number, **trial.params)
        for name, value in enumerate(answer.constraints):
            if not math.isnan(value):  # which Optuna refuses
                trial.set_constraint(str(name), value)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of values that are not a number
            study.tell(
                trial,
                answer.objectives,
                state=TrialState.FAIL if answer.objectives is None else None,
            )
    return Done(
        [trial.params for trial in study.trials],
        [tuple(trial.values) for trial in study.best_trials if np.isfinite(trial.values).all()],
    )


@pytest.fixture(params=[by_ask_and_tell, by_sampler])
def optimise(request):
    return request.param


def assert_distinct(parameters, least=1e-6):
    points = np.array([list(point.values()) for point in parameters])
    distances = np.linalg.norm(points[:, None] - points, axis=2)
    assert distances[~np.eye(len(points), dtype=bool)].min() > least


def convex(x, y):
    """Front at y = 0, between (0, 1) and (1, 0)."""
    return x**2 + y, (x - 1) ** 2 + y


@pytest.mark.slow
@pytest.mark.parametrize(
    "bad", [(math.nan, 1.0), (math.inf, math.inf), (-math.inf, 0.0), (1e300, 1e300), None]
)
def test_failed_evaluations_are_left_behind(optimise, bad):
    done = optimise(SQUARE, lambda _, x, y: Answer(bad if y > 0.6 else convex(x, y)), 18)
    assert_distinct(done.parameters)
    assert all(max(values) <= 3.0 for values in done.front)
    assert sum(point["y"] > 0.6 for point in done.parameters[6:]) <= 4
    assert min(point["y"] for point in done.parameters) < 0.02


def test_every_evaluation_fails(optimise):
    done = optimise(SQUARE, lambda *_, **__: Answer(None), 14)
    assert_distinct(done.parameters, least=1e-3)
    assert done.front == []
    halves = np.array([list(point.values()) for point in done.parameters]) > 0.5
    assert set(halves.sum(axis=0)) <= set(range(3, 12))


@pytest.mark.parametrize("survivor", [0, 7])
def test_one_evaluation_survives(optimise, survivor):
    done = optimise(
        SQUARE,
        lambda number, x, y: Answer(convex(x, y) if number == survivor else None),
        14,
    )
    assert_distinct(done.parameters)
    assert len(done.front) == 1


def test_a_small_feasible_region_is_found_from_outside(optimise):
    done = optimise(
        SQUARE,
        lambda _, x, y: Answer(convex(x, y), (0.9 - x, 0.9 - y)),
        20,
        n_constraints=2,
    )
    assert len(done.front) >= 3
    assert all(point["x"] < 0.9 or point["y"] < 0.9 for point in done.parameters[:3])


def test_nothing_is_feasible(optimise):
    done = optimise(SQUARE, lambda _, x, y: Answer(convex(x, y), (1 + x,)), 12, n_constraints=1)
    assert_distinct(done.parameters)
    assert done.front == []
    assert min(point["x"] for point in done.parameters) < 0.05


@pytest.mark.slow
@pytest.mark.parametrize("limit", [1.0, 0.0, -1.0])
def test_a_constant_constraint(optimise, limit):
    done = optimise(SQUARE, lambda _, x, y: Answer(convex(x, y), (limit,)), 10, n_constraints=1)
    assert_distinct(done.parameters)
    assert bool(done.front) == (limit <= 0)


@pytest.mark.slow
@pytest.mark.parametrize("unknown", [math.nan, math.inf, -math.inf])
def test_a_constraint_that_is_not_finite(optimise, unknown):
    done = optimise(
        SQUARE,
        lambda _, x, y: Answer(convex(x, y), (unknown if x > 0.7 else y - 0.5,)),
        12,
        n_constraints=1,
    )
    assert_distinct(done.parameters)
    assert done.front


def limited(named, n, seed=1):
    """Study of `convex` on the unit square whose trials have the constraints that named says."""
    study = optuna.create_study(
        directions=["minimize"] * 2, sampler=SamoCobraSampler(SQUARE, seed=seed)
    )
    for number in range(n):
        trial = study.ask(distributions(SQUARE))
        for name, value in named(number, **trial.params).items():
            trial.set_constraint(name, value)
        study.tell(trial, convex(**trial.params))
    return study


def test_a_constraint_that_appears_later():
    """Its name sorts before the other's, so that what was predicted must be told apart by name."""

    def named(number, x, y):
        return {"memory": x - 0.9, **({"depth": 0.3 - y} if number >= 8 else {})}

    study = limited(named, 22)
    late = [trial.params["y"] for trial in study.trials[14:]]
    assert sum(0.3 <= depth < 0.5 for depth in late) >= 7  # the front has moved to y = 0.3


def test_a_constraint_that_vanishes():
    def named(number, x, y):
        return {"memory": x - 0.9, **({"depth": 0.3 - y} if number < 8 else {})}

    study = limited(named, 20)
    assert_distinct([trial.params for trial in study.trials])
    assert sum(0.3 <= trial.params["y"] < 0.5 for trial in study.trials[10:]) >= 7


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_a_constraint_that_only_some_trials_have(seed):
    """Feasible, then, is what keeps the constraints that it has: both halves of the front."""

    def named(_, x, y):
        return {"memory": x - 0.9, **({"drift": y - 0.8} if x > 0.5 else {})}

    study = limited(named, 20, seed)
    along = np.sort([trial.params["x"] for trial in study.trials if trial.params["y"] < 0.05])
    assert along[0] < 0.1
    assert along[-1] > 0.8
    assert np.diff(along).max() < 0.3


@pytest.mark.parametrize("value", [-1.0, 5.0])
def test_a_constraint_that_a_single_trial_has(value):
    study = limited(lambda number, **_: {"once": value} if number == 4 else {}, 16)
    assert sum(trial.params["y"] < 0.05 for trial in study.trials[6:]) >= 7


def test_constraints_of_any_number_from_trial_to_trial():
    study = limited(lambda number, x, y: {str(k): y - 0.9 for k in range(number % 4)}, 18)
    assert_distinct([trial.params for trial in study.trials])
    assert sum(trial.params["y"] < 0.05 for trial in study.trials[6:]) >= 8


@pytest.mark.slow
def test_an_infinite_constraint_is_avoided_as_a_failure_is(optimise):
    done = optimise(
        SQUARE,
        lambda _, x, y: Answer(convex(x, y), (math.inf if y < 0.4 else -1.0,)),
        24,
        n_constraints=1,
    )
    assert all(0.3 < point["y"] < 0.6 for point in done.parameters[12:])
    assert len(done.front) >= 5


def test_a_constant_objective_leaves_the_other_to_be_minimised(optimise):
    done = optimise(SQUARE, lambda _, x, y: Answer((7.0, (x - 0.3) ** 2 + y)), 16)
    assert_distinct(done.parameters)
    assert done.front[0][0] == 7.0
    assert done.front[0][1] < 0.05


def test_only_constant_objectives(optimise):
    done = optimise(SQUARE, lambda *_, **__: Answer((7.0, 7.0)), 10)
    assert_distinct(done.parameters)
    assert set(done.front) == {(7.0, 7.0)}


@pytest.mark.parametrize("reference", [(-5.0, -5.0), (1e-9, 1e-9), (1e9, 1e9), (2.0, -1.0)])
def test_a_reference_point_far_from_every_objective(optimise, reference):
    done = optimise(SQUARE, lambda _, x, y: Answer(convex(x, y)), 14, reference=reference)
    assert_distinct(done.parameters)
    assert min(point["y"] for point in done.parameters) < 0.05


@pytest.mark.parametrize("scale", [1e-300, 1e-30, 1e30, 1e98])
def test_objectives_of_any_scale(optimise, scale):
    done = optimise(
        SQUARE,
        lambda _, x, y: Answer(
            tuple(scale * value for value in convex(x, y)), (scale * (0.4 - x),)
        ),
        14,
        n_constraints=1,
    )
    assert_distinct(done.parameters)
    assert min(point["y"] for point in done.parameters) < 0.05


def test_objectives_of_very_different_scales(optimise):
    done = optimise(
        SQUARE, lambda _, x, y: Answer((1e-300 * (x**2 + y), 1e98 * ((x - 1) ** 2 + y))), 14
    )
    assert_distinct(done.parameters)
    assert min(point["y"] for point in done.parameters) < 0.05


def test_an_outlier_does_not_blind_the_search(optimise):
    done = optimise(
        SQUARE,
        lambda number, x, y: Answer((1e12, 1e12) if number == 1 else convex(x, y)),
        16,
    )
    assert min(point["y"] for point in done.parameters) < 0.05


def test_one_column(optimise):
    done = optimise({"x": UNIT}, lambda _, x: Answer(((x - 0.2) ** 2, (x - 0.6) ** 2)), 14)
    assert_distinct(done.parameters)
    assert sum(0.2 <= point["x"] <= 0.6 for point in done.parameters) >= 8


def test_one_column_and_one_objective(optimise):
    done = optimise(
        {"x": FloatParameter(low=1e-300, high=1e300, log=True)},
        lambda _, x: Answer((abs(math.log(x) - 3.0),)),
        16,
        n_objectives=1,
    )
    assert done.front[0][0] < 20.0  # away from ln x = 3; the range of ln x is 1382


FIVE = {
    "width": OrdinalParameter(values=(1, 10, 100, 1000, 10_000)),
    "seed": IntParameter(low=3, high=3),
}


def width_and_its_inverse(_, width, seed):
    return Answer((float(width), 1.0 / width))


@pytest.mark.parametrize(
    ("multimodal", "best"),
    [
        (lambda _, x: Answer((math.sin(3 * x) + 0.1 * x * x,)), -0.9732),
        # Forrester, Sobester and Keane, Engineering Design via Surrogate Modelling (2008).
        (
            lambda _, x: Answer(((0.6 * x + 1) ** 2 * math.sin(1.2 * x + 2),)),
            -6.0207,
        ),
    ],
)
def test_a_local_minimum_is_left(optimise, multimodal, best):
    wide = {"x": FloatParameter(low=-5.0, high=5.0)}
    done = optimise(wide, multimodal, 20, n_objectives=1)
    assert done.front[0][0] < best + 0.01


def test_every_admissible_point_is_tried_before_any_twice(optimise):
    done = optimise(FIVE, width_and_its_inverse, 5)
    assert sorted(point["width"] for point in done.parameters) == [1, 10, 100, 1000, 10_000]


def test_categoricals_alone_are_all_tried(optimise):
    done = optimise(
        {
            "activation": CategoricalParameter(choices=("silu", "mish", "gelu")),
            "parity": CategoricalParameter(choices=(True, False)),
        },
        lambda _, activation, parity: Answer((float(len(activation)), float(parity))),
        6,
    )
    assert len({tuple(point.values()) for point in done.parameters}) == 6


def test_ask_says_that_the_space_is_exhausted():
    optimiser = AskAndTell(SearchSpace(FIVE), 2, seed=0)
    assert len(optimiser.ask(7)) == 5
    with pytest.raises(SearchSpaceExhausted, match=r"all 5 points .* width"):
        optimiser.ask()


def test_the_sampler_repeats_points_of_an_exhausted_space_with_a_warning(caplog):
    with caplog.at_level(logging.WARNING):
        done = by_sampler(FIVE, width_and_its_inverse, 9)
    assert {point["width"] for point in done.parameters[:5]} == {1, 10, 100, 1000, 10_000}
    assert caplog.text.count("repeats a point at random: all 5 points") == 4


def test_points_evaluated_twice_with_different_values():
    optimiser = AskAndTell(SearchSpace(SQUARE), 2, seed=0)
    rng = np.random.default_rng(0)
    for point in [{"x": 0.5, "y": 0.5}] * 3 + [{"x": 0.2, "y": 0.1}] * 3:
        optimiser.tell(point, tuple(convex(**point) + 0.01 * rng.standard_normal(2)))
    told = [{"x": 0.5, "y": 0.5}, {"x": 0.2, "y": 0.1}]
    asked = []
    for _ in range(10):
        (proposal,) = optimiser.ask()
        optimiser.tell(proposal.number, convex(**proposal.parameters))
        asked.append(proposal.parameters)
    assert_distinct(told + asked)
    assert min(point["y"] for point in asked) < 0.05


def test_enqueued_duplicates_through_the_sampler():
    study = optuna.create_study(
        directions=["minimize"] * 2, sampler=SamoCobraSampler(SQUARE, seed=0)
    )
    for _ in range(4):
        study.enqueue_trial({"x": 0.5, "y": 0.5})
    for _ in range(14):
        trial = study.ask(distributions(SQUARE))
        study.tell(trial, convex(**trial.params))
    assert_distinct([trial.params for trial in study.trials[3:]])
