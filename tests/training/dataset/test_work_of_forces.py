from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from ase import units
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.md.velocitydistribution import MaxwellBoltzmannDistribution
from ase.md.verlet import VelocityVerlet
from hypothesis import given, settings
from hypothesis import strategies as st

from training.dataset.frames import Frame
from training.dataset.work_of_forces import with_work_checked, work_mismatch

LIMIT = 1e-3


def frame_of(atoms, step):
    return Frame(
        numbers=atoms.numbers.astype(np.int64),
        positions=atoms.positions.copy(),
        cell=atoms.cell.array.copy(),
        energy=float(atoms.get_potential_energy()),
        forces=atoms.get_forces().copy(),
        stress=None,
        structure_id="bulk-1",
        family="bulk",
        trajectory_id="bulk-1/md",
        step=step,
        engine="emt",
        functional="EMT",
        config_hash="1",
    )


@pytest.fixture(scope="module")
def dynamics():
    """Sixty steps of copper at 600 K; atoms leave the cell and come back."""
    atoms = bulk("Cu", cubic=True).repeat((2, 2, 1))
    atoms.calc = EMT()
    MaxwellBoltzmannDistribution(atoms, temperature_K=1200, rng=np.random.default_rng(2))
    run = VelocityVerlet(atoms, timestep=2 * units.fs)
    return [frame_of(atoms, step) for step, _ in enumerate(run.irun(steps=60))]


def flawed(frames):
    return [frame.step for frame in with_work_checked(frames, LIMIT) if frame.flaw]


def with_energies(frames, change):
    return [replace(frame, energy=change(frame.step, frame.energy)) for frame in frames]


def test_energies_of_dynamics_are_the_work_of_the_forces(dynamics):
    assert flawed(dynamics) == []
    mismatches = [work_mismatch(*pair) for pair in pairwise(dynamics)]
    assert max(abs(found.difference) for found in mismatches) < 1e-4
    assert all(abs(found.difference) <= found.uncertainty + 1e-6 for found in mismatches)


def test_wrapped_positions_are_unwrapped(dynamics):
    wrapped = []
    for frame in dynamics:
        scaled = frame.positions @ np.linalg.inv(frame.cell) % 1.0
        wrapped.append(replace(frame, positions=scaled @ frame.cell))
    assert flawed(wrapped) == []


@given(at=st.integers(0, 60), offset=st.floats(0.05, 5.0), sign=st.sampled_from([-1, 1]))
@settings(max_examples=30)
def test_a_wrong_energy_is_set_aside_alone(dynamics, at, offset, sign):
    wrong = with_energies(dynamics, lambda step, energy: energy + sign * offset * (step == at))
    assert flawed(wrong) == [at]


@given(at=st.integers(2, 58))
@settings(max_examples=20)
def test_after_a_lasting_step_all_that_follows_is_set_aside(dynamics, at):
    stepped = with_energies(dynamics, lambda step, energy: energy + 0.1 * (step >= at))
    assert flawed(stepped) == list(range(at, 61))


@pytest.mark.parametrize(
    "change",
    [
        lambda _, energy: energy * 23.06,  # kcal/mol
        lambda _, energy: energy / 16,  # per atom
        lambda _, energy: -energy,  # the sign of one of the two
        lambda _, energy: 1.0,  # one energy for the whole run
    ],
)
def test_energies_of_another_kind_than_the_forces_are_set_aside(dynamics, change):
    found = flawed(with_energies(dynamics, change))
    # Now and then a step happens to need hardly any work.
    assert len(found) > 0.5 * len(dynamics)


def test_noise_below_the_limit_passes(dynamics):
    rng = np.random.default_rng(1)
    noisy = with_energies(dynamics, lambda _, energy: energy + 16 * LIMIT * rng.uniform(-0.4, 0.4))
    assert flawed(noisy) == []


def test_far_steps_other_cells_and_other_settings_say_nothing(dynamics):
    first, last = dynamics[0], replace(dynamics[20], energy=dynamics[20].energy + 1.0)
    assert flawed([first, last]) == []
    assert work_mismatch(first, replace(dynamics[1], cell=1.01 * first.cell)) is None
    assert work_mismatch(first, replace(dynamics[1], config_hash="2")) is None
    assert work_mismatch(first, replace(dynamics[1], energy=np.nan)) is None


def test_a_flaw_that_is_known_stays(dynamics):
    frames = [replace(dynamics[0], flaw="made with other settings"), *dynamics[1:3]]
    frames[0] = replace(frames[0], energy=frames[0].energy + 1)
    assert next(with_work_checked(frames, LIMIT)).flaw == "made with other settings"
