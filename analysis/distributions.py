"""Distributions of a dataset's energies and forces, counted in one pass over its frames."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from analysis.baselines import BaselineFit, Baselines, Labelled
from cuprolith.arrays import FloatArray, IntArray

FORCE_EDGES: FloatArray = np.logspace(-3, 2, 51)
"""Borders of the bins of |F|, eV/Å; atoms below and above are counted separately."""


class DatasetFrame(Labelled, Protocol):
    """What the distributions need of a frame."""

    @property
    def trajectory_id(self) -> str:
        """Run the frame came from."""

    @property
    def step(self) -> int:
        """Ionic step in that run."""


@dataclass
class Count:
    """Frames and atoms of one family in one split."""

    n_frames: int = 0
    n_atoms: int = 0


@dataclass
class Trace:
    """Energy along one trajectory: ionic steps and energies per atom (eV/atom)."""

    steps: array[int] = field(default_factory=lambda: array("q"))
    energies: array[float] = field(default_factory=lambda: array("d"))

    def sorted(self) -> tuple[IntArray, FloatArray]:
        """Return steps and energies in the order of steps."""
        steps, energies = np.array(self.steps), np.array(self.energies)
        order = np.argsort(steps, kind="stable")
        return steps[order], energies[order]


@dataclass
class Distributions:
    """Counts over a dataset's frames; memory grows by 8 bytes a frame.

    Attributes
    ----------
    counts
        By split, then family.
    force_counts
        By family: atoms whose |F| lies below, in each bin of, and above `FORCE_EDGES`.
    traces
        Energies along the trajectories in `followed`.
    baselines
        Fitted to the frames of the split ``train``; None until there is one.
    """

    followed: Collection[str] = ()
    counts: dict[str, dict[str, Count]] = field(default_factory=lambda: defaultdict(dict))
    force_counts: dict[str, IntArray] = field(default_factory=dict)
    traces: dict[str, Trace] = field(default_factory=dict)
    _fit: BaselineFit = field(default_factory=BaselineFit)
    # By family, then composition: the sorted atomic numbers as bytes.
    _energies: dict[str, dict[bytes, array[float]]] = field(default_factory=dict)

    def add(self, split: str, frame: DatasetFrame) -> None:
        """Count one frame."""
        n_atoms = len(frame.numbers)
        count = self.counts[split].setdefault(frame.family, Count())
        count.n_frames += 1
        count.n_atoms += n_atoms
        bins = np.searchsorted(FORCE_EDGES, np.linalg.norm(frame.forces, axis=1), side="right")
        counted = np.bincount(bins, minlength=len(FORCE_EDGES) + 1)
        self.force_counts[frame.family] = self.force_counts.get(frame.family, 0) + counted
        composition = np.sort(frame.numbers).astype(np.uint8).tobytes()
        energies = self._energies.setdefault(frame.family, {})
        energies.setdefault(composition, array("d")).append(frame.energy / n_atoms)
        if frame.trajectory_id in self.followed:
            trace = self.traces.setdefault(frame.trajectory_id, Trace())
            trace.steps.append(frame.step)
            trace.energies.append(frame.energy / n_atoms)
        if split == "train":
            self._fit.add(frame)

    def add_all(self, split: str, frames: Iterable[DatasetFrame]) -> None:
        """Count all frames of a split."""
        for frame in frames:
            self.add(split, frame)

    @property
    def baselines(self) -> Baselines | None:
        """Baselines of the training frames seen so far."""
        return self._fit.result() if self._fit.n_frames else None

    def relative_energies(self) -> dict[str, FloatArray]:
        """Energy per atom beyond the composition-linear baseline, eV/atom, by family, unordered.

        Without training frames the energies per atom themselves.
        """
        baselines = self.baselines

        def beyond(composition: bytes, energies: array[float]) -> FloatArray:
            if baselines is None:
                return np.array(energies)
            numbers = np.frombuffer(composition, dtype=np.uint8)
            return np.array(energies) - baselines.energies(numbers, [len(numbers)]) / len(numbers)

        return {
            family: np.concatenate([beyond(*group) for group in groups.items()])
            for family, groups in self._energies.items()
        }
