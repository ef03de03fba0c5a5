from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .dead_time import Span, dead_times

BEGIN = datetime(2026, 11, 20, 12)


def span(place, start, end):
    return Span(place, BEGIN + timedelta(seconds=start), BEGIN + timedelta(seconds=end))


def test_each_job_follows_the_last_one_that_ended_in_its_place():
    spans = [span("a", 0, 3), span("a", 1, 5), span("b", 2, 4), span("a", 4, 6), span("a", 7, 8)]
    assert sorted(dead_times(spans)) == [1.0, 1.0]


def test_places_of_which_nothing_is_known_are_told_apart():
    """Two cores: what begins behind the first job is not taken for the successor of the second."""
    spans = [span("node", 0, 10), span("node", 0, 4), span("node", 5, 9), span("node", 12, 13)]
    assert sorted(dead_times(spans)) == [1.0, 2.0]


@given(st.lists(st.tuples(st.integers(0, 100), st.integers(0, 100)), min_size=1))
def test_one_after_the_other_they_are_the_pauses(lengths):
    spans, now = [], 0
    for pause, length in lengths:
        spans.append(span("a", now + pause, now + pause + length))
        now += pause + length
    pauses = [(after.start - before.end).total_seconds() for before, after in pairwise(spans)]
    assert sum(dead_times(spans)) == pytest.approx(sum(pauses))
