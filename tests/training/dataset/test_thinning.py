from dataclasses import replace

import numpy as np
import pytest
from ase.build import bulk
from ase.md.langevin import Langevin
from frame_samples import emt_frame, random_frame
from hypothesis import given, settings
from hypothesis import strategies as st

from training.dataset.frames import Frame
from training.dataset.thinning import thin_trajectory
from training.settings import ThinningSettings

RULE = ThinningSettings(min_displacement=0.05, min_force_change=0.10)


def steps_of(frames) -> list[int]:
    return [frame.step for frame in thin_trajectory(frames, RULE)]


def at(step: int, x: float = 0.0, force: float = 0.0, **fields) -> Frame:
    """Two atoms, of which the second is displaced and feels a force along x."""
    frame = random_frame(np.random.default_rng(0), 2, step=step, cell=np.eye(3) * 10)
    positions, forces = np.zeros((2, 3)), np.zeros((2, 3))
    positions[1, 0], forces[1, 0] = 5.0 + x, force
    return replace(frame, positions=positions, forces=forces, **fields)


def test_short_trajectories_are_kept():
    assert steps_of([]) == []
    assert steps_of([at(0)]) == [0]
    assert steps_of([at(0), at(1)]) == [0, 1]


def test_displacements_add_up_since_the_last_step_kept():
    path = [at(step, x=0.02 * step) for step in range(10)]
    assert steps_of(path) == [0, 3, 6, 9]


def test_force_changes_add_up_since_the_last_step_kept():
    path = [at(step, force=0.04 * step) for step in range(8)]
    assert steps_of(path) == [0, 3, 6, 7]


def test_a_diagonal_move_counts_with_its_length():
    corner = at(1)
    moved = corner.positions.copy()
    moved[1] += 0.03  # 0.052 Å along the diagonal
    assert steps_of([at(0), replace(corner, positions=moved), at(2)]) == [0, 1, 2]


def test_crossing_the_cell_border_is_no_movement():
    triclinic = np.array([[10.0, 0, 0], [4.0, 9.0, 0], [-3.0, 2.0, 8.0]])
    frames = []
    for step in range(6):
        frame = at(step, cell=triclinic)
        windings = np.random.default_rng(step).integers(-2, 3, (2, 3))
        frames.append(replace(frame, positions=frame.positions + windings @ triclinic))
    assert steps_of(frames) == [0, 5]


def test_along_a_direction_without_periodicity_it_is():
    slab = {"pbc": (True, True, False)}
    lifted = at(1, **slab)
    lifted = replace(lifted, positions=lifted.positions + np.array([0, 0, 10.0]))
    assert steps_of([at(0, **slab), lifted, at(2, **slab)]) == [0, 1, 2]


def test_molecules_without_cell():
    molecule = {"pbc": (False, False, False), "cell": np.zeros((3, 3))}
    path = [at(step, x=0.03 * step, **molecule) for step in range(5)]
    assert steps_of(path) == [0, 2, 4]


def test_a_straining_cell_is_a_change_even_when_no_atom_moves():
    path = [at(step, cell=np.eye(3) * (10 + 0.02 * step)) for step in range(7)]
    assert steps_of(path) == [0, 3, 6]


def test_unsound_steps_never_stand_for_sound_ones():
    path = [
        at(0),
        at(1, x=0.2, converged=False),
        at(2, x=0.2),
        at(3, x=0.2, converged=False),
        at(4, force=np.nan),
        at(5, x=0.2),
        at(6, x=0.2),
    ]
    assert steps_of(path) == [0, 1, 2, 4, 6]


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (at(0), "step 0 comes after step 0"),
        (at(1, trajectory_id="other"), "is followed by other"),
        (at(1, numbers=np.array([1, 2])), "the atoms change between steps 0 and 1"),
    ],
)
def test_what_is_no_trajectory_is_refused(second, message):
    with pytest.raises(ValueError, match=message):
        steps_of([at(0), second])


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(-0.2, 0.2), st.floats(-0.5, 0.5), st.booleans()),
        min_size=1,
        max_size=20,
    )
)
def test_every_step_left_out_is_like_the_last_one_kept(path):
    frames = [at(i, x=x, force=f, converged=ok) for i, (x, f, ok) in enumerate(path)]
    kept = steps_of(frames)
    assert kept == sorted(set(kept))
    assert {0, len(path) - 1} <= set(kept)
    for i, (x, force, converged) in enumerate(path):
        if i not in kept:
            like = [k for k in kept if k < i and path[k][2] == converged]
            assert abs(path[like[-1]][0] - x) <= RULE.min_displacement + 1e-12
            assert abs(path[like[-1]][1] - force) <= RULE.min_force_change


def test_molecular_dynamics_is_thinned_while_streaming():
    """Real dynamics: what is kept covers the path, and steps are taken one by one."""
    from ase.calculators.emt import EMT

    atoms = bulk("Cu", "fcc", 3.6, cubic=True)
    atoms.calc = EMT()
    dynamics = Langevin(atoms, 1.0, temperature_K=300, friction=0.02, rng=np.random.default_rng(3))
    path = []
    for step in range(60):
        path.append(emt_frame(atoms, step=step))
        dynamics.run(1)
    taken = []

    def stream():
        for frame in path:
            taken.append(frame.step)
            yield frame

    kept = []
    for frame in thin_trajectory(stream(), RULE):
        assert taken[-1] == frame.step
        kept.append(frame.step)
    assert 2 < len(kept) < 60
    for frame in path:
        last = path[max(step for step in kept if step <= frame.step)]
        assert np.linalg.norm(frame.positions - last.positions, axis=1).max() <= 0.05
        assert np.linalg.norm(frame.forces - last.forces, axis=1).max() <= 0.10
