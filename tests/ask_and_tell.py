"""SAMO-COBRA with a memory, for tests and benchmarks: ask for points, tell their results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from training.optimization.observations import Observations
from training.optimization.samo_cobra import propose
from training.optimization.search_space import SearchSpace
from training.optimization.settings import SamoCobraSettings


@dataclass(frozen=True)
class Proposal:
    """A point to evaluate: its number for `AskAndTell.tell` and the value of each parameter."""

    number: int
    parameters: dict[str, Any]


@dataclass
class _Point:
    parameters: dict[str, Any]
    prediction: np.ndarray | None = None
    objectives: list[float] = field(default_factory=list)
    constraints: list[float] = field(default_factory=list)


class AskAndTell:
    """Minimise objectives within constraints (kept where at most 0), one batch after another."""

    def __init__(
        self,
        space: SearchSpace,
        n_objectives: int,
        n_constraints: int = 0,
        settings: SamoCobraSettings | None = None,
        seed: int = 0,
    ) -> None:
        self.space = space
        self.shape = n_objectives, n_constraints
        self.settings = settings or SamoCobraSettings()
        self.seed = seed
        self._points: list[_Point] = []
        self._evaluated: list[_Point] = []  # in the order of evaluation

    def ask(self, n: int = 1) -> list[Proposal]:
        """Points to evaluate next; what is asked and not yet evaluated counts as predicted."""
        pending = [point.parameters for point in self._points if not point.objectives]
        columns = self.space.encode(pending) if pending else None
        found = propose(self._observations(), self.space, n, self.settings, self.seed, columns)
        asked = []
        for parameters, prediction in zip(
            self.space.decode(found.columns), found.predictions, strict=True
        ):
            asked.append(Proposal(len(self._points), parameters))
            self._points.append(_Point(parameters, prediction))
        return asked

    def tell(
        self,
        point: int | Mapping[str, Any],
        objectives: Sequence[float] | None,
        constraints: Sequence[float] = (),
    ) -> None:
        """Add the result of a proposal, or of other parameters; None means a failure."""
        if not isinstance(point, int):
            columns = self.space.encode([point])
            self._points.append(_Point(self.space.decode(columns)[0]))
            point = len(self._points) - 1
        n_objectives, n_constraints = self.shape
        evaluated = self._points[point]
        evaluated.objectives = [np.nan] * n_objectives if objectives is None else list(objectives)
        evaluated.constraints = list(constraints) or [np.nan] * n_constraints
        self._evaluated.append(evaluated)

    @property
    def pareto_front(self) -> list[tuple[dict[str, Any], tuple[float, ...]]]:
        """Parameters and objectives of the feasible points that no other dominates."""
        best = self._observations().front
        return [
            (point.parameters, tuple(point.objectives))
            for point, on_front in zip(self._evaluated, best, strict=True)
            if on_front
        ]

    def _observations(self) -> Observations:
        n, (n_objectives, n_constraints) = len(self._evaluated), self.shape
        objectives = np.array([point.objectives for point in self._evaluated], dtype=float)
        constraints = np.array([point.constraints for point in self._evaluated], dtype=float)
        return Observations(
            self.space.encode([point.parameters for point in self._evaluated])
            if n
            else np.empty((0, self.space.n_columns)),
            np.where(np.isfinite(objectives), objectives, np.nan).reshape(n, n_objectives),
            np.clip(constraints, -1e300, 1e300).reshape(n, n_constraints),
            [point.prediction for point in self._evaluated],
        )
