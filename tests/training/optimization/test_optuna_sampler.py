import json
import logging
import math
import warnings

import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.testing.pytest_samplers import (
    BasicSamplerTestCase,
    MultiObjectiveSamplerTestCase,
    RelativeSamplerTestCase,
)
from optuna.trial import TrialState

from tests.ask_and_tell import AskAndTell
from training.optimization.optuna_history import PROPOSAL_KEY, read_history
from training.optimization.optuna_sampler import SamoCobraSampler
from training.optimization.optuna_space import distributions
from training.optimization.parameters import (
    CategoricalParameter,
    FloatParameter,
    IntParameter,
    OrdinalParameter,
)
from training.optimization.search_space import SearchSpace

optuna.logging.set_verbosity(optuna.logging.ERROR)


class TestOptunasOwnTests(
    BasicSamplerTestCase, RelativeSamplerTestCase, MultiObjectiveSamplerTestCase
):
    """All that Optuna offers but `SingleOnlySamplerTestCase`, which asks for a sampler that
    refuses several objectives."""

    @pytest.fixture
    def sampler(self):
        return lambda: SamoCobraSampler(seed=0)


SPACE = {
    "r_max": FloatParameter(low=3.0, high=6.0),
    "learning_rate": FloatParameter(low=1e-4, high=1e-1, log=True),
    "n_layers": IntParameter(low=1, high=3),
    "width": OrdinalParameter(values=(4, 16, 64, 256)),
    "activation": CategoricalParameter(choices=("silu", "mish", "gelu")),
}


def accuracy_and_time(parameters):
    """Accuracy improves with the cutoff and the width, which cost time."""
    capacity = parameters["r_max"] * parameters["n_layers"] * math.log(parameters["width"])
    rate = math.log10(parameters["learning_rate"]) + 2.5
    penalty = {"silu": 0.0, "mish": 0.1, "gelu": 0.3}[parameters["activation"]]
    return 5.0 / capacity + 0.1 * rate**2 + penalty, parameters["r_max"] ** 3 * parameters["width"]


def new_study(storage=None, seed=3, **options):
    return optuna.create_study(
        directions=["minimize", "minimize"],
        storage=storage,
        study_name="study",
        load_if_exists=True,
        sampler=SamoCobraSampler(SPACE, seed=seed, **options),
    )


def run(study, n_trials, fails=()):
    for _ in range(n_trials):
        trial = study.ask(distributions(SPACE))
        if trial.number in fails:
            study.tell(trial, state=TrialState.FAIL)
        else:
            trial.set_constraint("time", accuracy_and_time(trial.params)[1] / 20_000 - 1)
            study.tell(trial, accuracy_and_time(trial.params))


def points(study):
    return [trial.params for trial in study.trials]


STORAGES = {
    "sqlite": lambda folder: f"sqlite:///{folder}/study.db",
    "journal": lambda folder: JournalStorage(JournalFileBackend(str(folder / "study.log"))),
}


@pytest.mark.slow
@pytest.mark.parametrize(("storage", "stops"), [("sqlite", (9,)), ("journal", (3, 11))])
def test_a_study_loaded_again_continues_as_if_undisturbed(tmp_path, storage, stops):
    undisturbed = new_study()
    run(undisturbed, 12, fails=(2, 9))
    done = 0
    for stop in (*stops, 12):
        run(new_study(STORAGES[storage](tmp_path)), stop - done, fails=(2, 9))
        done = stop
    assert points(new_study(STORAGES[storage](tmp_path))) == points(undisturbed)


def test_the_seed_decides():
    studies = [new_study(seed=seed) for seed in (3, 3, 4)]
    for study in studies:
        run(study, 9)
    assert points(studies[0]) == points(studies[1])
    assert all(
        one != other for one, other in zip(points(studies[0]), points(studies[2]), strict=True)
    )


def test_the_sampler_proposes_what_ask_and_tell_does():
    study = new_study()
    run(study, 12, fails=(2, 9))
    optimiser = AskAndTell(SearchSpace(SPACE), 2, 1, seed=3)
    for number in range(12):
        (proposal,) = optimiser.ask()
        values = accuracy_and_time(proposal.parameters)
        failed = number in (2, 9)
        optimiser.tell(
            number, None if failed else values, () if failed else (values[1] / 20_000 - 1,)
        )
        assert points(study)[number] == proposal.parameters


def test_running_trials_get_distinct_points_also_when_another_process_asks(tmp_path):
    storage = STORAGES["journal"](tmp_path)
    run(new_study(storage), 10)
    asked = [new_study(storage).ask(distributions(SPACE)) for _ in range(8)]
    columns = SearchSpace(SPACE).encode([t.params for t in asked])
    distances = np.linalg.norm(columns[:, None] - columns, axis=2)
    assert distances[~np.eye(8, dtype=bool)].min() > 1e-3


def test_workers_that_ask_at_the_same_moment_get_distinct_points(tmp_path):
    run(new_study(), 10)
    study = new_study()
    run(study, 10)
    together = [study.ask() for _ in range(3)]
    # The last to have come is the first to be served.
    late = [
        study.sampler.sample_relative(study, trial._cached_frozen_trial, distributions(SPACE))
        for trial in reversed(together)
    ]
    assert len({tuple(parameters.values()) for parameters in late}) == 3


def test_what_the_trials_of_a_batch_were_given_counts_before_they_suggest_it():
    one_by_one, at_once = new_study(), new_study()
    run(one_by_one, 10)
    run(at_once, 10)
    first = one_by_one.ask(distributions(SPACE))
    second = one_by_one.ask(distributions(SPACE))
    waiting = [at_once.ask(), at_once.ask()]
    assert [trial.relative_params for trial in waiting] == [first.params, second.params]


def test_what_was_proposed_to_a_killed_worker_stays_proposed(tmp_path):
    storage = STORAGES["journal"](tmp_path)
    study = new_study(storage)
    run(study, 9)
    killed = study.ask()
    proposed = killed.relative_params
    run(study, 3)
    study = new_study(storage)
    resumed = optuna.Trial(study, study.trials[killed.number]._trial_id)
    for name, distribution in distributions(SPACE).items():
        resumed._suggest(name, distribution)
    assert resumed.params == proposed
    columns = SearchSpace(SPACE).encode(points(study))
    assert len(np.unique(columns.round(6), axis=0)) == 13


def test_maximising_is_minimising_the_negative():
    down = optuna.create_study(
        directions=["minimize", "minimize"],
        sampler=SamoCobraSampler(seed=1, reference_point=(2, 3)),
    )
    up = optuna.create_study(
        directions=["maximize", "minimize"],
        sampler=SamoCobraSampler(seed=1, reference_point=(-2, 3)),
    )

    def objective(sign):
        def evaluate(trial):
            x, y = trial.suggest_float("x", 0, 1), trial.suggest_float("y", 0, 1)
            return sign * (x**2 + y), (x - 1) ** 2 + y

        return evaluate

    down.optimize(objective(1), n_trials=12)
    up.optimize(objective(-1), n_trials=12)
    assert points(down) == points(up)


def test_one_objective_is_minimised_too():
    study = optuna.create_study(sampler=SamoCobraSampler(seed=0))
    study.optimize(
        lambda trial: (
            (trial.suggest_float("x", -3, 3) - 1) ** 2 + (trial.suggest_int("n", 0, 9) - 4) ** 2
        ),
        n_trials=25,
    )
    assert study.best_params["n"] == 4
    assert study.best_value < 1e-3


def branin_currin(trial):
    x, y = trial.suggest_float("x", 0, 1), trial.suggest_float("y", 0, 1)
    return x, (1 + y) / max(x, 1e-9)


def test_constraints_func_and_set_constraint_are_the_same():
    def by_function(trial):
        return (6 - (trial.params["y"] + 9 * trial.params["x"]),)

    def by_set_constraint(trial):
        trial.set_constraint(
            "0", 6 - (trial.suggest_float("y", 0, 1) + 9 * trial.suggest_float("x", 0, 1))
        )
        return branin_currin(trial)

    one = optuna.create_study(
        directions=["minimize"] * 2, sampler=SamoCobraSampler(seed=2, constraints_func=by_function)
    )
    other = optuna.create_study(directions=["minimize"] * 2, sampler=SamoCobraSampler(seed=2))
    one.optimize(branin_currin, n_trials=15)
    other.optimize(by_set_constraint, n_trials=15)
    assert [t.constraints for t in one.trials] == [t.constraints for t in other.trials]
    assert [t.values for t in one.trials] == [t.values for t in other.trials]
    assert sum(t.constraints["0"] <= 0 for t in one.trials[3:]) >= 6


def test_predictions_are_read_by_the_names_of_the_constraints():
    study = new_study()
    run(study, 10)
    stored = study.trials[-1].system_attrs[PROPOSAL_KEY]["prediction"]
    prediction = np.array(stored, dtype=float)
    study.add_trial(
        optuna.create_trial(
            params=points(study)[0],
            distributions=distributions(SPACE),
            values=[1.0, 1.0],
            system_attrs={"constraints:memory": 1.0},
        )
    )
    history = read_history(study, study.ask()._cached_frozen_trial, SearchSpace(SPACE))
    assert history.constraints == ["memory", "time"]
    np.testing.assert_array_equal(history.observations.predictions[9][:, [0, 1, 3]], prediction)
    assert np.isnan(history.observations.predictions[9][:, 2]).all()
    assert np.isnan(history.observations.constraints[:10, 0]).all()
    run(study, 2)


@pytest.mark.slow
def test_failed_and_pruned_trials_are_avoided():
    def objective(trial):
        x, y = trial.suggest_float("x", 0, 1), trial.suggest_float("y", 0, 1)
        if x < 0.3:  # where both objectives would be best
            raise optuna.TrialPruned if trial.number % 2 else ValueError
        return x + y, x + (1 - y)

    study = optuna.create_study(
        directions=["minimize"] * 2,
        sampler=SamoCobraSampler(
            {"x": FloatParameter(low=0, high=1), "y": FloatParameter(low=0, high=1)}, seed=0
        ),
    )
    study.optimize(objective, n_trials=30, catch=ValueError)
    states = [trial.state for trial in study.trials]
    # A search that knew nothing of failures would stay where both objectives are best.
    assert states[15:].count(TrialState.COMPLETE) >= 3
    assert all(0.25 < trial.params["x"] < 0.5 for trial in study.trials[20:])


def test_conditional_parameters_are_drawn_with_a_warning(caplog):
    caplog.set_level(logging.WARNING)

    def objective(trial):
        if trial.suggest_categorical("model", ["allegro", "mlp"]) == "mlp":
            return trial.suggest_float("width", 1, 2)
        return 1.5

    study = optuna.create_study(sampler=SamoCobraSampler(seed=1))
    study.optimize(objective, n_trials=12)
    assert "`width` in Trial#" in caplog.text
    assert "SamoCobraSampler" in caplog.text
    assert "`model`" not in caplog.text
    caplog.clear()
    quiet = optuna.create_study(sampler=SamoCobraSampler(seed=1, warn_independent_sampling=False))
    quiet.optimize(objective, n_trials=12)
    assert not caplog.text
    assert points(quiet) == points(study)


def test_a_parameter_that_the_given_space_lacks_is_drawn_with_a_warning(caplog):
    study = new_study()
    with caplog.at_level(logging.WARNING):
        study.optimize(
            lambda trial: (
                trial.suggest_float("dropout", 0, 1),
                trial.suggest_int("n_layers", 1, 3),
            ),
            n_trials=2,
        )
    assert "`dropout`" in caplog.text
    assert "given to the sampler lacks it" in caplog.text
    assert all(set(point) == {"dropout", "n_layers"} for point in points(study))


def test_choices_of_any_type_are_proposed_as_they_are(tmp_path):
    choices = (None, False, 7, 0.5, "x")
    study = optuna.create_study(
        storage=STORAGES["journal"](tmp_path), sampler=SamoCobraSampler(seed=0, n_startup_trials=3)
    )

    def objective(trial):
        choice = trial.suggest_categorical("choice", choices)
        step = trial.suggest_float("step", -1, 1, step=0.25)
        assert choice in choices
        assert (step + 1) % 0.25 == 0
        return choices.index(choice) + step

    study.optimize(objective, n_trials=18)
    assert study.best_params == {"choice": None, "step": -1.0}


def test_ordinals_are_searched_in_their_order():
    space = SearchSpace(SPACE)
    widths = [64, 256, 4, 16]
    rows = space.encode(
        [
            {
                **{
                    n: d.choices[0] if isinstance(d, CategoricalDistribution) else d.low
                    for n, d in space.distributions.items()
                },
                "width": w,
            }
            for w in widths
        ]
    )
    assert space.n_columns == 4 + 3
    np.testing.assert_allclose(rows[:, 3], [0.625, 0.875, 0.125, 0.375])
    assert [point["width"] for point in space.decode(rows)] == widths


@pytest.mark.parametrize(
    "distribution",
    [
        FloatDistribution(-10.2, 10.2, step=0.1),
        FloatDistribution(1e-7, 1.0, log=True),
        IntDistribution(-10, 11, step=3),
        IntDistribution(1, 100, log=True),
        CategoricalDistribution((None, 1, "a")),
    ],
)
def test_values_come_back_from_columns(distribution):
    space = SearchSpace({"x": distribution, "y": FloatDistribution(0, 1)})
    columns = np.random.default_rng(0).random((50, space.n_columns))
    values = space.decode(columns)
    np.testing.assert_allclose(space.encode(values), space.snap(columns), atol=1e-12)
    assert all(space.contains(value) for value in values)


def test_what_is_stored_fits_every_storage():
    study = new_study()
    run(study, 16)
    for trial in study.trials:
        stored = json.dumps(trial.system_attrs, allow_nan=False)
        assert json.loads(stored) == trial.system_attrs
        assert len(stored) < 2**16  # a TEXT of MySQL


def test_enqueued_points_are_evaluated_and_learnt_from():
    study = new_study()
    best = {
        "r_max": 6.0,
        "learning_rate": 10**-2.5,
        "n_layers": 3,
        "width": 4,
        "activation": "silu",
    }
    study.enqueue_trial(best)
    study.enqueue_trial({"activation": "gelu"})
    run(study, 12)
    assert points(study)[0] == best
    assert points(study)[1]["activation"] == "gelu"
    assert best not in points(study)[1:]


def test_trials_outside_the_search_space_do_not_count():
    alone, mixed = new_study(), new_study()
    mixed.add_trial(
        optuna.create_trial(
            params={"r_max": 99.0},
            distributions={"r_max": FloatDistribution(0, 100)},
            values=[0, 0],
        )
    )
    run(alone, 3)
    run(mixed, 3)
    assert points(mixed)[1:] == points(alone)


def test_a_batch_across_threads_completes():
    study = new_study()
    study.optimize(
        lambda trial: accuracy_and_time(
            {name: trial._suggest(name, d) for name, d in distributions(SPACE).items()}
        ),
        n_trials=14,
        n_jobs=2,
    )
    assert len({tuple(point.items()) for point in points(study)}) == 14


def test_optunas_pictures_show_the_study():
    study = new_study()
    run(study, 12)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert len(optuna.visualization.plot_pareto_front(study).data) > 0
        assert optuna.visualization.plot_hypervolume_history(study, (2.0, 3e4)).data[0].y
        optuna.visualization.plot_parallel_coordinate(study, target=lambda trial: trial.values[0])


def test_the_wrong_number_of_reference_values_is_refused_by_the_first_trial():
    study = optuna.create_study(
        directions=["minimize"] * 2, sampler=SamoCobraSampler(reference_point=(1, 2, 3))
    )
    with pytest.raises(ValueError, match=r"reference point has 3 values, .* has 2 objectives"):
        study.ask()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_startup_trials": 0}, "n_startup_trials is 0: give a whole number of at least 1"),
        ({"n_startup_trials": -3}, "n_startup_trials is -3"),
        ({"n_startup_trials": 2.5}, "n_startup_trials is 2.5"),
        ({"n_startup_trials": True}, "n_startup_trials is True"),
        ({"n_startup_trials": "4"}, "n_startup_trials is '4'"),
        ({"seed": -1}, "seed is -1: give a whole number of at least 0"),
        ({"seed": 1.0}, "seed is 1.0"),
        ({"reference_point": ()}, r"reference_point is \(\): give one finite number for each"),
        ({"reference_point": 3.0}, "reference_point is 3.0"),
        ({"reference_point": "12"}, "reference_point is '12'"),
        ({"reference_point": (1.0, math.nan)}, "reference_point holds nan"),
        ({"reference_point": (1.0, -math.inf)}, "reference_point holds -inf"),
        ({"reference_point": (1.0, None)}, "reference_point holds None"),
        ({"reference_point": (1.0, True)}, "reference_point holds True"),
        ({"constraints_func": (0.0,)}, r"constraints_func is \(0.0,\): give a function"),
        ({"search_space": {}}, "the search space is empty"),
        ({"search_space": {"x": FloatParameter(low=4, high=4)}}, "single value"),
        ({"search_space": {"x": (0, 1)}}, "'x' is a tuple: use a FloatParameter"),
    ],
)
def test_invalid_arguments_are_refused_at_once(arguments, message):
    with pytest.raises(ValueError, match=message):
        SamoCobraSampler(**arguments)


def test_a_search_space_of_distributions_is_that_of_the_parameters():
    studies = []
    for space in (SPACE, {**distributions(SPACE), "width": SPACE["width"]}):
        sampler = SamoCobraSampler(space, seed=3)
        studies.append(optuna.create_study(directions=["minimize"] * 2, sampler=sampler))
        run(studies[-1], 10)
    assert points(studies[0]) == points(studies[1])


def test_arguments_of_numpy_are_accepted():
    sampler = SamoCobraSampler(
        SPACE, n_startup_trials=np.int64(2), seed=np.uint8(3), reference_point=np.array([1.0, 2.0])
    )
    study = optuna.create_study(directions=["minimize"] * 2, sampler=sampler)
    run(study, 4)
    plain = new_study(n_startup_trials=2, reference_point=[1, 2])
    run(plain, 4)
    assert points(study) == points(plain)
