"""Choice of surrogates, margins, merit: what a proposal rests on."""

import numpy as np
import pytest
from scipy.optimize import approx_fprime

from training.optimization.fitted_surrogates import fit_surrogates, scaled
from training.optimization.infill import Infill, Scales, constraint_margins
from training.optimization.local_search import refine
from training.optimization.observations import Observations
from training.optimization.parameters import FloatParameter
from training.optimization.reference import reference_point
from training.optimization.search_space import SearchSpace
from training.optimization.selection import best_models, improving, recent_errors
from training.optimization.settings import SamoCobraSettings
from training.optimization.surrogates import N_MODELS

RNG = np.random.default_rng(2)
UNIT = FloatParameter(low=0, high=1)
SQUARE = SearchSpace({"x": UNIT, "y": UNIT})


def observed(columns, objectives, constraints=None):
    constraints = np.empty((len(columns), 0)) if constraints is None else constraints
    return Observations(columns, objectives, constraints, [None] * len(columns))


def circle(n=40):
    """Two objectives whose front is x + y = 1 in part, kept off the centre by a constraint."""
    columns = RNG.random((n, 2))
    objectives = np.square(columns - [[0.0, 1.0]]).sum(axis=1), np.square(columns - [[1.0, 0.0]])
    objectives = np.column_stack([objectives[0], objectives[1].sum(axis=1)])
    constraints = 0.04 - np.square(columns - 0.5).sum(axis=1, keepdims=True)
    return observed(columns, objectives, constraints)


def test_improving_evaluations_are_those_that_no_earlier_feasible_one_dominates():
    objectives = np.array([[5.0, 5], [1, 1], [2, 0], [2, 2], [0, 9], [1, 1], [0, 0]])
    constraints = np.array([[0.0], [1], [0], [0], [-1], [-1], [np.nan]])
    columns = np.arange(7)[:, None] / 7
    late = improving(observed(columns, objectives, constraints), np.array([8.0, 8]))
    assert late.tolist() == [True, False, True, False, False, True, False]


def test_the_model_that_predicted_best_is_chosen_for_each_output():
    values = RNG.normal(size=(30, 2))
    expected = values[:, None, :] + RNG.normal(size=(30, N_MODELS, 2))
    expected[:, 4, 0] = values[:, 0] + 0.01
    expected[:, 7, 1] = values[:, 1] - 0.01
    expected[0, 2] = np.nan
    counted = RNG.random(30) < 0.3
    assert best_models(expected, values, counted).tolist() == [4, 7]
    assert best_models(expected, values, np.zeros(30, dtype=bool)).tolist() == [4, 7]


def test_a_model_that_smooths_must_be_clearly_better():
    values = np.zeros((20, 2))
    expected = np.full((20, N_MODELS, 2), 9.0)
    expected[:, 3] = 1.0
    expected[:, -1] = [0.8, 0.5]
    assert best_models(expected, values, np.ones(20, dtype=bool)).tolist() == [3, N_MODELS - 1]


def test_recent_errors_do_not_heed_a_single_miss():
    values = np.zeros((30, 1))
    expected = np.full((30, 1), 0.1)
    expected[-3] = 1e6
    assert recent_errors(expected, values) == pytest.approx([0.1])


def test_margins_shrink_where_kept_and_grow_where_broken():
    kept, broken = np.full((20, 1), -1.0), np.full((20, 1), 1.0)
    start = constraint_margins(kept[:3], 3)
    assert constraint_margins(kept, 3) == pytest.approx(start * 0.9 ** (2 * 17))
    assert constraint_margins(broken[:4], 3) == pytest.approx(start * 1.2**2)
    assert constraint_margins(broken[:5], 3) == pytest.approx(start * 1.2 ** (2 * 3))
    assert constraint_margins(broken, 3) == pytest.approx(0.25)
    unknown = np.full((20, 1), np.nan)
    assert constraint_margins(unknown, 3) == pytest.approx(start)


NOTHING = np.empty((0, 2))


def test_the_reference_point_goes_as_far_as_the_front_is_predicted_to_go():
    front = np.array([[4.0, 5.0], [5.0, 4.0]])
    succeeded = np.array([*front, [6.0, 8.0]])
    predicted = np.array([[3.0, 7.5], [9.0, 9.0], [5.0, 5.0]])
    # The second and third are dominated; the first moves one end of the front.
    assert reference_point(front, succeeded, predicted) == pytest.approx([5.2, 7.85])
    assert reference_point(front, succeeded, NOTHING) == pytest.approx([5.1, 5.1])


def test_a_wild_prediction_moves_the_reference_point_by_one_range_at_most():
    front = np.array([[4.0, 5.0], [5.0, 4.0]])
    wild = reference_point(front, front, np.array([[-1e9, 1e9]]))
    assert wild == pytest.approx([5.0 + 0.1 * 2.0, 6.0 + 0.1 * 2.0])


@pytest.mark.parametrize(
    ("front", "succeeded", "expected"),
    [
        ([[2.0, 3.0]], [[2.0, 3.0]], [2.1, 3.1]),  # one point
        ([[2.0, 3.0]], [[2.0, 3.0], [2.0, 5.0]], [2.1, 3.2]),  # a constant objective
        (NOTHING, [[1.0, 3.0], [2.0, 5.0]], [2.1, 5.2]),  # nothing feasible
    ],
)
def test_the_reference_point_where_the_front_has_no_extent(front, succeeded, expected):
    assert reference_point(np.array(front), np.array(succeeded), NOTHING) == pytest.approx(expected)


@pytest.mark.parametrize("prediction_error", [0.0, 0.05])
def test_merit_and_constraint_gradients_are_those_of_finite_differences(prediction_error):
    fitted = fit_surrogates(circle(), SQUARE, SamoCobraSettings(reference_point=(1.5, 1.5)), 3)
    infill = Infill(fitted.front, fitted.scales, fitted.margins, np.full(2, prediction_error))

    def merit(point):
        return infill.merit(fitted.predictor.predict(point[None]))[0]

    for point in RNG.uniform(-1, 1, (20, 2)):
        value, gradient = infill.merit_gradient(*fitted.predictor.predict_gradient(point))
        assert value == pytest.approx(merit(point), abs=1e-8)
        np.testing.assert_allclose(gradient, approx_fprime(point, merit, 1e-7), atol=1e-4)


def test_local_search_gains_merit_within_the_constraint():
    fitted = fit_surrogates(circle(), SQUARE, SamoCobraSettings(reference_point=(1.5, 1.5)), 3)
    infill = Infill(fitted.front, fitted.scales, fitted.margins, np.zeros(2))
    gains = []
    for start in RNG.uniform(-1, 1, (10, 2)):
        found = refine(start, np.ones(2, dtype=bool), fitted.predictor, infill)
        outputs = fitted.predictor.predict(np.array([start, found]))
        assert infill.violation(outputs)[1] < 1e-4
        gains.append(np.diff(infill.merit(outputs))[0])
    assert np.median(gains) > 0


def test_columns_that_are_not_free_stay():
    fitted = fit_surrogates(circle(), SQUARE, SamoCobraSettings(reference_point=(1.5, 1.5)), 3)
    infill = Infill(fitted.front, fitted.scales, fitted.margins, np.zeros(2))
    start = np.array([0.3, 0.9])
    found = refine(start, np.array([True, False]), fitted.predictor, infill)
    assert found[1] == start[1]
    assert found[0] != start[0]


def test_scales_put_the_reference_point_at_zero():
    scales = Scales(np.array([10.0, 1.0]), np.array([5.0, 0.1]), np.ones(0))
    np.testing.assert_allclose(scales.objectives(np.array([[10.0, 0.9]])), [[0.0, -1.0]])


def test_failed_rows_teach_where_failures_are_and_nothing_else():
    observations = circle()
    failing = observations.columns[:, 0] > 0.7
    objectives = np.where(failing[:, None], np.nan, observations.objectives)
    fitted = fit_surrogates(
        Observations(observations.columns, objectives, observations.constraints, [None] * 40),
        SQUARE,
        SamoCobraSettings(),
        3,
    )
    left, right = scaled(np.array([[0.2, 0.4], [0.95, 0.5]]))
    outputs = fitted.predictor.predict(np.array([left, right]))
    assert outputs.shape == (2, 4)
    assert outputs[0, 3] < 0 < outputs[1, 3]
    truth = [np.square([0.2, 0.6]).sum(), np.square([0.8, 0.4]).sum()]
    np.testing.assert_allclose(outputs[0, :2], truth, atol=1e-3)
    assert fitted.predict_by_every_model(left[None])[0].shape == (N_MODELS, 3)


def test_observations_must_agree_in_length():
    with pytest.raises(ValueError, match="predictions has 0 rows, columns has 1"):
        Observations(np.zeros((1, 1)), np.zeros((1, 2)), np.zeros((1, 0)), [])


def test_a_space_of_one_column_is_fitted():
    space = SearchSpace({"x": FloatParameter(low=0, high=1)})
    columns = RNG.random((6, space.n_columns))
    fitted = fit_surrogates(
        observed(columns, np.hstack([columns, 1 - columns])), space, SamoCobraSettings(), 2
    )
    outputs = fitted.predictor.predict(scaled(np.array([[0.25]])))
    np.testing.assert_allclose(outputs, [[0.25, 0.75]], atol=1e-6)


@pytest.mark.parametrize(
    ("worst", "kept"),
    [(-0.3, 0.2), (-0.1, 0.05), (-1e-3, 0.2 / 4**4), (-1e-9, 0.0), (0.0, 0.0), (0.5, 0.0)],
)
def test_margins_shrink_until_a_candidate_keeps_them(worst, kept):
    scales = Scales(np.ones(2), np.ones(2), np.ones(1))
    infill = Infill(np.empty((0, 2)), scales, np.array([0.2]), np.zeros(2))
    infill.shrink_margins(np.array([[0.0, 0.0, 0.7], [0.0, 0.0, worst]]))
    np.testing.assert_allclose(infill.margins, [kept])
