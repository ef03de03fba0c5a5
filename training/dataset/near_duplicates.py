"""Find frames that carry the same information, in near-linear time and little memory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product
from math import ceil, floor, gcd, lcm, log

import numpy as np
from numpy.typing import NDArray

from training.dataset.frames import Frame
from training.settings import NearDuplicateSettings

# Order statistics of the force norms that place a frame in a bin, as fractions of the atoms. The
# more of them, the fewer frames share a bin and the more neighbouring bins have to be looked up.
_BINNED_QUANTILES = (1.0, 0.75, 0.5, 0.25)


@dataclass(frozen=True, slots=True)
class Signature:
    """Key that two near-duplicates share.

    It is unchanged by rotations, permutations and the choice of the periodic cell: one crystal
    has the same signature as primitive cell, conventional cell and supercell, except for the
    number of force norms.

    Attributes
    ----------
    kind
        Composition (ratios where the frame is periodic), number of periodic directions, and the
        source of the labels: frames that differ in it are never near-duplicates.
    energy_per_atom
        eV/atom.
    log_volume
        ln of the volume per atom in Å³; 0 for frames without periodicity.
    force_norms
        Sorted |F| of all atoms, shape (n,), eV/Å, float32 (rounded by less than 1e-7 |F|).
    """

    kind: tuple[object, ...]
    energy_per_atom: float
    log_volume: float
    force_norms: NDArray[np.float32]


def signature(frame: Frame) -> Signature:
    """Return the signature of a frame.

    Raises
    ------
    ValueError
        If energy, forces or volume are not finite, or a periodic cell has no volume.
    """
    norms = np.sort(np.linalg.norm(frame.forces, axis=1))
    periodic = any(frame.pbc)
    volume = frame.volume / len(frame) if periodic else 1.0
    if not (np.isfinite(norms).all() and np.isfinite(frame.energy) and 0 < volume < np.inf):
        raise ValueError(
            f"frame {frame.structure_id}, trajectory {frame.trajectory_id}, step {frame.step}: "
            "labels or volume are not finite; quarantine it first"
        )
    composition = frame.composition
    if periodic:
        units = gcd(*(count for _, count in composition))
        composition = tuple((number, count // units) for number, count in composition)
    kind = (composition, sum(frame.pbc), frame.engine, frame.functional, frame.config_hash)
    return Signature(kind, frame.energy / len(frame), log(volume), norms.astype(np.float32))


def find_near_duplicates(
    signatures: Iterable[Signature], settings: NearDuplicateSettings
) -> list[int | None]:
    """Return, for each frame, the earlier kept frame that it duplicates, or None if it is kept.

    Two frames are near-duplicates when they are of one kind, and their energies per atom, volumes
    per atom (|ln V1/V2|) and all sorted force norms differ by no more than the settings'
    tolerances. Where one frame has more atoms, the force norms of both are repeated until their
    numbers agree: those of a supercell are those of its primitive cell, several times over.
    The relation is not transitive, so the rule is greedy: in the order given, a frame is
    dropped when it is a near-duplicate of a frame kept before.

    Frames lie in bins two tolerances wide, so each is compared with the few frames in the at
    most two bins per quantity that its tolerances touch; time is near-linear in the number of
    frames.

    Parameters
    ----------
    signatures
        One per frame, in order of preference.
    settings
        Tolerances: eV/atom, relative volume, eV/Å.
    """
    bins: dict[tuple[object, ...], list[tuple[int, Signature]]] = {}
    originals: list[int | None] = []
    for index, candidate in enumerate(signatures):
        features = _features(candidate, settings)
        original = next(
            (
                kept
                for place in product(*map(_touched_bins, features))
                for kept, other in bins.get((candidate.kind, *place), ())
                if _alike(candidate, other, settings)
            ),
            None,
        )
        originals.append(original)
        if original is None:
            place = tuple(floor(feature / 2) for feature in features)
            bins.setdefault((candidate.kind, *place), []).append((index, candidate))
    return originals


def _features(frame: Signature, settings: NearDuplicateSettings) -> list[float]:
    """Quantities that differ by at most 1 between near-duplicates."""
    # These places hold the same values in a supercell as in its primitive cell.
    places = [ceil(quantile * len(frame.force_norms)) - 1 for quantile in _BINNED_QUANTILES]
    return [
        frame.energy_per_atom / settings.energy_per_atom,
        frame.log_volume / settings.relative_volume,
        *(float(frame.force_norms[place]) / settings.force_norm for place in places),
    ]


def _touched_bins(feature: float) -> range:
    """Bins of width 2 within 1 of the feature, a little more so that rounding hides none."""
    reach = 1 + 1e-6 + 1e-12 * abs(feature)
    return range(floor((feature - reach) / 2), floor((feature + reach) / 2) + 1)


def _alike(first: Signature, second: Signature, settings: NearDuplicateSettings) -> bool:
    return (
        abs(first.energy_per_atom - second.energy_per_atom) <= settings.energy_per_atom
        and abs(first.log_volume - second.log_volume) <= settings.relative_volume
        and bool(_largest_difference(first.force_norms, second.force_norms) <= settings.force_norm)
    )


def _largest_difference(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    n = lcm(len(first), len(second))
    return float(np.abs(first.repeat(n // len(first)) - second.repeat(n // len(second))).max())
