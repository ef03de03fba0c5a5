"""Parity plots show points that are there, and no more than can be drawn."""

import numpy as np

from analysis.baselines import Baselines
from analysis.parity import MAX_POINTS, energy_points, force_points, stress_points
from training.predictions import Predictions

BASELINES = Baselines((3, 29), np.zeros((2, 3)), np.array([-2.0, -4.0]), 1)


def split(n_frames, n_atoms=4):
    rng = np.random.default_rng(n_frames)
    total = n_frames * n_atoms
    reference = rng.normal(size=(total, 3))
    stresses = rng.normal(size=(n_frames, 3, 3))
    stresses[1::4] = np.nan
    return Predictions(
        structure_id=np.array(["x"] * n_frames),
        family=np.where(np.arange(n_frames) % 3 == 0, "bulk", "slab"),
        n_atoms=np.full(n_frames, n_atoms),
        energy_reference=rng.normal(size=n_frames),
        energy_predicted=rng.normal(size=n_frames),
        numbers=rng.choice([3, 29], size=total),
        free_mask=np.ones(total, dtype=bool),
        forces_reference=reference,
        forces_predicted=2 * reference,
        stress_reference=stresses,
        stress_predicted=3 * stresses,
    )


def test_small_splits_are_shown_whole():
    predictions = split(20)
    points = force_points(predictions)
    assert points.n_total == len(points.reference) == 20 * 4 * 3
    np.testing.assert_array_equal(points.reference, predictions.forces_reference.ravel())
    np.testing.assert_array_equal(points.families, np.repeat(predictions.family, 4 * 3))


def test_large_splits_are_thinned_always_alike_and_stay_paired():
    predictions = split(3000)
    points, again = force_points(predictions), force_points(predictions)
    assert len(points.reference) == MAX_POINTS < points.n_total == 3000 * 12
    np.testing.assert_array_equal(points.reference, again.reference)
    np.testing.assert_allclose(points.predicted, 2 * points.reference)
    by_value = dict(
        zip(
            predictions.forces_reference.ravel().tolist(),
            np.repeat(predictions.family, 12).tolist(),
            strict=True,
        )
    )
    assert [by_value[value] for value in points.reference.tolist()] == points.families.tolist()
    # A fair draw: a third of the frames are bulk.
    assert abs((points.families == "bulk").mean() - 1 / 3) < 0.05


def test_stresses_are_those_of_the_frames_that_have_one():
    predictions = split(8)
    points = stress_points(predictions)
    assert points.n_total == len(points.reference) == 6 * 9
    kept = [0, 2, 3, 4, 6, 7]
    np.testing.assert_allclose(points.reference, 1000 * predictions.stress_reference[kept].ravel())
    np.testing.assert_allclose(points.predicted, 3 * points.reference)
    np.testing.assert_array_equal(points.families, np.repeat(predictions.family[kept], 9))


def test_energies_are_per_atom_and_beyond_the_baseline():
    predictions = split(5)
    points = energy_points(predictions, BASELINES)
    for frame in range(5):
        numbers = predictions.numbers[4 * frame : 4 * frame + 4]
        offset = sum({3: -2.0, 29: -4.0}[int(z)] for z in numbers)
        expected = (predictions.energy_reference[frame] - offset) / 4
        np.testing.assert_allclose(points.reference[frame], expected)
    difference = (predictions.energy_predicted - predictions.energy_reference) / 4
    np.testing.assert_allclose(points.predicted - points.reference, difference)
