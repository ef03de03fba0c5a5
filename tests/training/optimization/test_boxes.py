import moocore
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import approx_fprime

from training.optimization.boxes import ImprovementBoxes, non_dominated


def objectives(n, m, least=-1.0):
    # A grid makes ties, which are where sweeps go wrong.
    values = st.integers(int(least * 8), 10).map(lambda i: i / 8)
    return arrays(float, (n, m), elements=values)


def cases():
    shapes = st.tuples(st.integers(0, 12), st.integers(1, 4))
    return shapes.flatmap(lambda s: st.tuples(objectives(*s), objectives(6, s[1])))


def hypervolume(points, reference):
    inside = points[(points < reference).all(axis=1)]
    return moocore.hypervolume(inside, ref=reference) if len(inside) else 0.0


@settings(max_examples=300, deadline=None)
@given(cases())
def test_improvement_is_the_hypervolume_that_a_point_adds(case):
    front, points = case
    reference = np.ones(front.shape[1])
    before = hypervolume(front, reference)
    added = [hypervolume(np.vstack([front, point]), reference) - before for point in points]
    improvement = ImprovementBoxes(front, reference).improvement(points)
    np.testing.assert_allclose(improvement, added, atol=1e-9)


@settings(max_examples=100, deadline=None)
@given(cases())
def test_distance_is_zero_just_where_improvement_is_at_hand(case):
    front, points = case
    boxes = ImprovementBoxes(front, np.ones(front.shape[1]))
    barren = boxes.distance(points) > 0
    assert not boxes.improvement(points)[barren].any()
    inward = points - boxes.distance(points)[:, None] - 1e-6
    assert (boxes.distance(inward) == 0).all()
    assert (boxes.improvement(inward) > 0).all()


@pytest.mark.parametrize(("m", "least", "most"), [(2, 0, 31), (3, 0, 61)])
def test_boxes_grow_linearly_with_the_front(m, least, most):
    sphere = np.abs(np.random.default_rng(0).normal(size=(30, m)))
    front = sphere / np.linalg.norm(sphere, axis=1, keepdims=True)
    assert least < len(ImprovementBoxes(front, np.full(m, 1.1)).upper) <= most


@pytest.mark.parametrize("m", [1, 2, 3, 4])
def test_gradients_are_those_of_finite_differences(m):
    rng = np.random.default_rng(m)
    boxes = ImprovementBoxes(rng.random((10, m)), np.ones(m))
    for point in rng.random((20, m)) * 1.5 - 0.3:
        improvement, gradient = boxes.improvement_gradient(point)
        assert improvement == pytest.approx(boxes.improvement(point[None])[0])
        slope = approx_fprime(point, lambda y: boxes.improvement(y[None])[0], 1e-8)
        np.testing.assert_allclose(gradient, slope, atol=1e-6)
        distance, gradient = boxes.distance_gradient(point)
        assert distance == pytest.approx(boxes.distance(point[None])[0])
        slope = approx_fprime(point, lambda y: boxes.distance(y[None])[0], 1e-8)
        np.testing.assert_allclose(gradient, slope, atol=1e-6)


def test_of_equal_points_the_first_is_not_dominated():
    points = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    assert non_dominated(points).tolist() == [True, True, False, False]
    assert non_dominated(np.empty((0, 2))).tolist() == []
