"""Leave out ionic steps that hardly differ from one already kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from training.dataset.displacements import shortest_displacements
from training.dataset.frames import Frame
from training.settings import ThinningSettings


def thin_trajectory(frames: Iterable[Frame], settings: ThinningSettings) -> Iterator[Frame]:
    """Yield the steps of one trajectory that differ from the last step kept.

    A step is kept when an atom has moved, or its force has changed, by more than the settings
    allow since the last step kept. The first and the last step are always kept. Atoms move
    along the shortest way through the periodic cell, so wrapped positions are no movement; the
    ends of the lattice vectors count as atoms, so a straining cell is one. Converged and
    unconverged steps are compared among themselves only: a step that will be quarantined never
    replaces a sound one. Steps with NaN or infinite values are always kept (for quarantine).

    Parameters
    ----------
    frames
        Steps of one trajectory in ascending order; two are in memory at a time.

    Raises
    ------
    ValueError
        If the steps are of several trajectories, not in order, or not of the same atoms.
    """
    kept: dict[bool, Frame] = {}
    previous: Frame | None = None
    previous_kept = True
    for frame in frames:
        if previous is not None:
            _check_succession(previous, frame)
        reference = kept.get(frame.converged)
        previous_kept = reference is None or _differs(reference, frame, settings)
        if previous_kept:
            if is_finite(frame):
                kept[frame.converged] = frame
            yield frame
        previous = frame
    if previous is not None and not previous_kept:
        yield previous


def _check_succession(previous: Frame, frame: Frame) -> None:
    name = f"trajectory {previous.trajectory_id} of {previous.structure_id}"
    if frame.trajectory_id != previous.trajectory_id:
        raise ValueError(f"{name}: step {previous.step} is followed by {frame.trajectory_id}")
    if frame.step <= previous.step:
        raise ValueError(f"{name}: step {frame.step} comes after step {previous.step}")
    if not np.array_equal(frame.numbers, previous.numbers):
        raise ValueError(f"{name}: the atoms change between steps {previous.step} and {frame.step}")


def _differs(reference: Frame, frame: Frame, settings: ThinningSettings) -> bool:
    if not is_finite(frame):
        return True
    return bool(
        _largest(shortest_displacements(reference, frame)) > settings.min_displacement
        or _largest(frame.cell - reference.cell) > settings.min_displacement
        or _largest(frame.forces - reference.forces) > settings.min_force_change
    )


def _largest(vectors: NDArray[np.float64]) -> float:
    return float(np.sqrt((vectors**2).sum(axis=1).max()))


def is_finite(frame: Frame) -> bool:
    """Return whether energy, positions, cell and forces are finite."""
    return all(
        bool(np.isfinite(values).all())
        for values in (frame.energy, frame.positions, frame.cell, frame.forces)
    )
