from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from ase import units
from ase.build import bulk, fcc111
from ase.calculators.emt import EMT
from ase.io import read
from ase.md.velocitydistribution import MaxwellBoltzmannDistribution
from ase.md.verlet import VelocityVerlet
from ase.optimize import BFGS
from hypothesis import given, settings
from hypothesis import strategies as st

from training.dataset.builder import build_dataset, verify_dataset
from training.dataset.frames import Frame
from training.dataset.work_of_forces import WorkOfForces, work_mismatch
from training.settings import DatasetSettings

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


@pytest.fixture(scope="module")
def relaxation():
    """A rattled slab of copper, relaxed until its energy hardly changes."""
    atoms = fcc111("Cu", (2, 2, 3), vacuum=6.0)
    atoms.pbc = True
    atoms.rattle(0.1, seed=1)
    atoms.calc = EMT()
    run = BFGS(atoms, logfile=None)
    return [frame_of(atoms, step) for step, _ in enumerate(run.irun(fmax=0.02, steps=40))]


def reasons(frames):
    work = WorkOfForces(LIMIT)
    assert list(work.watched(frames)) == frames, "frames pass as they are"
    return work.reasons()


def set_aside(frames):
    return sorted(reasons(frames))


def with_energies(frames, change):
    return [replace(frame, energy=change(frame.step, frame.energy)) for frame in frames]


def test_energies_of_dynamics_are_the_work_of_the_forces(dynamics):
    assert set_aside(dynamics) == []
    mismatches = [work_mismatch(*pair) for pair in pairwise(dynamics)]
    assert max(abs(found.difference) for found in mismatches) < 1e-4
    assert all(abs(found.difference) <= found.uncertainty + 1e-6 for found in mismatches)


def test_far_steps_of_a_relaxation_are_as_uncertain_as_said(relaxation):
    assert set_aside(relaxation) == []
    mismatches = [work_mismatch(*pair) for pair in pairwise(relaxation)]
    assert max(abs(found.difference) for found in mismatches) > LIMIT
    assert all(abs(found.difference) <= found.uncertainty + 1e-6 for found in mismatches)


def test_wrapped_positions_are_unwrapped(dynamics):
    wrapped = []
    for frame in dynamics:
        scaled = frame.positions @ np.linalg.inv(frame.cell) % 1.0
        wrapped.append(replace(frame, positions=scaled @ frame.cell))
    assert set_aside(wrapped) == []


OFFSETS = st.floats(0.05, 5.0).flatmap(lambda size: st.sampled_from([-size, size]))


@given(first=st.integers(0, 60), length=st.integers(1, 5), offset=OFFSETS)
@settings(max_examples=40)
def test_an_excursion_of_the_energy_is_set_aside_alone(dynamics, first, length, offset):
    wrong = range(first, min(first + length, 61))
    frames = with_energies(dynamics, lambda step, energy: energy + offset * (step in wrong))
    assert set_aside(frames) == list(wrong)


@given(at=st.integers(1, 60), offset=OFFSETS)
@settings(max_examples=30)
def test_of_two_parts_with_other_zeros_the_shorter_is_set_aside(dynamics, at, offset):
    frames = with_energies(dynamics, lambda step, energy: energy + offset * (step >= at))
    assert set_aside(frames) == (list(range(at)) if at <= 30 else list(range(at, 61)))


def test_of_two_equal_parts_the_later_is_set_aside_with_numbers(dynamics):
    frames = with_energies(dynamics[:20], lambda step, energy: energy + 0.16 * (step >= 10))
    found = reasons(frames)
    assert list(found) == list(range(10, 20))
    assert found[15] == (
        "energy not the work of the forces: from step 9 to step 10 it changes by +10 meV/atom "
        "beside it (limit 1)"
    )


def test_of_two_frames_that_disagree_neither_is_trusted(dynamics):
    frames = with_energies(dynamics[:2], lambda step, energy: energy + 0.1 * step)
    assert set_aside(frames) == [0, 1]


@pytest.mark.parametrize("run", ["dynamics", "relaxation"])
@pytest.mark.parametrize(
    "change",
    [
        lambda _, energy: energy * 23.06,  # kcal/mol
        lambda _, energy: -energy,  # the sign of one of the two
    ],
)
def test_a_run_with_energies_of_another_kind_is_set_aside_whole(run, change, request):
    """Though near the end of a relaxation the energy hardly changes, in any unit."""
    frames = request.getfixturevalue(run)
    found = reasons(with_energies(frames, change))
    assert sorted(found) == [frame.step for frame in frames]
    assert "such steps, 0 that agree" in found[0]


@pytest.mark.parametrize("change", [lambda _, energy: energy / 16, lambda _, energy: 1.0])
def test_energies_per_atom_or_one_for_all_are_set_aside(dynamics, change):
    assert len(set_aside(with_energies(dynamics, change))) == len(dynamics)


@pytest.mark.parametrize(("slope", "found"), [(0.3, True), (0.03, False)])
def test_energies_without_the_entropy_of_the_electrons(dynamics, slope, found):
    """Forces belong to the free energy; that of no smearing is found where it is off by enough.

    The entropy's energy rises by `slope`, eV/Å, with the distance of each atom from its start, for
    some twenty steps by up to 0.02 Å each.
    """
    start = dynamics[0].positions
    entropy = [slope * np.linalg.norm(each.positions - start, axis=1).sum() for each in dynamics]
    without = with_energies(dynamics, lambda step, energy: energy + entropy[step])
    assert bool(set_aside(without)) == found


def test_noise_below_the_limit_passes(dynamics):
    rng = np.random.default_rng(1)
    noisy = with_energies(dynamics, lambda _, energy: energy + 16 * LIMIT * rng.uniform(-0.4, 0.4))
    assert set_aside(noisy) == []


def test_far_steps_other_cells_and_other_settings_say_nothing(dynamics):
    first, last = dynamics[0], replace(dynamics[20], energy=dynamics[20].energy + 1.0)
    assert set_aside([first, last]) == []
    assert work_mismatch(first, replace(dynamics[1], cell=1.01 * first.cell)) is None
    assert work_mismatch(first, replace(dynamics[1], config_hash="2")) is None


@pytest.mark.parametrize(
    "unsound", [{"converged": False}, {"flaw": "made with other settings"}, {"energy": np.nan}]
)
def test_frames_that_are_not_sound_say_nothing_of_others(dynamics, unsound):
    frames = [
        replace(frame, **{"energy": frame.energy + 0.1} | unsound) if 9 < frame.step < 13 else frame
        for frame in dynamics
    ]
    assert set_aside(frames) == []


def test_the_reason_is_in_the_dataset(dynamics, tmp_path):
    """Also where thinning leaves frames out, and frames that follow are sound."""
    runs = [
        [replace(frame, structure_id=f"bulk-{i}", trajectory_id=f"bulk-{i}/md") for frame in part]
        for i, part in enumerate([dynamics[:20], dynamics[20:40], dynamics[40:]])
    ]
    runs[1] = with_energies(runs[1], lambda step, energy: energy + 0.2 * (step in (30, 31)))
    card = build_dataset(runs, DatasetSettings(), tmp_path, 1, unsplit_if_few=True)
    assert card.frames.seen == 61
    assert card.frames.thinned > 0
    assert card.quarantine.reasons == {"energy not the work of the forces": card.quarantine.frames}
    quarantined = read(tmp_path / "quarantine.extxyz", ":")
    assert 1 <= len(quarantined) <= 2
    for atoms in quarantined:
        assert atoms.info["trajectory_id"] == "bulk-1/md"
        assert atoms.info["step"] in (30, 31)
        assert "from step 29 to step 30" in atoms.info["quarantine_reason"]
    assert verify_dataset(tmp_path) == []
