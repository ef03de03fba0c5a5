"""Facts about the baselines that hold whatever the data."""

from dataclasses import dataclass

import numpy as np
import pytest
from ase.data import chemical_symbols
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.baselines import BaselineFit, fit_baselines
from analysis.evaluation import Errors
from training.dataset.atomic_energies import fit_atomic_energies
from training.dataset.extxyz import read_frames

LI, CU = 3, 29


@dataclass
class Labels:
    numbers: np.ndarray
    energy: float
    forces: np.ndarray
    family: str = "bulk"


def frame(numbers, energy=0.0, forces=None):
    numbers = np.asarray(numbers)
    return Labels(numbers, energy, np.zeros((len(numbers), 3)) if forces is None else forces)


def random_frames(seed, n_frames=20, species=(LI, CU)):
    rng = np.random.default_rng(seed)
    return [
        frame(
            numbers := rng.choice(species, size=rng.integers(1, 9)),
            float(rng.normal(scale=5)),
            rng.normal(size=(len(numbers), 3)),
        )
        for _ in range(n_frames)
    ]


def test_mean_force_is_the_mean_of_each_species():
    forces = np.array([[1.0, 0, 0], [3.0, 0, 0], [0, -4.0, 2.0]])
    baselines = fit_baselines([frame([LI, LI, CU], forces=forces)])
    assert baselines.species == (LI, CU)
    np.testing.assert_allclose(baselines.mean_forces, [[2, 0, 0], [0, -4, 2]])
    np.testing.assert_allclose(baselines.forces([CU, LI]), [[0, -4, 2], [2, 0, 0]])


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=25)
def test_mean_force_of_forces_that_add_up_to_zero_is_zero_force(seed):
    frames = []
    for labels in random_frames(seed):
        for z in (LI, CU):
            chosen = labels.numbers == z
            if chosen.any():
                labels.forces[chosen] -= labels.forces[chosen].mean(axis=0)
        frames.append(labels)
    baselines = fit_baselines(frames)
    reference = np.concatenate([labels.forces for labels in frames])
    predicted = baselines.forces(np.concatenate([labels.numbers for labels in frames]))
    np.testing.assert_allclose(predicted, 0, atol=1e-13)
    assert Errors.of(predicted - reference).mae == pytest.approx(Errors.of(reference).mae)


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
@settings(max_examples=25)
def test_mean_force_has_the_least_squared_error_of_all_constants(seed, other):
    frames = random_frames(seed)
    baselines = fit_baselines(frames)
    reference = np.concatenate([labels.forces for labels in frames])
    numbers = np.concatenate([labels.numbers for labels in frames])
    rival = np.random.default_rng(other).normal(size=(119, 3), scale=0.3)[numbers]
    mean = baselines.forces(numbers)
    assert Errors.of(mean - reference).rmse <= Errors.of(mean + rival - reference).rmse + 1e-12


@given(st.lists(st.floats(-20, 20), min_size=3, max_size=3), st.integers(0, 2**32 - 1))
@settings(max_examples=25)
def test_composition_baseline_is_exact_for_energies_linear_in_the_composition(energies, seed):
    table = dict(zip((LI, 13, CU), energies, strict=True))
    frames = random_frames(seed, n_frames=30, species=(LI, 13, CU))
    for labels in frames:
        labels.energy = sum(table[int(z)] for z in labels.numbers)
    baselines = fit_baselines(frames)
    numbers = np.concatenate([labels.numbers for labels in frames])
    n_atoms = np.array([len(labels.numbers) for labels in frames])
    predicted = baselines.energies(numbers, n_atoms)
    reference = np.array([labels.energy for labels in frames])
    assert Errors.of((predicted - reference) / n_atoms).mae < 1e-11
    np.testing.assert_allclose(
        baselines.species_energies, [table[z] for z in baselines.species], atol=1e-9
    )


def test_composition_baseline_is_the_least_squares_fit_of_energies_per_atom():
    frames = random_frames(3, n_frames=60)
    baselines = fit_baselines(frames)
    design = np.array([[np.mean(labels.numbers == z) for z in (LI, CU)] for labels in frames])
    target = np.array([labels.energy / len(labels.numbers) for labels in frames])
    expected = np.linalg.lstsq(design, target, rcond=None)[0]
    np.testing.assert_allclose(baselines.species_energies, expected, rtol=1e-10)


def test_composition_baseline_agrees_with_the_energies_that_training_starts_from(small_campaign):
    """Another implementation (rounded to 1 µeV) on real frames."""
    frames = read_frames(small_campaign.root / "dataset" / "train.extxyz")
    baselines = fit_baselines(frames)
    symbols = tuple(chemical_symbols[z] for z in baselines.species)
    expected = fit_atomic_energies(frames, symbols)
    np.testing.assert_allclose(baselines.species_energies, list(expected.values()), atol=1e-6)


def test_one_composition_only_gives_the_mean_and_the_smallest_energies():
    frames = [frame([LI, CU], energy) for energy in (-9.0, -10.0, -11.0)]
    baselines = fit_baselines(frames)
    np.testing.assert_allclose(baselines.species_energies, [-5.0, -5.0])
    np.testing.assert_allclose(baselines.energies([CU, LI], [2]), [-10.0])


def test_species_not_seen_in_training_count_nothing():
    baselines = fit_baselines([frame([CU], -4.0, np.ones((1, 3)))])
    np.testing.assert_allclose(baselines.forces([LI, CU]), [[0, 0, 0], [1, 1, 1]])
    np.testing.assert_allclose(baselines.energies([LI, CU], [1, 1]), [0.0, -4.0])


def test_no_training_frames_are_refused():
    with pytest.raises(ValueError, match="no training frames"):
        BaselineFit().result()
