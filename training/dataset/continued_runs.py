"""Find runs that continue each other, by the positions of their atoms.

A molecular dynamics run that is cut into unlinked pieces gives several trajectories whose
frames are near-copies where they meet: such runs belong in one split.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from ase import Atoms
from ase.geometry import complete_cell
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from cuprolith.arrays import FloatArray
from training.dataset.frames import Frame

# One step of molecular dynamics moves atoms by 0.007 Å (copper, 2 fs, 300 K) to 0.05 Å (hydrogen,
# 1 fs, 1000 K) on average; independent frames of copper at 100 K are about 0.12 Å apart.
_MEAN_STEP = 0.05
_LARGEST_STEP = 0.25
_LARGEST_STRAIN = 2e-3
# Numbers that represent the positions of a frame while the frame itself is on disk.
_N_PROJECTIONS = 24
# Distances in projections scatter by 15 %, and are up to 1.2 times longer in slanted cells.
_SEARCHED = 1.8 * _MEAN_STEP
_NEAREST = 64
_LARGEST_VOLUME = 1e15  # Å³, a thousand cubic micrometres
_COMPARED = 10


@dataclass(frozen=True, slots=True)
class PositionSummary:
    """Positions of the atoms of a frame, in a few numbers.

    Attributes
    ----------
    kind
        Atomic numbers in their order, and periodicity: others are not compared.
    projections
        Shape (24,), Å: frames whose atoms are displaced by d (root mean square) are about d apart.
    """

    kind: tuple[bytes, tuple[bool, ...]]
    projections: NDArray[np.float32]


def position_summary(frame: Frame) -> PositionSummary | None:
    """Summarise the positions of the atoms; wrapping atoms does not change the result.

    None if positions are not finite or the cell is flat.
    """
    if not (np.isfinite(frame.positions).all() and np.isfinite(frame.cell).all()):
        return None
    cell = complete_cell(frame.cell)
    if not 0 < abs(np.linalg.det(cell)) < _LARGEST_VOLUME:
        return None
    scaled = np.linalg.solve(cell.T, frame.positions.T).T
    heights = 1 / np.linalg.norm(np.linalg.inv(cell), axis=0)
    angles = 2 * np.pi * scaled
    periodic = np.asarray(frame.pbc)
    features = np.concatenate(
        [
            np.where(periodic, np.cos(angles) / (2 * np.pi), scaled) * heights,
            np.where(periodic, np.sin(angles) / (2 * np.pi), 0.0) * heights,
        ]
    )
    projections = features.ravel() @ _directions(features.size) / np.sqrt(len(frame))
    if np.abs(projections).max() > _LARGEST_VOLUME:  # unreasonably far away
        return None
    return PositionSummary((frame.numbers.tobytes(), frame.pbc), projections.astype(np.float32))


@lru_cache(maxsize=16)
def _directions(n_features: int) -> FloatArray:
    rng = np.random.default_rng(n_features)
    return rng.normal(size=(n_features, _N_PROJECTIONS)) / np.sqrt(_N_PROJECTIONS)


@dataclass(frozen=True, slots=True)
class Located:
    """A frame of some run, by number.

    Attributes
    ----------
    frame
        Number by which the caller knows the frame.
    run
        The run it belongs to; frames of one run are not compared.
    starts
        Whether it is the first of its run.
    """

    frame: int
    run: str
    starts: bool
    where: PositionSummary


def find_continued_runs(
    located: Iterable[Located], read: Callable[[int], Frame]
) -> Iterator[tuple[int, int]]:
    """Yield the first frame of a run and a frame of another run that it repeats or follows.

    Atoms may have moved by one step of molecular dynamics (0.05 Å on average, none by more than
    0.25 Å), and the cell by 0.2 %. The order of atoms must be the same, and so must the
    orientation. Of each run only the first frame is looked up among the others, so the time is
    near-linear in the number of frames.

    Parameters
    ----------
    located
        Frames of all runs.
    read
        Returns a frame by its number.
    """
    kinds: dict[object, list[Located]] = defaultdict(list)
    for each in located:
        kinds[each.where.kind].append(each)
    for members in kinds.values():
        if len({each.run for each in members}) > 1:
            yield from _continued(members, read)


def _continued(
    members: Sequence[Located], read: Callable[[int], Frame]
) -> Iterator[tuple[int, int]]:
    points = np.array([each.where.projections for each in members])
    tree = cKDTree(points)
    n_nearest = min(_NEAREST, len(members))
    for start in (each for each in members if each.starts):
        distances, nearest = tree.query(
            start.where.projections, k=[*range(1, n_nearest + 1)], distance_upper_bound=_SEARCHED
        )
        near = [members[int(i)] for i in nearest[np.isfinite(distances)]]
        others = [each for each in near if each.run != start.run][:_COMPARED]
        for other in others:
            if _one_step_apart(read(start.frame), read(other.frame)):
                yield start.frame, other.frame
                break


def _one_step_apart(first: Frame, second: Frame) -> bool:
    cells = complete_cell(first.cell), complete_cell(second.cell)
    lengths = np.linalg.norm(cells[0], axis=1)
    strains = np.linalg.norm(cells[1] - cells[0], axis=1) / lengths
    if strains[np.asarray(first.pbc)].max(initial=0.0) > _LARGEST_STRAIN:
        return False
    steps = unstrained_steps(first, second)
    return bool(steps.max() <= _LARGEST_STEP and np.sqrt(np.mean(steps**2)) <= _MEAN_STEP)


def unstrained_steps(first: Frame | Atoms, second: Frame | Atoms) -> FloatArray:
    """Return how far each atom moved in the cell of the first frame, shape (n,), Å.

    Each atom moves the shortest way through the periodic cell. Both cells have a volume.
    """
    cells = [complete_cell(np.asarray(frame.cell)) for frame in (first, second)]
    start, end = (
        np.linalg.solve(cell.T, frame.positions.T).T
        for cell, frame in zip(cells, (first, second), strict=True)
    )
    moved, periodic = end - start, np.asarray(first.pbc)
    moved[:, periodic] -= np.round(moved[:, periodic])
    steps: FloatArray = np.linalg.norm(moved @ cells[0], axis=1)
    return steps
