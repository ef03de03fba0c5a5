"""Energies far off are found, and nothing physical is."""

from dataclasses import replace

import numpy as np
import pytest
from frame_samples import random_frame

from training.dataset.energy_outliers import energy_outliers
from training.dataset.frame_index import index_frame
from training.settings import QuarantineSettings


def indexed(energy_per_atom, numbers=(29, 29, 29, 29), trajectory="t", **fields):
    frame = random_frame(np.random.default_rng(0), len(numbers))
    frame = replace(
        frame,
        numbers=np.array(numbers),
        energy=energy_per_atom * len(numbers),
        trajectory_id=trajectory,
        **fields,
    )
    return index_frame(frame, 0, 0, [])


def off(frames):
    return energy_outliers(frames, QuarantineSettings())


def md(energies, **fields):
    return [indexed(energy, step=step, **fields) for step, energy in enumerate(energies)]


def test_one_step_far_off_its_trajectory():
    energies = np.where(np.arange(50) % 2, -3.72, -3.68)
    energies[20] = 2.31
    ((index, reason),) = off(md(energies)).items()
    assert index == 20
    assert reason.startswith("energy far off: 2.")
    assert "+6.01 from its trajectory's median -3.7 (limit 5)" in reason


def test_one_step_of_a_large_cell_that_does_not_fit_the_steps_beside_it():
    """711 eV too much for 300 atoms; a relaxation that starts as high only goes down."""
    energies = [-3.7, -3.71, -3.7 + 711 / 300, -3.69, -3.7, -3.71]
    ((index, reason),) = off(md(energies)).items()
    assert index == 2
    assert "+2.36 from both steps beside it (limit 1)" in reason
    assert off(md([energies[2], -2.5, -3.6, -3.7, -3.7, -3.7, -3.7])) == {}


@pytest.mark.parametrize("energy", [711.0, -711.0])
def test_a_run_far_off_its_composition_however_long(energy):
    """In another cell and with other formula units, among shorter runs."""
    sound = [indexed(-3.7 - i / 100, trajectory=f"s{i}", numbers=[29] * (i + 1)) for i in range(3)]
    bad = md([energy] * 9, numbers=[29], trajectory="bad")
    assert off([*sound, *bad]).keys() == set(range(3, 12))


def test_a_composition_of_its_own_is_compared_with_its_elements():
    copper = md([-3.7, -3.6, -3.65], trajectory="cu")
    alloy = md([-2.8, -2.9, -2.85], numbers=[3, 29], trajectory="licu")
    assert off([*copper, *alloy, indexed(-1.9, numbers=[3, 3], trajectory="li")]) == {}
    (reason,) = off([*copper, *alloy, indexed(711, numbers=[3], trajectory="li")]).values()
    assert "from its composition's median -2.05" in reason
    assert off([*copper, indexed(711, numbers=[3], trajectory="li")]) == {}, "nothing is known"


def test_physical_energies_are_kept():
    relaxed = md([-4.5, -6.0, -8.0, -8.8, -8.9, -8.9, -8.9], numbers=[74] * 2, trajectory="relax")
    crystals = [indexed(-8.9, numbers=[74], trajectory=f"c{i}") for i in range(20)]
    atom = indexed(3.0, numbers=[74], trajectory="atom, without spin")
    strained = [indexed(e, numbers=[74], trajectory=f"s{e}") for e in (-9.0, -6.0, 2.0)]
    assert off([*relaxed, *crystals, atom, *strained]) == {}


def test_wide_distributions_widen_the_limits():
    energies = np.random.default_rng(2).uniform(-4, 40, 100)
    assert off(md(energies)) == {}


def test_few_frames_and_other_label_sources_say_nothing():
    assert off(md([-3.7, 711.0])) == {}
    assert off([indexed(711.0)]) == {}
    assert off([]) == {}
    other = md([-5000.0] * 2, engine="gpaw", trajectory="g")
    assert off([*md([-3.7] * 5), *other]) == {}


def test_as_many_bad_runs_as_good_ones_set_nothing_aside():
    runs = [indexed(e, trajectory=f"t{i}") for i, e in enumerate([-3.7, -3.6, 711.0, 712.0])]
    assert off(runs) == {}
