import numpy as np
import pytest

from training.optimization.observations import Observations


def observations(**changes):
    arrays = {
        "columns": np.array([[0.1, 0.2], [0.3, 0.4], [0.5, 0.6], [0.7, 0.8]]),
        "objectives": np.array([[1.0, 2.0], [2.0, 1.0], [3.0, 3.0], [0.0, np.nan]]),
        "constraints": np.array([[-1.0], [0.0], [-1.0], [np.nan]]),
        "predictions": [None, np.ones((2, 3)), None, None],
    }
    return Observations(**{**arrays, **changes})


def test_what_succeeded_is_feasible_and_leads():
    assert observations().succeeded.tolist() == [True, True, True, False]
    assert observations().feasible.tolist() == [True, True, True, False]
    assert observations().front.tolist() == [True, True, False, False]


def test_an_unknown_constraint_is_neither_kept_nor_broken():
    told = np.array([[np.nan, -1.0], [np.nan, 1.0], [np.inf, -1.0], [-1e300, 0.0]])
    unknown = observations(constraints=told, objectives=np.ones((4, 2)))
    assert unknown.feasible.tolist() == [False, False, False, True]
    assert unknown.with_unknown_constraints(-1.0).feasible.tolist() == [True, False, False, True]
    supposed = unknown.with_unknown_constraints(np.array([[2.0, 9], [-2, 9], [-2, 9], [2, 9]]))
    assert supposed.feasible.tolist() == [False, False, False, True]
    assert np.isinf(supposed.constraints[2:, 0]).all()


def test_a_number_whose_square_overflows_counts_as_infinite():
    diverged = observations(objectives=np.array([[1e300, 1.0], [-1e101, 1.0], [1e99, 1], [0, 0]]))
    assert diverged.succeeded.tolist() == [False, False, True, True]


def test_equality_is_that_of_all_arrays():
    assert observations() == observations()
    assert hash(observations()) == hash(observations())
    others = [
        {"columns": np.zeros((4, 2))},
        {"objectives": np.zeros((4, 2))},
        {"constraints": np.zeros((4, 1))},
        {"predictions": [None, np.ones((3, 2)), None, None]},
        {"predictions": [np.ones((2, 3)), None, None, None]},
    ]
    assert all(observations() != observations(**change) for change in others)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"objectives": np.zeros((3, 2))}, "objectives has 3 rows, columns has 4"),
        ({"predictions": []}, "predictions has 0 rows"),
        ({"columns": np.full((4, 2), np.nan)}, "not finite"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(change, complaint):
    with pytest.raises(ValueError, match=complaint):
        observations(**change)
