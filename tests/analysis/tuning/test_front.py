"""The front, its hypervolume and its knee on sets whose answers are known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from trial_records import record

from analysis.tuning.front import default_reference, front, hypervolume, knee_point, objective_array

POSITIVE = st.floats(0.01, 100)
POINTS = arrays(np.float64, st.tuples(st.integers(1, 40), st.just(2)), elements=POSITIVE)


def dominates(left, right):
    return all(a <= b for a, b in zip(left, right, strict=True)) and left != right


@given(POINTS)
def test_the_front_is_what_no_other_point_dominates(points):
    values = [tuple(point) for point in points.tolist()]
    found = {trial.objectives for trial in front([record(i, v) for i, v in enumerate(values)])}
    assert found == {v for v in values if not any(dominates(w, v) for w in values)}


def test_the_front_holds_neither_failed_nor_infeasible_trials_and_equal_points_once():
    trials = [
        record(0, (1.0, 1.0), constraints=(0.5,)),
        record(1, None, constraints=(float("nan"),)),
        record(2, (3.0, 2.0), constraints=(0.0,)),
        record(3, (3.0, 2.0), constraints=(-1.0,)),
        record(4, (2.0, 4.0), constraints=(-1.0,)),
        record(5, (1.0, 9.0), constraints=(float("nan"),)),
    ]
    assert [trial.number for trial in front(trials)] == [4, 2]
    assert front([]) == []


def test_hypervolume_of_a_staircase():
    assert hypervolume(np.array([[1.0, 2.0], [2.0, 1.0]]), (3.0, 3.0)) == pytest.approx(3.0)
    assert hypervolume(np.empty((0, 2)), (3.0, 3.0)) == 0.0


def test_every_point_of_a_front_counts_up_to_its_own_reference_point():
    points = np.array([[1.0, 20.0], [5.0, 3.0]])
    reference = default_reference(points)
    assert reference == pytest.approx((5.4, 21.7))
    assert default_reference(points[:1]) == pytest.approx((1.1, 22.0))
    for left_out in range(2):
        rest = np.delete(points, left_out, axis=0)
        assert hypervolume(rest, reference) < hypervolume(points, reference)


def test_knee_of_a_bent_line_is_its_bend():
    points = np.array([[0.0, 1.0], [0.1, 0.15], [0.5, 0.1], [1.0, 0.0]])
    assert knee_point(points) == 1


def test_knee_of_a_quarter_circle_is_at_45_degrees():
    angle = np.linspace(0, np.pi / 2, 91)
    points = 2.0 - np.column_stack([np.sin(angle), np.cos(angle)])
    assert knee_point(points) == 45


def test_knee_does_not_depend_on_units():
    rng = np.random.default_rng(0)
    x = np.sort(rng.uniform(1, 8, 30))
    points = np.column_stack([x, 3 / x**0.5 + 1])
    assert knee_point(points) == knee_point(points * (1e-3, 1e6))


def test_wide_objectives_are_compared_by_their_logarithms():
    cost = np.logspace(0, 4, 41)
    error = np.maximum(1 - 0.4 * np.log10(cost), 0.2 - 0.03 * (np.log10(cost) - 2))
    points = np.column_stack([error, cost])
    assert cost[knee_point(points)] == pytest.approx(100)  # the bend, where the lines cross


def test_knee_of_one_two_and_concave_points_is_the_most_accurate_end():
    assert knee_point(np.array([[3.0, 4.0]])) == 0
    assert knee_point(np.array([[2.0, 1.0], [1.0, 2.0]])) == 1
    assert knee_point(np.array([[1.0, 2.0], [1.9, 1.9], [2.0, 1.0]])) == 0
    with pytest.raises(ValueError, match="no knee"):
        knee_point(np.empty((0, 2)))


@given(POINTS)
def test_the_knee_lies_on_the_side_of_the_ideal_point(points):
    trials = [record(i, tuple(point)) for i, point in enumerate(points.tolist())]
    found = objective_array(front(trials))
    assert 0 <= knee_point(found) < len(found)
