"""Hypervolume improvement by boxes: exact, for many points at once, with its gradient."""

from __future__ import annotations

import bisect
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from cuprolith.arrays import FloatArray


def non_dominated(objectives: FloatArray) -> NDArray[np.bool_]:
    """(n,) which of (n, m) objective vectors no other dominates; the first of equal ones."""
    import moocore

    if len(objectives) == 0:
        return np.zeros(0, dtype=bool)
    return np.asarray(moocore.is_nondominated(objectives, maximise=False), dtype=bool)


class ImprovementBoxes:
    """Disjoint boxes that fill what a reference point dominates and a front does not.

    Two objectives take n + 1 boxes, three 2n + 1 (a sweep along the last objective over a
    staircase of the first two, as in Yang et al., J. Glob. Optim. 75 (2019) 3), more are cut into
    slabs along the last objective.

    Parameters
    ----------
    front
        (n, m) objective vectors; dominated ones and those beyond the reference are ignored.
    reference
        (m,)
    """

    def __init__(self, front: FloatArray, reference: FloatArray) -> None:
        inside = front[(front < reference).all(axis=1)]
        self.front = inside[non_dominated(inside)]
        self.reference = reference
        self.lower, self.upper = _boxes(self.front, reference)

    def improvement(self, objectives: FloatArray) -> FloatArray:
        """Hypervolume (p,) that each objective vector of (p, m) alone would add to the front."""
        return self._sides(objectives).prod(axis=2).sum(axis=1)

    def improvement_gradient(self, objectives: FloatArray) -> tuple[float, FloatArray]:
        """Hypervolume that (m,) objectives would add, and its derivative (m,)."""
        sides = self._sides(objectives[None, :])[0]
        volumes = sides.prod(axis=1)
        faces = np.divide(volumes[:, None], sides, out=np.zeros_like(sides), where=sides > 0)
        return float(volumes.sum()), -np.where(objectives > self.lower, faces, 0.0).sum(axis=0)

    def distance(self, objectives: FloatArray) -> FloatArray:
        """Distance (p,) of (p, m) to the nearest box: 0 where there is improvement."""
        excess = np.maximum(objectives[:, None, :] - self.upper, 0.0)
        return np.sqrt(np.square(excess).sum(axis=2).min(axis=1))

    def distance_gradient(self, objectives: FloatArray) -> tuple[float, FloatArray]:
        """Distance of (m,) to the nearest box, and its derivative (m,)."""
        excess = np.maximum(objectives - self.upper, 0.0)
        distances = np.sqrt(np.square(excess).sum(axis=1))
        nearest = int(distances.argmin())
        distance = float(distances[nearest])
        if distance == 0.0:
            return 0.0, np.zeros_like(objectives)
        return distance, excess[nearest] / distance

    def _sides(self, objectives: FloatArray) -> FloatArray:
        return np.maximum(self.upper - np.maximum(self.lower, objectives[:, None, :]), 0.0)


def _boxes(front: FloatArray, reference: FloatArray) -> tuple[FloatArray, FloatArray]:
    m = len(reference)
    if m == 1:
        best = front.min(axis=0) if len(front) else reference
        return np.full((1, 1), -np.inf), best[None, :]
    if m == 2:
        return _strips(front, reference)
    if m == 3:
        return _staircase_sweep(front, reference)
    return _slabs(front, reference)


def _strips(front: FloatArray, reference: FloatArray) -> tuple[FloatArray, FloatArray]:
    ordered = front[np.argsort(front[:, 0])]
    edges = np.concatenate([[-np.inf], ordered[:, 0], reference[:1]])
    heights = np.concatenate([reference[1:], ordered[:, 1]])
    lower = np.column_stack([edges[:-1], np.full(len(heights), -np.inf)])
    return lower, np.column_stack([edges[1:], heights])


def _staircase_sweep(front: FloatArray, reference: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Boxes under a staircase (left edges x, heights y) that descends during the sweep."""
    left, height, opened = [-np.inf], [float(reference[1])], [-np.inf]
    lower, upper = [], []

    def close(i: int, z: float) -> None:
        right = left[i + 1] if i + 1 < len(left) else float(reference[0])
        lower.append((left[i], -np.inf, opened[i]))
        upper.append((right, height[i], z))

    for x, y, z in front[np.lexsort((front[:, 1], front[:, 0], front[:, 2]))].tolist():
        first = bisect.bisect_left(left, x) - 1
        if height[first] <= y:
            continue
        last = first
        while last + 1 < len(left) and height[last + 1] > y:
            last += 1
        for i in range(first, last + 1):
            close(i, z)
        left[first + 1 : last + 1] = [x]
        height[first + 1 : last + 1] = [y]
        opened[first + 1 : last + 1] = [z]
        opened[first] = z
    for i in range(len(left)):
        close(i, float(reference[2]))
    return np.array(lower), np.array(upper)


def _slabs(front: FloatArray, reference: FloatArray) -> tuple[FloatArray, FloatArray]:
    edges = np.concatenate([[-np.inf], np.unique(front[:, -1]), reference[-1:]])
    lower, upper = [], []
    for start, stop in pairwise(edges):
        present = front[front[:, -1] <= start, :-1]
        low, high = _boxes(present[non_dominated(present)], reference[:-1])
        lower.append(np.column_stack([low, np.full(len(low), start)]))
        upper.append(np.column_stack([high, np.full(len(high), stop)]))
    return np.concatenate(lower), np.concatenate(upper)
