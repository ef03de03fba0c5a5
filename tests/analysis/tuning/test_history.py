"""A study's course, against moocore's hypervolume of every beginning of it."""

import time

import moocore
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from trial_records import record

from analysis.tuning.history import history

REFERENCE = (3.0, 3.0)
VALUE = st.sampled_from([0.5, 1.0, 1.5, 2.0, 3.0, 3.5]) | st.floats(0.01, 4)
OBJECTIVES = st.none() | st.tuples(VALUE, VALUE)
TRIALS = st.lists(st.tuples(OBJECTIVES, st.sampled_from([-1.0, 0.0, 1.0])), min_size=1, max_size=25)


@given(TRIALS)
def test_each_step_is_what_the_library_gives_for_all_trials_so_far(content):
    trials = [record(i, v, constraints=(c,)) for i, (v, c) in enumerate(content)]
    found = history(trials, REFERENCE)
    for n in range(1, len(trials) + 1):
        feasible = [trial.objectives for trial in trials[:n] if trial.feasible]
        area = moocore.hypervolume(np.array(feasible), ref=REFERENCE) if feasible else 0.0
        assert found.hypervolume[n - 1] == pytest.approx(area, abs=1e-12)
        assert found.feasible_rate[n - 1] == pytest.approx(len(feasible) / n)
        best = min((v[0] for v in feasible), default=np.nan)
        np.testing.assert_equal(found.best_accuracy[n - 1], best)


def test_numbers_are_those_of_the_trials_and_nothing_gives_nothing():
    assert history([record(7, (1.0, 1.0)), record(9, None)], REFERENCE).number.tolist() == [7, 9]
    assert len(history([], REFERENCE).hypervolume) == 0


def test_a_long_study_is_followed_in_little_time():
    x = np.random.default_rng(0).permutation(np.linspace(0.01, 0.99, 20_000))
    trials = [record(i, (float(v), float(1 - v))) for i, v in enumerate(x)]  # all on the front
    begun = time.perf_counter()
    found = history(trials, (1.0, 1.0))
    assert time.perf_counter() - begun < 5  # 0.2 s; anew for every trial it would be minutes
    points = np.column_stack([x, 1 - x])
    assert found.hypervolume[-1] == pytest.approx(moocore.hypervolume(points, ref=(1.0, 1.0)))
