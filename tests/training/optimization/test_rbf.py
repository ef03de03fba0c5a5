import numpy as np
import pytest
from scipy.interpolate import RBFInterpolator
from scipy.optimize import approx_fprime
from scipy.spatial.distance import cdist

from training.optimization.kernels import KERNELS
from training.optimization.rbf import RbfFactor, Tail
from training.optimization.surrogates import BASES, N_MODELS, TRANSFORM_QUANTILES, Ensemble
from training.optimization.transforms import Transform, plog, plog_inverse

RNG = np.random.default_rng(1)


def predicted(factor, weights, tail_weights, centres, points):
    values = factor.kernel.value(cdist(points, centres, "sqeuclidean"))
    return values @ weights + factor.tail.terms(points) @ tail_weights


def factor_of(kernel, centres, **tail):
    return RbfFactor(kernel, cdist(centres, centres, "sqeuclidean"), Tail(centres, **tail))


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.name)
@pytest.mark.parametrize("n", [5, 30])
def test_interpolates_every_output(kernel, n):
    centres = RNG.uniform(-1, 1, (n, 2))
    values = np.column_stack([np.sin(3 * centres[:, 0]), centres.prod(axis=1)])
    factor = factor_of(kernel, centres)
    fit = factor.coefficients(values)
    np.testing.assert_allclose(predicted(factor, *fit, centres, centres), values, atol=1e-5)


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.name)
def test_agrees_with_scipy(kernel):
    # SciPy has full polynomials for tails: on a line that is what ours is.
    centres = np.linspace(-1, 1, 9)[:, None]
    values = np.exp(centres)
    points = RNG.uniform(-1, 1, (40, 1))
    factor = factor_of(kernel, centres)
    ours = predicted(factor, *factor.coefficients(values), centres, points)
    theirs = RBFInterpolator(centres, values, kernel=kernel.name, epsilon=1.0, degree=2)(points)
    np.testing.assert_allclose(ours, theirs, atol=1e-6)


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.name)
def test_leave_one_out_is_what_refitting_gives(kernel):
    centres = RNG.uniform(-1, 1, (14, 2))
    values = np.sin(2 * centres).sum(axis=1, keepdims=True)
    factor = factor_of(kernel, centres)
    errors = factor.leave_one_out(factor.coefficients(values)[0], np.arange(len(centres)))
    for i in range(len(centres)):
        others = np.delete(centres, i, axis=0)
        refitted = factor_of(kernel, others)
        fit = refitted.coefficients(np.delete(values, i, axis=0))
        expected = values[i] - predicted(refitted, *fit, others, centres[i : i + 1])[0]
        np.testing.assert_allclose(errors[i], expected, atol=1e-5)


@pytest.mark.parametrize("products", [False, True])
def test_the_tail_reproduces_its_own_terms(products):
    centres, points = RNG.uniform(-1, 1, (25, 3)), RNG.uniform(-1, 1, (9, 3))

    def quadratic(x):
        mixed = x[:, 0] * x[:, 2] if products else 0.0
        return (1 + x[:, 1] - 3 * x[:, 0] ** 2 + mixed)[:, None]

    factor = factor_of(KERNELS[0], centres, products=products)
    fit = factor.coefficients(quadratic(centres))
    np.testing.assert_allclose(
        predicted(factor, *fit, centres, points), quadratic(points), atol=1e-9
    )


def test_terms_that_depend_on_others_are_left_out():
    choice = np.eye(3)[RNG.integers(3, size=40)]  # one-hot: sums to one, equals its square
    tail = Tail(np.column_stack([choice, RNG.uniform(-1, 1, 40)]))
    assert tail.n_terms == 5  # constant, two of three choices, the column and its square


def test_a_ridge_smooths_noise():
    centres = np.linspace(-1, 1, 200)[:, None]
    truth = np.sin(3 * centres)
    noisy = truth + 0.1 * RNG.standard_normal(truth.shape)
    squares, tail = cdist(centres, centres, "sqeuclidean"), Tail(centres)
    errors = []
    for ridge in (1e-12, 1.0):
        factor = RbfFactor(KERNELS[0], squares, tail, ridge)
        fit = factor.coefficients(noisy)
        errors.append(np.sqrt(np.mean((predicted(factor, *fit, centres, centres) - truth) ** 2)))
    assert errors[1] < 0.05
    assert errors[0] > 0.09


def test_points_closer_than_rounding_do_not_break_a_fit():
    centres = RNG.uniform(-1, 1, (20, 2))
    centres = np.concatenate([centres, centres + 1e-13])
    for kernel in KERNELS:
        weights, tail_weights = factor_of(kernel, centres).coefficients(centres[:, :1])
        assert np.isfinite(weights).all()
        assert np.isfinite(tail_weights).all()


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e4])
def test_plog_is_undone_by_its_inverse(scale):
    values = np.array([-1e6, -1.0, -1e-9, 0.0, 1e-9, 3.0, 1e6])
    np.testing.assert_allclose(plog_inverse(plog(values, scale), scale), values, rtol=1e-9)


@pytest.mark.parametrize("quantile", TRANSFORM_QUANTILES)
def test_transforms_are_undone_and_their_slope_is_right(quantile):
    values = RNG.normal(size=(50, 2)) * [1.0, 1e5]
    transform = Transform.fit(values, quantile)
    seen = transform.forward(values)
    back, slope = transform.backward(seen)
    np.testing.assert_allclose(back, values, rtol=1e-9)
    nudged = transform.backward(seen + 1e-7)[0]
    np.testing.assert_allclose(slope, (nudged - values) / 1e-7, rtol=1e-4)


def test_constant_outputs_stay_constant():
    transform = Transform.fit(np.full((5, 1), 7.0), None)
    seen = transform.forward(np.full((5, 1), 7.0))
    assert (transform.backward(seen)[0] == 7.0).all()


@pytest.mark.parametrize("model", range(N_MODELS))
def test_gradients_of_every_surrogate_are_those_of_finite_differences(model):
    centres = RNG.uniform(-1, 1, (40, 3))
    values = np.column_stack([np.exp(centres.sum(axis=1)), centres[:, 0] * centres[:, 1]])
    predictor = Ensemble(centres, values).predictor(np.array([model, (model + 1) % N_MODELS]))
    for point in RNG.uniform(-1, 1, (5, 3)):
        value, gradient = predictor.predict_gradient(point)
        np.testing.assert_allclose(value, predictor.predict(point[None])[0], rtol=1e-8, atol=1e-8)
        slope = approx_fprime(point, lambda x: predictor.predict(x[None])[0], 1e-6)
        np.testing.assert_allclose(gradient, slope, rtol=2e-3, atol=2e-3)


def test_repeated_points_are_merged_to_their_mean():
    centres = np.array([[-1.0], [0.0], [0.0], [1.0]])
    ensemble = Ensemble(centres, np.array([[0.0], [1.0], [3.0], [0.0]]))
    expected = ensemble.predict(np.zeros((1, 1)))[0, :, 0]
    available = np.isfinite(expected)
    assert available.sum() >= len(TRANSFORM_QUANTILES)
    np.testing.assert_allclose(expected[available], 2.0, atol=1e-6)


def test_products_wait_for_points_enough():
    few, many = RNG.uniform(-1, 1, (10, 4)), RNG.uniform(-1, 1, (40, 4))
    with_products = np.repeat([basis.products for basis in BASES], len(TRANSFORM_QUANTILES))
    for centres, fitted in ((few, False), (many, True)):
        expected = Ensemble(centres, centres[:, :1]).predict(centres[:1])[0, :, 0]
        assert np.isfinite(expected[with_products]).all() == fitted
