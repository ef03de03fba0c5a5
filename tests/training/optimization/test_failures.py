import numpy as np
import pytest
from scipy.optimize import approx_fprime

from training.optimization.failures import FailurePredictor


@pytest.fixture
def halves():
    """Twenty points, those left of the middle failed."""
    points = np.random.default_rng(0).uniform(-1, 1, (20, 3))
    return points, points[:, 0] < 0


def test_what_failed_is_forbidden_and_what_did_not_is_allowed(halves):
    points, failed = halves
    np.testing.assert_array_equal(
        FailurePredictor(points, failed).predict(points)[:, 0] > 0, failed
    )


def test_two_points_share_the_space_by_distance():
    predictor = FailurePredictor(np.array([[-0.5, 0.2], [0.7, 0.2]]), np.array([True, False]))
    across = np.array([[-1.0, 0.2], [0.0, 0.9], [0.1, -0.3], [0.2, 0.9], [1.0, 0.2]])
    assert np.sign(predictor.predict(across)[:, 0]).tolist() == [1, 1, 0, -1, -1]
    # Twice as far from the failed as from the other.
    assert predictor.predict(np.array([[0.3, 0.2]])) == pytest.approx(np.log(0.5), abs=1e-4)


def test_a_point_that_failed_once_and_succeeded_once_is_open():
    points = np.array([[0.1, 0.1], [0.1, 0.1]])
    predictor = FailurePredictor(points, np.array([True, False]))
    assert predictor.predict(points[:1]) == 0.0


def test_the_gradient_is_the_derivative(halves):
    predictor = FailurePredictor(*halves)
    for point in np.random.default_rng(1).uniform(-1, 1, (10, 3)):
        value, gradient = predictor.predict_gradient(point)
        assert value == predictor.predict(point[None, :])[0]
        expected = approx_fprime(point, lambda x: predictor.predict(x[None, :])[0, 0], 1e-7)
        np.testing.assert_allclose(gradient[0], expected, rtol=1e-4, atol=1e-5)


def test_it_is_finite_at_every_evaluation(halves):
    points, failed = halves
    predictor = FailurePredictor(points, failed)
    for point in points:
        assert np.isfinite(np.concatenate(predictor.predict_gradient(point), axis=None)).all()
