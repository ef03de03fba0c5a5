"""Find energies that cannot belong to their frames, by comparison with other frames.

A failed run, or a file of something else, may contain a wrong energy with all else in order:
+711 eV for an atom. The limits are wide, so that nothing physical is set aside. An isolated atom is
the highest structure of its composition, at most 9 eV above its crystal (tungsten), and some eV
more where it was computed without spin. Within a trajectory 5 eV per atom are a crystal's
worth of bonds. A relaxation may begin that high, but it does not go there for one step and back.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from math import gcd
from typing import NamedTuple

import numpy as np

from training.dataset.frame_index import IndexedFrame
from training.settings import QuarantineSettings

ENERGY_OFF = "energy far off"
# With fewer values a median cannot identify the one that differs.
_FEWEST = 3
# Where energies are spread widely (a plasma, atoms beside crystals) the limit is so many robust
# standard deviations.
_DEVIATIONS = 20.0
_MAD_TO_STANDARD_DEVIATION = 1.4826

_Composition = tuple[tuple[int, int], ...]


class _Reference(NamedTuple):
    """Predicted energy, eV/atom; `reach` widens the limits where it is extrapolated."""

    median: float
    spread: float
    reach: float = 1.0


def energy_outliers(frames: Sequence[IndexedFrame], settings: QuarantineSettings) -> dict[int, str]:
    """Return the frames whose energies are far off, by index, and why.

    Energies per atom are compared with the steps before and after, with the median of the frame's
    trajectory, and with that of its composition: of its trajectories' medians, so that one long
    run has no more say than others. Compositions with too few frames are compared with what the
    others say of their elements.

    Parameters
    ----------
    frames
        Sound otherwise.
    settings
        Limits, eV/atom.
    """
    reasons: dict[int, str] = {}
    by_source: dict[Hashable, list[int]] = defaultdict(list)
    for index, frame in enumerate(frames):
        by_source[frame.source].append(index)  # different sources have different zeros
    for indices in by_source.values():
        members = [frames[i] for i in indices]
        trajectories = _trajectory_references(members)
        compositions = _composition_references(members)
        spikes = _spikes(members)
        for index in indices:
            frame = frames[index]
            trajectory = trajectories[_trajectory(frame)]
            composition = compositions[_reduced(frame)]
            complaints = (
                _spike(spikes.get(id(frame), 0.0), trajectory, settings.max_energy_spike),
                _offset(frame, "trajectory", trajectory, settings.max_energy_jump),
                _offset(frame, "composition", composition, settings.max_energy_offset),
            )
            if any(complaints):
                listed = ", ".join(filter(None, complaints))
                reasons[index] = f"{ENERGY_OFF}: {_per_atom(frame):.4g} eV/atom, {listed}"
    return reasons


def _spikes(frames: Iterable[IndexedFrame]) -> dict[int, float]:
    """Return how far frames lie above, or below, both steps beside them, by the frames' `id`."""
    steps: dict[str, list[IndexedFrame]] = defaultdict(list)
    for frame in frames:
        steps[_trajectory(frame)].append(frame)
    spikes = {}
    for trajectory in steps.values():
        trajectory.sort(key=lambda frame: frame.step)
        for before, frame, after in zip(trajectory, trajectory[1:], trajectory[2:], strict=False):
            rise, fall = (_per_atom(frame) - _per_atom(each) for each in (before, after))
            if rise * fall > 0:
                spikes[id(frame)] = min(rise, fall, key=abs)
    return spikes


def _spike(spike: float, trajectory: _Reference | None, least: float) -> str:
    limit = least if trajectory is None else max(least, _DEVIATIONS * trajectory.spread)
    if abs(spike) <= limit:
        return ""
    return f"{spike:+.4g} from both steps beside it (limit {limit:.3g})"


def _offset(frame: IndexedFrame, name: str, reference: _Reference | None, least: float) -> str:
    if reference is None:
        return ""
    offset = _per_atom(frame) - reference.median
    limit = max(least * reference.reach, _DEVIATIONS * reference.spread)
    if abs(offset) <= limit:
        return ""
    return f"{offset:+.4g} from its {name}'s median {reference.median:.4g} (limit {limit:.3g})"


def _trajectory_references(frames: Iterable[IndexedFrame]) -> dict[str, _Reference | None]:
    energies: dict[str, list[float]] = defaultdict(list)
    for frame in frames:
        energies[_trajectory(frame)].append(_per_atom(frame))
    return {name: _reference(values) for name, values in energies.items()}


def _composition_references(
    frames: Iterable[IndexedFrame],
) -> dict[_Composition, _Reference | None]:
    energies: dict[_Composition, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for frame in frames:
        energies[_reduced(frame)][_trajectory(frame)].append(_per_atom(frame))
    known, unknown = {}, []
    for composition, trajectories in energies.items():
        medians = [float(np.median(values)) for values in trajectories.values()]
        every = [value for values in trajectories.values() for value in values]
        reference = _reference(medians) or _reference(every)
        if reference is None:
            unknown.append(composition)
        else:
            known[composition] = reference
    return known | {each: _from_elements(each, known) for each in unknown}


def _reference(energies: Sequence[float]) -> _Reference | None:
    if len(energies) < _FEWEST:
        return None
    median = float(np.median(energies))
    deviation = float(np.median(np.abs(np.asarray(energies) - median)))
    return _Reference(median, _MAD_TO_STANDARD_DEVIATION * deviation)


def _from_elements(
    composition: _Composition, known: dict[_Composition, _Reference]
) -> _Reference | None:
    """Mix known compositions to one that is not; None where they cannot be mixed to it."""
    elements = sorted({number for each in (composition, *known) for number, _ in each})
    shares = np.array([_shares(each, elements) for each in known]).reshape(-1, len(elements))
    wanted = _shares(composition, elements)
    weights = np.linalg.lstsq(shares.T, wanted, rcond=None)[0]
    if not np.allclose(weights @ shares, wanted):
        return None
    medians, spreads, _ = np.array(list(known.values())).T
    return _Reference(
        float(weights @ medians),
        float(np.linalg.norm(weights * spreads)),
        max(1.0, float(np.abs(weights).sum())),
    )


def _shares(composition: _Composition, elements: Sequence[int]) -> list[float]:
    counts = dict(composition)
    return [counts.get(element, 0) / sum(counts.values()) for element in elements]


def _reduced(frame: IndexedFrame) -> _Composition:
    divisor = gcd(*(count for _, count in frame.composition))
    return tuple((number, count // divisor) for number, count in frame.composition)


def _trajectory(frame: IndexedFrame) -> str:
    return frame.relatives.trajectory_id


def _per_atom(frame: IndexedFrame) -> float:
    return frame.energy / frame.n_atoms
