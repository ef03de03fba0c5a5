"""Find frames whose energies are not the work of the forces along their trajectory.

They are for a single potential energy surface. They are not where the energies are of another kind
than the forces (per atom, in other units, extrapolated to no smearing), where settings change
during a run, where a label did not converge, or where the engine's energy has steps.

What is wrong follows from the levels. Two consecutive frames that agree are on one level; where
they disagree, the level changes by the mismatch. The level with most frames is right, the earliest
of two with equally many, and the frames on other levels are set aside: one wrong energy, an
excursion for some steps and back, or the shorter part of a run whose settings have changed. A level
must have two frames and half of all to be right, else nothing is. Where a run changes its level for
good twice or more, and more often than energy and work agree on a change above the limit, its
energies are of another kind, and all of it is set aside.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cuprolith.arrays import FloatArray
from training.dataset.displacements import shortest_displacements
from training.dataset.frames import Frame
from training.dataset.thinning import is_finite

NOT_THE_WORK = "energy not the work of the forces"

# The trapezoidal rule is off by a twelfth of the change of the slope of the force along the step.
# That is less than the change of the force as long as the stiffness does not even double.
_UNCERTAIN_SHARE = 1 / 12
_LEAST_CHANGES = 2


class WorkMismatch(NamedTuple):
    """A step of the energy beside the work of the forces, eV/atom.

    Attributes
    ----------
    difference
        Step of the energy minus the work of the forces.
    uncertainty
        Of the work, since forces are known at both ends only.
    work
        Step of the energy that the forces predict.
    """

    difference: float
    uncertainty: float
    work: float


def work_mismatch(before: Frame, after: Frame) -> WorkMismatch | None:
    """Compare the energies of two frames of the same atoms with the work between them.

    Returns
    -------
    None where they cannot be compared: other atoms, another cell or other settings.
    """
    if not (
        np.array_equal(before.numbers, after.numbers)
        and np.array_equal(before.cell, after.cell)
        and before.pbc == after.pbc
        and (before.engine, before.functional, before.config_hash)
        == (after.engine, after.functional, after.config_hash)
    ):
        return None
    moved = shortest_displacements(before, after)
    with np.errstate(all="ignore"):
        work = -float(((before.forces + after.forces) / 2 * moved).sum()) / len(before)
        changes = ((after.forces - before.forces) * moved).sum(axis=1)
        uncertainty = _UNCERTAIN_SHARE * float(np.abs(changes).sum()) / len(before)
        difference = (after.energy - before.energy) / len(before) - work
    if not np.isfinite([difference, uncertainty]).all():
        return None
    return WorkMismatch(difference, uncertainty, work)


class _Step(NamedTuple):
    """A frame, compared with the one before it.

    Attributes
    ----------
    jump
        Change of the level, eV/atom: 0 where energy and work agree, None where nothing is known.
    telling
        Whether the forces predict a change above the limit.
    """

    step: int
    before: int
    jump: float | None
    telling: bool


@dataclass
class WorkOfForces:
    """Watches the frames of one trajectory, of which two are in memory at a time.

    Attributes
    ----------
    limit
        Largest mismatch, eV/atom. Pairs so far apart that the work is uncertain by half of it say
        nothing.
    """

    limit: float
    _steps: list[_Step] = field(default_factory=list)

    def watched(self, trajectory: Iterable[Frame]) -> Iterator[Frame]:
        """Yield consecutive frames as they are; those that are not sound are not compared."""
        previous: Frame | None = None
        for frame in trajectory:
            if frame.converged and not frame.flaw and is_finite(frame):
                self._steps.append(self._compared(previous, frame))
                previous = frame
            yield frame

    def reasons(self) -> dict[int, str]:
        """Return why frames are set aside, by their steps; after the last frame."""
        wrong: list[_Step] = []
        reasons: dict[int, str] = {}
        for stretch in _stretches(self._steps):
            right = _right(stretch, self.limit)
            wrong += _lasting(stretch, right)
            reasons.update(self._of_stretch(stretch, right))
        agreements = sum(each.telling and each.jump == 0 for each in self._steps)
        if len(wrong) < max(_LEAST_CHANGES, agreements + 1):
            return reasons
        largest = max(wrong, key=lambda each: abs(each.jump or 0))
        whole = f"{self._said(largest)}; {len(wrong)} such steps, {agreements} that agree"
        return {each.step: whole for each in self._steps}

    def _compared(self, before: Frame | None, frame: Frame) -> _Step:
        found = work_mismatch(before, frame) if before is not None else None
        if before is None or found is None or found.uncertainty > self.limit / 2:
            return _Step(frame.step, frame.step, None, telling=False)
        bound = self.limit + found.uncertainty
        jump = found.difference if abs(found.difference) > bound else 0.0
        return _Step(frame.step, before.step, jump, abs(found.work) > bound)

    def _of_stretch(
        self, stretch: Sequence[_Step], right: NDArray[np.bool_]
    ) -> Iterator[tuple[int, str]]:
        """Name each frame that is not right with the change of level before it, or the first."""
        latest = next((each for each in stretch if each.jump), None)
        for each, is_right in zip(stretch, right, strict=True):
            latest = each if each.jump else latest
            if not is_right and latest is not None:
                yield each.step, self._said(latest)

    def _said(self, change: _Step) -> str:
        return (
            f"{NOT_THE_WORK}: from step {change.before} to step {change.step} it changes by "
            f"{1000 * (change.jump or 0):+.3g} meV/atom beside it (limit {1000 * self.limit:g})"
        )


def _stretches(steps: Sequence[_Step]) -> Iterator[Sequence[_Step]]:
    """Yield the parts in which each frame was compared with the one before it."""
    ends = [index for index, each in enumerate(steps) if index and each.jump is None]
    for start, end in pairwise([0, *ends, len(steps)] if steps else []):
        yield steps[start:end]


def _right(stretch: Sequence[_Step], limit: float) -> NDArray[np.bool_]:
    """Return which frames are on the level with most frames; none if it has too few."""
    levels: FloatArray = np.cumsum([each.jump or 0.0 for each in stretch])
    ordered = np.sort(levels)
    members = np.searchsorted(ordered, ordered + limit, side="right") - np.arange(len(ordered))
    most = int(members.max())
    if len(stretch) > 1 and (most < 2 or 2 * most < len(stretch)):
        return np.zeros(len(stretch), dtype=bool)
    starts = ordered[members == most]
    with_first = starts[(starts <= levels[0]) & (levels[0] <= starts + limit)]
    start = (with_first if len(with_first) else starts)[0]
    return (start <= levels) & (levels <= start + limit)


def _lasting(stretch: Sequence[_Step], right: NDArray[np.bool_]) -> list[_Step]:
    """Return changes of level that are no excursions from the right level and back."""
    where = np.flatnonzero(right)
    first, last = (where[0], where[-1]) if len(where) else (len(stretch), len(stretch))
    return [each for i, each in enumerate(stretch) if each.jump and not first < i <= last]
