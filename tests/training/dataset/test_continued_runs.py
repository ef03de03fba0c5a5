from dataclasses import replace

import numpy as np
import pytest
from ase import units
from ase.build import bulk, fcc111
from ase.calculators.emt import EMT
from ase.md.velocitydistribution import MaxwellBoltzmannDistribution
from ase.md.verlet import VelocityVerlet
from frame_samples import emt_frame, random_frame

from training.dataset.continued_runs import Located, find_continued_runs, position_summary


def found(runs):
    """Pairs of runs of which one starts where the other was."""
    frames = [(name, i == 0, frame) for name, run in runs.items() for i, frame in enumerate(run)]
    located = [
        Located(i, name, starts, position_summary(frame))
        for i, (name, starts, frame) in enumerate(frames)
    ]
    links = find_continued_runs(located, lambda i: frames[i][2])
    return {"-".join(sorted((frames[start][0], frames[other][0]))) for start, other in links}


def dynamics(n_steps, seed=0, temperature=600.0):
    atoms = bulk("Cu", cubic=True).repeat((2, 1, 1))
    atoms.calc = EMT()
    rng = np.random.default_rng(seed)
    MaxwellBoltzmannDistribution(atoms, temperature_K=temperature, rng=rng)
    moving = VelocityVerlet(atoms, 2 * units.fs)
    moving.run(60)
    frames = []
    for _ in range(n_steps):
        moving.run(1)
        frames.append(emt_frame(atoms))
    return frames


def wrapped(frame):
    """As CONTCAR has it."""
    atoms = frame.to_atoms()
    atoms.wrap()
    return replace(frame, positions=atoms.positions)


def test_one_dynamics_in_three_runs_is_found():
    """Frames 10 and 20 follow a step later; frame 20 is wrapped and the last run is in between."""
    frames = dynamics(30)
    runs = {"c": [wrapped(frame) for frame in frames[20:]], "a": frames[:10], "b": frames[10:20]}
    assert found(runs) == {"a-b", "b-c"}


def test_a_run_that_starts_again_from_the_middle_of_another_is_found():
    frames = dynamics(30)
    assert found({"a": frames[:20], "b": frames[12:15]}) == {"a-b"}


def test_independent_runs_of_one_crystal_are_not():
    """At 150 K, to which half of the initial temperature comes down."""
    runs = {str(seed): dynamics(5, seed, temperature=300) for seed in range(5)}
    assert found(runs) == set()


def test_what_differs_beyond_a_step_is_not():
    atoms = fcc111("Cu", (3, 3, 3), a=3.6, vacuum=6, periodic=True)
    frame = emt_frame(atoms)
    numbers = frame.numbers.copy()
    numbers[0] = 28
    one_atom = frame.positions.copy()
    one_atom[-1, 0] += 0.3  # an adatom that hopped, say: little on average
    others = {
        "other elements": replace(frame, numbers=numbers),
        "strained": replace(frame, cell=frame.cell * 1.01, positions=frame.positions * 1.01),
        "no periodicity": replace(frame, pbc=(True, True, False)),
        "one atom": replace(frame, positions=one_atom),
        "supercell": emt_frame(atoms.repeat((2, 1, 1))),
    }
    for name, other in others.items():
        assert found({"slab": [frame], name: [other]}) == set(), name
    drifted = replace(frame, positions=frame.positions + 0.01, cell=frame.cell * 1.001)
    assert found({"slab": [frame], "again": [drifted]}) == {"again-slab"}


@pytest.mark.parametrize("periodic", [True, False])
def test_hundreds_of_runs_cost_few_comparisons(periodic):
    """Each run is compared with its neighbours only; one of them continues another."""
    rng = np.random.default_rng(0)
    cell = np.eye(3) * 10.0
    runs = {
        str(run): [
            random_frame(rng, 8, numbers=np.full(8, 29), cell=cell, pbc=(periodic,) * 3)
            for _ in range(5)
        ]
        for run in range(300)
    }
    last = runs["7"][-1]
    runs["299"][0] = replace(last, positions=last.positions + 0.02)
    reads = []
    frames = [(name, i == 0, frame) for name, run in runs.items() for i, frame in enumerate(run)]
    located = [
        Located(i, name, starts, position_summary(frame))
        for i, (name, starts, frame) in enumerate(frames)
    ]
    links = list(find_continued_runs(located, lambda i: reads.append(i) or frames[i][2]))
    assert [(frames[start][0], frames[other][0]) for start, other in links] == [("299", "7")]
    assert len(reads) < 10


@pytest.mark.parametrize(
    "fields",
    [
        {"positions": np.full((5, 3), np.nan)},
        {"positions": np.full((5, 3), 1e300), "pbc": (False,) * 3},
        {"cell": np.full((3, 3), np.inf)},
        {"cell": np.ones((3, 3))},
        {"cell": np.eye(3) * 1e200},
    ],
)
def test_places_without_meaning_are_left_out(fields):
    """Such frames are in quarantine, and still give the index of a dataset."""
    with np.errstate(all="ignore"):
        assert position_summary(random_frame(np.random.default_rng(0), **fields)) is None
