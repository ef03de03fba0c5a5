"""Counting frames one by one gives what counting all at once gives."""

import tracemalloc
from dataclasses import dataclass

import numpy as np
import pytest

from analysis.baselines import fit_baselines
from analysis.distributions import FORCE_EDGES, Distributions


@dataclass
class Labels:
    numbers: np.ndarray
    energy: float
    forces: np.ndarray
    family: str
    trajectory_id: str
    step: int


def random_frames(n_frames, seed=0, n_atoms=6):
    rng = np.random.default_rng(seed)
    for index in range(n_frames):
        numbers = np.sort(rng.choice([3, 29], size=n_atoms))
        norms = 10 ** rng.uniform(-4.5, 2.5, size=(n_atoms, 1))
        directions = rng.normal(size=(n_atoms, 3))
        forces = norms * directions / np.linalg.norm(directions, axis=1, keepdims=True)
        family = ("bulk", "slab")[index % 2]
        energy = float(rng.normal() - 3 * n_atoms)
        yield Labels(numbers, energy, forces, family, f"run-{index % 5}", 100 - index)


def test_counts_and_histograms_equal_numpy_over_all_frames():
    frames = {"train": list(random_frames(40, 1)), "test": list(random_frames(11, 2))}
    distributions = Distributions()
    for split, group in frames.items():
        distributions.add_all(split, group)
    assert distributions.counts["train"]["bulk"].n_frames == 20
    assert distributions.counts["test"]["slab"].n_atoms == 5 * 6
    everything = [frame for group in frames.values() for frame in group]
    for family in ("bulk", "slab"):
        norms = np.concatenate(
            [np.linalg.norm(f.forces, axis=1) for f in everything if f.family == family]
        )
        below, *inside, above = distributions.force_counts[family]
        np.testing.assert_array_equal(inside, np.histogram(norms, bins=FORCE_EDGES)[0])
        assert below == (norms < FORCE_EDGES[0]).sum() > 0
        assert above == (norms > FORCE_EDGES[-1]).sum() > 0


def test_relative_energies_are_residuals_of_the_fit_to_the_training_split():
    train, test = list(random_frames(40, 1)), list(random_frames(11, 2))
    distributions = Distributions()
    distributions.add_all("train", train)
    distributions.add_all("test", test)
    baselines = fit_baselines(train)
    expected = [
        (f.energy - baselines.energies(f.numbers, [6])[0]) / 6
        for f in [*train, *test]
        if f.family == "slab"
    ]
    found = distributions.relative_energies()["slab"]
    np.testing.assert_allclose(np.sort(found), np.sort(expected), atol=1e-11)


def test_without_training_frames_energies_are_per_atom():
    distributions = Distributions()
    frames = list(random_frames(4))
    distributions.add_all("test", frames)
    assert distributions.baselines is None
    found = distributions.relative_energies()["bulk"]
    np.testing.assert_allclose(
        np.sort(found), np.sort([frames[0].energy / 6, frames[2].energy / 6])
    )


def test_only_followed_trajectories_are_traced_and_in_order():
    distributions = Distributions(followed={"run-3"})
    frames = list(random_frames(20))
    distributions.add_all("train", frames)
    assert list(distributions.traces) == ["run-3"]
    steps, energies = distributions.traces["run-3"].sorted()
    assert steps.tolist() == [82, 87, 92, 97]
    by_step = {frame.step: frame.energy / 6 for frame in frames}
    assert energies.tolist() == [by_step[step] for step in steps]


def test_memory_stays_flat():
    """4,000 more frames cost what two numbers per frame cost, not the frames."""
    distributions = Distributions()
    distributions.add_all("train", random_frames(1_000, n_atoms=20))
    tracemalloc.start()
    distributions.add_all("train", random_frames(4_000, n_atoms=20))
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown < 4_000 * 40
    assert grown < 0.1 * 4_000 * 20 * 3 * 8


def test_frames_of_no_family_we_know_are_counted_too():
    distributions = Distributions()
    frame = next(random_frames(1))
    frame.family = "cluster"
    distributions.add("val", frame)
    assert distributions.counts["val"]["cluster"].n_frames == 1
    assert distributions.force_counts["cluster"].sum() == pytest.approx(6)
