"""Whether energies along a trajectory are the work of its forces.

They are for a single potential energy surface. They are not where the energies are of another kind
than the forces (per atom, in other units, extrapolated to no smearing), where settings change
during a run, where a label did not converge, or where the engine's energy has steps.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from training.dataset.displacements import shortest_displacements
from training.dataset.frames import Frame

# The trapezoidal rule is off by a twelfth of the third derivative times the step cubed. On paths of
# metals in steps of 0.1 Å and less this share of the change of the forces' work is never reached.
_UNCERTAIN_SHARE = 0.1


class WorkMismatch(NamedTuple):
    """A step of the energy that is not the work of the forces.

    Attributes
    ----------
    difference
        Step of the energy minus the work of the forces, eV/atom.
    uncertainty
        Of the work, since forces are known at both ends only, eV/atom.
    """

    difference: float
    uncertainty: float


def work_mismatch(before: Frame, after: Frame) -> WorkMismatch | None:
    """Compare the energies of two frames with the work of the forces between them.

    Returns
    -------
    None where they cannot be compared: other cells, other settings, or values that are not finite.
    """
    if not (
        np.array_equal(before.cell, after.cell)
        and before.pbc == after.pbc
        and (before.engine, before.functional, before.config_hash)
        == (after.engine, after.functional, after.config_hash)
    ):
        return None
    moved = shortest_displacements(before, after)
    with np.errstate(all="ignore"):
        mean = (before.forces + after.forces) / 2
        work = -float((mean * moved).sum())
        change = abs(float(((after.forces - before.forces) * moved).sum()))
        difference = (after.energy - before.energy - work) / len(before)
    uncertainty = _UNCERTAIN_SHARE * change / len(before)
    if not np.isfinite([difference, uncertainty]).all():
        return None
    return WorkMismatch(difference, uncertainty)


def with_work_checked(trajectory: Iterable[Frame], limit: float) -> Iterator[Frame]:
    """Yield the frames of a trajectory; those whose energies are not the work of forces get a flaw.

    A frame is wrong if it disagrees with each near frame beside it. Where two frames disagree that
    each agree with the one on their other side, the energy has made a lasting step: which side is
    right is unknown, and all that follows is wrong beside what came before. Pairs so far apart that
    the work is uncertain by half of `limit` say nothing.

    Parameters
    ----------
    trajectory
        Consecutive ionic steps; three are in memory at a time.
    limit
        Largest mismatch, eV/atom.
    """
    stepped = ""
    for place in _places(trajectory, limit):
        if not stepped and place.is_after_step:
            stepped = f"{place.before.text}: a lasting step of the energy" if place.before else ""
        flaw = stepped or place.flaw
        given = place.frame
        yield replace(given, flaw=given.flaw or flaw) if flaw else given


@dataclass(frozen=True)
class _Pair:
    """Two neighbours that were compared."""

    wrong: bool
    text: str


@dataclass(frozen=True)
class _Place:
    """A frame with the pairs that it makes with its neighbours; None where they say nothing."""

    frame: Frame
    before: _Pair | None
    after: _Pair | None
    neighbour_agrees: bool
    """Whether the frame before agrees with the one before that."""

    @property
    def flaw(self) -> str:
        pairs = [pair for pair in (self.before, self.after) if pair is not None]
        return pairs[0].text if pairs and all(pair.wrong for pair in pairs) else ""

    @property
    def is_after_step(self) -> bool:
        """Whether the energy steps right before this frame, while both sides agree inside."""
        stepped = self.before is not None and self.before.wrong
        return stepped and self.neighbour_agrees and self.after is not None and not self.after.wrong


def _places(trajectory: Iterable[Frame], limit: float) -> Iterator[_Place]:
    frame: Frame | None = None
    before: _Pair | None = None
    agrees = False
    for following in trajectory:
        if frame is not None:
            after = _compared(frame, following, limit)
            yield _Place(frame, before, after, agrees)
            agrees = before is not None and not before.wrong
            before = after
        frame = following
    if frame is not None:
        yield _Place(frame, before, None, agrees)


def _compared(frame: Frame, following: Frame, limit: float) -> _Pair | None:
    same_atoms = np.array_equal(frame.numbers, following.numbers)
    found = work_mismatch(frame, following) if same_atoms else None
    if found is None or found.uncertainty > limit / 2:
        return None
    return _Pair(
        wrong=abs(found.difference) > limit + found.uncertainty,
        text=f"from step {frame.step} to step {following.step} the energy changes by "
        f"{1000 * found.difference:+.3g} meV/atom beside the work of the forces "
        f"(limit {1000 * limit:g})",
    )
