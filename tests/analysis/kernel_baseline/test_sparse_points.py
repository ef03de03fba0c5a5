"""Sparse environments are spread over all environments."""

import numpy as np

from analysis.kernel_baseline.sparse_points import farthest_points


def test_one_point_of_every_cluster():
    rng = np.random.default_rng(3)
    centres = 10 * np.eye(6)
    points = np.repeat(centres, (500, 3, 1, 200, 7, 2), axis=0)
    points += 0.01 * rng.normal(size=points.shape)
    chosen = points[farthest_points(points, 6, rng)]
    assert sorted(chosen.argmax(axis=1)) == [0, 1, 2, 3, 4, 5]


def test_what_repeats_is_taken_once():
    rng = np.random.default_rng(3)
    points = np.repeat(rng.normal(size=(4, 30)), 9, axis=0)
    chosen = farthest_points(points, 100, rng)
    assert len(np.unique(points[chosen], axis=0)) == len(chosen) == 4
