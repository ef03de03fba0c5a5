import math
from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from training.optimization.parameters import (
    CategoricalParameter,
    FloatParameter,
    IntParameter,
    OrdinalParameter,
)
from training.optimization.search_space import SearchSpace, SearchSpaceError

finite = st.floats(-1e300, 1e300, allow_subnormal=False)
positive = st.floats(1e-300, 1e300)
choices = st.one_of(st.booleans(), st.integers(-5, 5), finite, st.text(max_size=3))


@st.composite
def floats(draw):
    log = draw(st.booleans())
    low, high = sorted(draw(st.tuples(*[positive if log else finite] * 2)))
    # Columns resolve no more of a range than floats do.
    assume(low == high or high - low > 1e-3 * max(abs(low), abs(high)))
    return FloatParameter(low=low, high=high, log=log)


@st.composite
def ints(draw):
    log = draw(st.booleans())
    low = draw(st.integers(1 if log else -(10**6), 10**6))
    return IntParameter(low=low, high=low + draw(st.integers(0, 10**6)), log=log)


ordinals = st.builds(
    OrdinalParameter,
    values=st.lists(st.integers(-99, 99) | finite, min_size=1, max_size=6).map(
        lambda values: tuple(sorted(set(values)))
    ),
)
categoricals = st.builds(
    CategoricalParameter,
    choices=st.lists(
        choices, min_size=1, max_size=6, unique_by=lambda choice: (type(choice), choice)
    ).map(tuple),
)


@st.composite
def spaces(draw):
    parameters = draw(
        st.dictionaries(
            st.text("abcdef.", min_size=1, max_size=3),
            floats() | ints() | ordinals | categoricals,
            min_size=1,
            max_size=5,
        )
    )
    return SearchSpace({**parameters, "always": IntParameter(low=1, high=3)})


def value_of(parameter, draw):
    if isinstance(parameter, FloatParameter):
        return draw(st.floats(parameter.low, parameter.high))
    if isinstance(parameter, IntParameter):
        return draw(st.integers(parameter.low, parameter.high))
    if isinstance(parameter, OrdinalParameter):
        return draw(st.sampled_from(parameter.values))
    return draw(st.sampled_from(parameter.choices))


def assert_same(parameter, value, expected):
    if not isinstance(parameter, FloatParameter):
        assert value == expected
        assert type(value) is type(expected)
    elif parameter.log:
        assert value == pytest.approx(expected, rel=1e-11)
    else:
        span = max(abs(parameter.low), abs(parameter.high))
        assert value == pytest.approx(expected, abs=1e-14 * span)


@given(st.data())
def test_decoding_undoes_encoding(data):
    space = data.draw(spaces())
    point = {name: value_of(parameter, data.draw) for name, parameter in space.parameters.items()}
    columns = space.encode([point])
    assert columns.shape == (1, space.n_columns)
    assert np.all((columns >= 0) & (columns <= 1))
    (decoded,) = space.decode(columns)
    assert decoded.keys() == point.keys()
    for name, parameter in space.parameters.items():
        assert_same(parameter, decoded[name], point[name])
    np.testing.assert_allclose(space.snap(columns), columns, rtol=0, atol=1e-9)


@given(spaces(), st.integers(0, 2**32 - 1))
def test_snapping_twice_is_snapping_once_and_gives_what_is_decoded(space, seed):
    columns = np.random.default_rng(seed).uniform(-0.2, 1.2, (8, space.n_columns))
    snapped = space.snap(columns)
    np.testing.assert_array_equal(space.snap(snapped), snapped)
    decoded = space.decode(columns)
    np.testing.assert_allclose(space.encode(decoded), snapped, rtol=0, atol=1e-9)
    for point in decoded:
        for name, parameter in space.parameters.items():
            if isinstance(parameter, FloatParameter | IntParameter):
                assert parameter.low <= point[name] <= parameter.high


MIXED = SearchSpace(
    {
        "n_layers": IntParameter(low=1, high=4),
        "batch_size": IntParameter(low=1, high=9, log=True),
        "width": OrdinalParameter(values=(4, 16, 64)),
        "activation": CategoricalParameter(choices=("silu", "mish", "gelu")),
        "parity": CategoricalParameter(choices=(True, False)),
        "n_atoms": IntParameter(low=2, high=2),
    }
)
VALUES = {
    "n_layers": [1, 2, 3, 4],
    "batch_size": list(range(1, 10)),
    "width": [4, 16, 64],
    "activation": ["silu", "mish", "gelu"],
    "parity": [True, False],
    "n_atoms": [2],
}
ALL_POINTS = MIXED.encode(
    [dict(zip(VALUES, values, strict=True)) for values in product(*VALUES.values())]
)


def test_snapping_finds_the_nearest_of_all_admissible_points():
    assert MIXED.n_points == len(ALL_POINTS) == len(np.unique(ALL_POINTS, axis=0))
    anywhere = np.random.default_rng(0).random((300, MIXED.n_columns))
    distances = np.linalg.norm(anywhere[:, None, :] - ALL_POINTS, axis=2)
    snapped = np.linalg.norm(anywhere - MIXED.snap(anywhere), axis=1)
    np.testing.assert_allclose(snapped, distances.min(axis=1), rtol=1e-12)


def test_neighbours_are_admissible_distinct_and_differ_in_one_parameter():
    for row in ALL_POINTS[::7]:
        neighbours = MIXED.neighbours(row)
        np.testing.assert_array_equal(MIXED.snap(neighbours), neighbours)
        assert len(np.unique(np.vstack([neighbours, row]), axis=0)) == len(neighbours) + 1
        (origin,) = MIXED.decode(row)
        for point in MIXED.decode(neighbours):
            (changed,) = (name for name in VALUES if point[name] != origin[name])
            places = [VALUES[changed].index(side[changed]) for side in (point, origin)]
            assert changed in ("activation", "parity") or abs(places[0] - places[1]) == 1


def test_discrete_steps_reach_every_point_from_any_other():
    seen = {ALL_POINTS[0].tobytes()}
    edge = [ALL_POINTS[0]]
    while edge:
        for neighbour in MIXED.neighbours(edge.pop()):
            if neighbour.tobytes() not in seen:
                seen.add(neighbour.tobytes())
                edge.append(neighbour)
    assert len(seen) == MIXED.n_points


def test_neighbours_leave_continuous_columns_alone():
    space = SearchSpace(
        {"r_max": FloatParameter(low=3, high=6), "n_layers": IntParameter(low=1, high=3)}
    )
    row = space.encode([{"r_max": 4.7, "n_layers": 2}])[0]
    assert space.decode(space.neighbours(row)) == [
        {"r_max": pytest.approx(4.7), "n_layers": 1},
        {"r_max": pytest.approx(4.7), "n_layers": 3},
    ]
    only_continuous = SearchSpace({"r_max": FloatParameter(low=3, high=6)})
    assert only_continuous.neighbours(np.array([0.3])).shape == (0, 1)


def test_what_columns_are():
    space = SearchSpace(
        {
            "activation": CategoricalParameter(choices=("silu", "mish", "gelu")),
            "r_max": FloatParameter(low=3, high=6),
            "seed": IntParameter(low=7, high=7),
            "width": OrdinalParameter(values=(4, 16)),
        }
    )
    assert space.names == ("activation", "r_max", "seed", "width")
    assert space.n_columns == 5
    assert space.categorical.tolist() == [True, True, True, False, False]
    assert space.continuous.tolist() == [False, False, False, True, False]
    assert space.n_points is None
    (columns,) = space.encode([{"activation": "mish", "r_max": 6.0, "seed": 7, "width": 4}])
    np.testing.assert_allclose(columns, [0, 0.125**0.5, 0, 1, 0.25])


def test_swapping_a_choice_is_as_far_as_half_the_range_of_a_float():
    space = SearchSpace({"activation": CategoricalParameter(choices=("silu", "mish", "gelu"))})
    silu, mish = space.encode([{"activation": "silu"}, {"activation": "mish"}])
    assert np.linalg.norm(silu - mish) == pytest.approx(0.5)


@pytest.mark.parametrize(
    "parameter",
    [
        IntParameter(low=-2, high=2),
        OrdinalParameter(values=(1, 10, 100, 1000, 10**6)),
        CategoricalParameter(choices=("a", "b", "c", "d", "e")),
    ],
)
def test_uniform_columns_give_every_value_its_share(parameter):
    space = SearchSpace({"x": parameter})
    uniform = np.random.default_rng(1).random((20_000, space.n_columns))
    _, counts = np.unique([point["x"] for point in space.decode(uniform)], return_counts=True)
    # Five standard deviations of a binomial with p = 1/5.
    np.testing.assert_allclose(counts, 4000, atol=5 * math.sqrt(20_000 * 0.2 * 0.8))


@settings(max_examples=50)
@given(positive, positive)
def test_the_ends_of_a_float_are_reached_exactly(one, other):
    low, high = min(one, other), max(one, other)
    for log in (False, True):
        space = SearchSpace(
            {"x": FloatParameter(low=low, high=high, log=log), "y": IntParameter(low=0, high=1)}
        )
        columns = np.full((2, space.n_columns), 0.25)
        columns[:, 0 : space.n_columns - 1] = [[0.0], [1.0]]
        assert [point["x"] for point in space.decode(columns)] == [low, high]


def test_a_range_wider_than_the_largest_float():
    space = SearchSpace({"x": FloatParameter(low=-1.7e308, high=1.7e308)})
    assert space.encode([{"x": 0.0}]) == pytest.approx(0.5)
    assert space.decode(np.array([[0.75]])) == [{"x": pytest.approx(0.85e308)}]


@pytest.mark.parametrize(
    ("parameters", "complaint"),
    [
        ({}, "empty"),
        ({"r_max": FloatParameter(low=4, high=4)}, r"\(r_max\) has a single value"),
        ({"r_max": (3.0, 6.0)}, "'r_max' is a tuple"),
    ],
)
def test_a_space_with_nothing_to_search_is_refused(parameters, complaint):
    with pytest.raises(SearchSpaceError, match=complaint):
        SearchSpace(parameters)


GOOD = {
    "n_layers": 1,
    "batch_size": 1,
    "width": 4,
    "activation": "silu",
    "parity": True,
    "n_atoms": 2,
}


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"n_layers": 5}, r"n_layers = 5 is outside .* IntDistribution\(high=4, log=False, low=1"),
        ({"n_layers": 1.5}, "n_layers = 1.5 is outside"),
        ({"n_layers": math.nan}, "n_layers = nan is outside"),
        ({"n_layers": "two"}, "n_layers = 'two' is outside"),
        ({"width": 5}, r"width = 5 is outside .*\(4, 16, 64\)"),
        ({"width": [4]}, r"width = \[4\] is outside"),
        ({"activation": "relu"}, "activation = 'relu' is outside .* 'mish'"),
        ({"parity": 2}, "parity = 2 is outside"),
        ({"n_atoms": 3}, "n_atoms = 3 is outside .* low=2"),
    ],
)
def test_a_point_outside_is_refused_by_name(change, complaint):
    assert MIXED.encode([GOOD]).shape == (1, MIXED.n_columns)
    with pytest.raises(SearchSpaceError, match=complaint):
        MIXED.encode([{**GOOD, **change}])


def test_a_point_that_lacks_a_parameter_is_refused():
    with pytest.raises(SearchSpaceError, match="a point lacks 'width', 'n_atoms'"):
        MIXED.encode([{name: GOOD[name] for name in GOOD if name not in ("width", "n_atoms")}])


def test_values_of_other_parameters_are_ignored():
    np.testing.assert_array_equal(MIXED.encode([{**GOOD, "r_max": 4.0}]), MIXED.encode([GOOD]))
