"""Index of frames: what is kept in memory while the text of each frame is on disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TypeVar, cast

import numpy as np

from training.dataset.continued_runs import PositionSummary, position_summary
from training.dataset.frames import Frame
from training.dataset.isolated_atoms import is_isolated_atom
from training.dataset.near_duplicates import Signature, signature
from training.dataset.splits import Relatives, Strata

ISOLATED_ATOM = "isolated atom"

_Value = TypeVar("_Value", bound=tuple[object, ...])


@dataclass(frozen=True, slots=True)
class IndexedFrame:
    """Place, identity and summary of one frame; less than 1 kB for 100 atoms.

    Attributes
    ----------
    offset, length
        Where its text is in the spool, bytes.
    composition
        Atomic numbers and counts.
    signature
        For near-duplicates; None for quarantined frames.
    where
        Positions of its atoms, to find runs that continue each other; None if not known.
    isolated_atom
        Whether it is one atom alone.
    reasons
        Why it is quarantined; empty for sound frames.
    energy
        eV.
    force_min, force_max, force_sum, force_square_sum
        Of the atoms' |F|, eV/Å and (eV/Å)².
    """

    offset: int
    length: int
    relatives: Relatives
    step: int
    strata: Strata
    source: tuple[str, str, str]
    n_atoms: int
    composition: tuple[tuple[int, int], ...]
    signature: Signature | None
    where: PositionSummary | None
    isolated_atom: bool
    reasons: tuple[str, ...]
    energy: float
    force_min: float
    force_max: float
    force_sum: float
    force_square_sum: float

    @property
    def order(self) -> tuple[str, str, int]:
        """Place in the dataset's canonical order."""
        return self.relatives.structure_id, self.relatives.trajectory_id, self.step

    @property
    def name(self) -> str:
        """``<trajectory_id>:<step>``."""
        return f"{self.relatives.trajectory_id}:{self.step}"

    @property
    def split_strata(self) -> Strata:
        """Stratum for the split; isolated atoms have their own: train gets one per element."""
        return Strata(self.strata.system, ISOLATED_ATOM) if self.isolated_atom else self.strata


def index_frame(frame: Frame, offset: int, length: int, reasons: Sequence[str]) -> IndexedFrame:
    """Return the index entry of a frame."""
    norms = np.linalg.norm(frame.forces, axis=1)
    signed = None if reasons else signature(frame)
    if signed is not None:
        signed = replace(signed, kind=_shared(signed.kind))
    where = position_summary(frame)
    if where is not None:
        where = replace(where, kind=_shared(where.kind))
    return IndexedFrame(
        offset=offset,
        length=length,
        relatives=_shared(Relatives(frame.structure_id, frame.parent_id, frame.trajectory_id)),
        step=frame.step,
        strata=_shared(Strata(frame.system, frame.family)),
        source=_shared((frame.engine, frame.functional, frame.config_hash)),
        n_atoms=len(frame),
        composition=_shared(frame.composition),
        signature=signed,
        where=where,
        isolated_atom=is_isolated_atom(frame),
        reasons=tuple(reasons),
        energy=frame.energy,
        force_min=float(norms.min()),
        force_max=float(norms.max()),
        force_sum=float(norms.sum()),
        force_square_sum=float((norms**2).sum()),
    )


def _shared(value: _Value) -> _Value:
    """Return an equal tuple seen before: the frames of a trajectory share one."""
    return cast(_Value, _first_of_equals(value))


@lru_cache(maxsize=1024)
def _first_of_equals(value: tuple[object, ...]) -> tuple[object, ...]:
    return value
