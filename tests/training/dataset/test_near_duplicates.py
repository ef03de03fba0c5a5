import time
from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from frame_samples import emt_frame, random_frame
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from training.dataset.near_duplicates import Signature, find_near_duplicates, signature
from training.settings import NearDuplicateSettings

RULE = NearDuplicateSettings(energy_per_atom=1e-4, force_norm=5e-3, relative_volume=1e-4)


def duplicates(frames, rule=RULE) -> list[int | None]:
    return find_near_duplicates(map(signature, frames), rule)


@pytest.fixture
def alloy() -> Atoms:
    atoms = bulk("Cu", "fcc", 3.7, cubic=True) * (2, 1, 1)
    atoms.numbers[[1, 5]] = 28
    atoms.rattle(0.1, seed=2)
    return atoms


@pytest.mark.parametrize("seed", range(5))
def test_rotated_permuted_shifted_copies_are_duplicates(alloy, seed):
    """The labels come from the potential, which has these symmetries."""
    rng = np.random.default_rng(seed)
    copy = alloy[rng.permutation(len(alloy))]
    rotation = Rotation.random(rng=rng).as_matrix()
    copy.set_cell(alloy.cell.array @ rotation.T)
    copy.positions = copy.positions @ rotation.T + rng.normal(size=3)
    if seed % 2:
        copy.positions *= [-1, 1, 1]
        copy.set_cell(copy.cell.array * [-1, 1, 1])
    assert duplicates([emt_frame(alloy), emt_frame(copy)]) == [None, 0]


@pytest.mark.parametrize("rattle", [0.0, 0.1])
def test_one_crystal_in_cells_of_any_size_is_one_frame(rattle):
    """Primitive and conventional cell and supercells, also where no size divides the other."""
    primitive = bulk("CuAu", "zincblende", 5.5)
    primitive.numbers[:] = [29, 28]
    primitive.rattle(rattle, seed=3)
    repeats = [(1, 1, 1), (2, 1, 1), (1, 3, 1), (2, 2, 2)]
    cells = [primitive.repeat(repeat) for repeat in repeats]
    skewed = primitive.repeat((2, 1, 1))
    skewed.set_cell(np.array([[1, 1, 0], [0, 1, 0], [0, 0, 1]]) @ skewed.cell.array)
    frames = [emt_frame(atoms) for atoms in (*cells, skewed)]
    assert duplicates(frames) == [None, 0, 0, 0, 0]
    assert duplicates(frames[::-1]) == [None, 0, 0, 0, 0]


def test_molecules_of_one_composition_ratio_differ(alloy):
    """H2 and H4 are no cells of one another."""
    one = replace(emt_frame(Atoms("Cu2", [[0, 0, 0], [0, 0, 2.2]])), energy=-1.0)
    two = Atoms("Cu4", [[0, 0, 0], [0, 0, 2.2], [50, 0, 0], [50, 0, 2.2]])
    assert duplicates([one, replace(emt_frame(two), energy=-2.0)]) == [None, None]


def test_another_geometry_is_no_duplicate(alloy):
    other = alloy.copy()
    other.rattle(0.05, seed=9)
    strained = alloy.copy()
    strained.set_cell(alloy.cell.array * 1.01, scale_atoms=True)
    swapped = alloy.copy()
    swapped.numbers[[1, 2]] = swapped.numbers[[2, 1]]
    pure = alloy.copy()
    pure.numbers[:] = 29
    frames = [emt_frame(atoms) for atoms in (alloy, other, strained, swapped, pure)]
    assert duplicates(frames) == [None] * 5


def test_labels_of_another_source_are_never_duplicates(alloy):
    frame = emt_frame(alloy)
    others = [
        replace(frame, engine="vasp"),
        replace(frame, functional="PBE"),
        replace(frame, config_hash="other"),
        replace(frame, pbc=(True, True, False)),
    ]
    assert duplicates([frame, *others, replace(frame, trajectory_id="again")]) == [
        None,
        None,
        None,
        None,
        None,
        0,
    ]


@pytest.mark.parametrize("start", [-3.00005, -3.0001, 0.0, 12345.67891])
@pytest.mark.parametrize("sign", [-1, 1])
def test_tolerances_hold_wherever_the_bins_end(start, sign):
    norms = np.array([0.1, 0.25, 0.5], dtype=np.float32)

    def frame(energy=start, log_volume=start, shift=0.0):
        return Signature(("kind",), energy, log_volume, norms + np.float32(shift))

    for fraction, original in ((0.999, 0), (1.001, None)):
        for change in (
            {"energy": start + sign * fraction * RULE.energy_per_atom},
            {"log_volume": start + sign * fraction * RULE.relative_volume},
            {"shift": sign * fraction * RULE.force_norm},
        ):
            assert find_near_duplicates([frame(), frame(**change)], RULE) == [None, original]


@pytest.mark.parametrize("atom", range(9))
def test_one_force_norm_beyond_its_tolerance_suffices(atom):
    """Any atom's: also those whose norms take no part in the binning."""
    frame = random_frame(np.random.default_rng(0), 9)
    frame = replace(frame, forces=np.outer(np.arange(1.0, 10), [0, 0.6, 0.8]))
    for fraction, original in ((0.99, 0), (1.01, None)):
        forces = frame.forces.copy()
        forces[atom] *= 1 + fraction * RULE.force_norm / np.linalg.norm(forces[atom])
        assert duplicates([frame, replace(frame, forces=forces)]) == [None, original]


def test_chains_keep_what_no_kept_frame_stands_for():
    """Each is like its neighbour, the ends are not alike: dropping is greedy, in order."""
    norms = np.array([0.2], dtype=np.float32)
    chain = [Signature(("k",), i * 0.6e-4, 0.0, norms) for i in range(6)]
    assert find_near_duplicates(chain, RULE) == [None, 0, None, 2, None, 4]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 8), st.integers(0, 8), st.integers(0, 8), st.integers(0, 8)),
        max_size=25,
    )
)
def test_agrees_with_comparing_all_pairs(points):
    signatures = [
        Signature(
            ("k",),
            -3.0 + e * 0.37e-4,
            5.0 + v * 0.37e-4,
            np.sort(np.array([f * 1.9e-3, g * 1.9e-3], dtype=np.float32)),
        )
        for e, v, f, g in points
    ]

    def alike(a: Signature, b: Signature) -> bool:
        return (
            abs(a.energy_per_atom - b.energy_per_atom) <= RULE.energy_per_atom
            and abs(a.log_volume - b.log_volume) <= RULE.relative_volume
            and float(np.abs(a.force_norms - b.force_norms).max()) <= RULE.force_norm
        )

    found = find_near_duplicates(signatures, RULE)
    kept: list[int] = []
    for i, candidate in enumerate(signatures):
        like = [k for k in kept if alike(signatures[k], candidate)]
        assert (found[i] in like) if like else (found[i] is None)
        if not like:
            kept.append(i)


def test_frames_that_cannot_be_compared_are_refused(alloy):
    frame = emt_frame(alloy)
    for broken in (
        replace(frame, energy=float("nan")),
        replace(frame, forces=np.full_like(frame.forces, np.inf)),
        replace(frame, cell=np.zeros((3, 3))),
    ):
        with pytest.raises(ValueError, match="quarantine it first"):
            signature(broken)


def test_molecules_need_no_volume(alloy):
    molecule = replace(emt_frame(alloy), pbc=(False,) * 3, cell=np.zeros((3, 3)))
    assert duplicates([molecule, replace(molecule, cell=np.eye(3))]) == [None, 0]


def dynamics_like(n_frames: int) -> list[Signature]:
    """Signatures as of molecular dynamics at constant volume: many, similar, none alike."""
    rng = np.random.default_rng(0)
    return [
        Signature(
            ("k",),
            -3.0 + 0.005 * rng.normal(),
            7.0,
            np.sort(np.linalg.norm(rng.normal(size=(60, 3)) * 0.3, axis=1)).astype(np.float32),
        )
        for _ in range(n_frames)
    ]


def test_number_of_comparisons_per_frame_stays_small(monkeypatch):
    """Counted rather than timed: all pairs of 4000 frames would be 2000 per frame."""
    from training.dataset import near_duplicates

    calls = []
    alike = near_duplicates._alike
    monkeypatch.setattr(near_duplicates, "_alike", lambda *args: calls.append(1) or alike(*args))
    started = time.perf_counter()
    assert find_near_duplicates(dynamics_like(4000), RULE) == [None] * 4000
    assert len(calls) < 4000, f"{len(calls)} comparisons, {time.perf_counter() - started:.2f} s"


def test_thousands_of_copies_cost_one_comparison_each(monkeypatch):
    from training.dataset import near_duplicates

    calls = []
    alike = near_duplicates._alike
    monkeypatch.setattr(near_duplicates, "_alike", lambda *args: calls.append(1) or alike(*args))
    (one,) = dynamics_like(1)
    assert find_near_duplicates([one] * 3000, RULE) == [None] + [0] * 2999
    assert len(calls) == 2999
