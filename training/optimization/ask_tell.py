"""SAMO-COBRA with a memory: ask for points, tell what became of them, save and resume."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from cuprolith.staged_file import StagedFile
from training.optimization.arguments import whole_number
from training.optimization.observations import Observations
from training.optimization.parameters import Parameter
from training.optimization.proposing import propose
from training.optimization.search_space import SearchSpace
from training.optimization.settings import SamoCobraSettings

_VERSION = 1
_BEYOND = 1e300  # counts as infinite


@dataclass(frozen=True)
class Proposal:
    """A point to evaluate: its number for `SamoCobra.tell` and the value of each parameter."""

    number: int
    parameters: dict[str, Any]


class SavedStateError(ValueError):
    """A file does not hold the state of a SamoCobra."""


class _Point(BaseModel):
    model_config = ConfigDict(extra="forbid")

    parameters: dict[str, bool | int | float | str]
    prediction: list[list[float | None]] | None = None
    # Position in the order of evaluation; none while pending.
    told: int | None = None
    objectives: tuple[float | None, ...] = ()
    constraints: tuple[float | None, ...] = ()


class _State(BaseModel):
    model_config = ConfigDict(extra="forbid")

    version: int = _VERSION
    seed: int
    n_objectives: int
    n_constraints: int
    settings: SamoCobraSettings
    space: dict[str, Parameter]
    points: list[_Point]


class SamoCobra:
    """Minimise expensive objectives within constraints.

    Parameters
    ----------
    space
        What may vary.
    n_objectives, n_constraints
        How many numbers `tell` gets.
    settings
        How to search.
    seed
        The same seed and the same answers give the same proposals.
    """

    def __init__(
        self,
        space: SearchSpace,
        n_objectives: int,
        n_constraints: int = 0,
        settings: SamoCobraSettings | None = None,
        seed: int = 0,
    ) -> None:
        settings = settings or SamoCobraSettings()
        reference = settings.reference_point
        n_objectives = whole_number("n_objectives", n_objectives, 1)
        n_constraints = whole_number("n_constraints", n_constraints, 0)
        if reference is not None and len(reference) != n_objectives:
            raise ValueError(
                f"the reference point has {len(reference)} entries for {n_objectives} objectives"
            )
        self.space = space
        self.n_objectives = n_objectives
        self.n_constraints = n_constraints
        self.settings = settings
        self.seed = whole_number("seed", seed, 0)
        self._points: list[_Point] = []
        self._n_told = 0

    def ask(self, n: int = 1) -> list[Proposal]:
        """Points to evaluate next, all different from what was asked or told before.

        Parameters
        ----------
        n
            How many. What is asked and not yet told counts as if it came out as predicted.

        Raises
        ------
        SearchSpaceExhausted
            Where every admissible point has been proposed or told.
        """
        n = whole_number("n", n, 1)
        pending = [point.parameters for point in self._points if point.told is None]
        proposals = propose(
            self._observations(),
            self.space,
            n,
            self.settings,
            self.seed,
            self.space.encode(pending) if pending else None,
        )
        asked = []
        for parameters, prediction in zip(
            self.space.decode(proposals.columns), proposals.predictions, strict=True
        ):
            asked.append(Proposal(len(self._points), parameters))
            self._points.append(_Point(parameters=parameters, prediction=_listed(prediction)))
        return asked

    def tell(
        self,
        point: int | Mapping[str, Any],
        objectives: Sequence[float] | None,
        constraints: Sequence[float] = (),
    ) -> None:
        """Say what became of a point.

        Parameters
        ----------
        point
            The number of a proposal, or the parameters of a point that was evaluated anyway.
        objectives
            To be minimised; None, or anything not finite among them, for a failed evaluation.
        constraints
            Kept where at most 0, unknown where not a number. A failed evaluation may leave them
            out.
        """
        position = self._position(point)
        if self._points[position].told is not None:
            raise ValueError(f"point {position} has been told already")
        failed = objectives is None
        given = [np.nan] * self.n_objectives if objectives is None else list(objectives)
        limits = list(constraints)
        if failed and not limits:
            limits = [np.nan] * self.n_constraints
        for name, values, count in (
            ("objectives", given, self.n_objectives),
            ("constraints", limits, self.n_constraints),
        ):
            if len(values) != count:
                raise ValueError(f"got {len(values)} {name} for point {position}, expected {count}")
        self._points[position] = self._points[position].model_copy(
            update={
                "told": self._n_told,
                "objectives": tuple(_finite(value) for value in given),
                "constraints": tuple(_bounded(value) for value in limits),
            }
        )
        self._n_told += 1

    @property
    def pareto_front(self) -> list[tuple[dict[str, Any], tuple[float, ...]]]:
        """Parameters and objectives of the feasible points that no other dominates."""
        told = self._told()
        front = self._observations().front
        return [
            (point.parameters, tuple(_number(value) for value in point.objectives))
            for point, best in zip(told, front, strict=True)
            if best
        ]

    def save(self, path: Path) -> None:
        """Write the state as JSON; a file in the way is replaced whole or not at all."""
        state = _State(
            seed=self.seed,
            n_objectives=self.n_objectives,
            n_constraints=self.n_constraints,
            settings=self.settings,
            space=self.space.parameters,
            points=self._points,
        )
        with StagedFile(path) as file:
            file.write(state.model_dump_json().encode())
            file.commit()

    @classmethod
    def load(cls, path: Path) -> SamoCobra:
        """Optimiser that goes on where the saved one was.

        Raises
        ------
        SavedStateError
            Where the file holds something else.
        """
        try:
            state = _State.model_validate_json(path.read_text(encoding="utf-8"))
        except ValidationError as error:
            raise SavedStateError(f"{path} is not a saved SamoCobra: {error}") from error
        if state.version != _VERSION:
            raise SavedStateError(
                f"{path} has version {state.version}, this program reads {_VERSION}"
            )
        optimiser = cls(
            SearchSpace(state.space),
            state.n_objectives,
            state.n_constraints,
            state.settings,
            state.seed,
        )
        optimiser._points = state.points
        optimiser._n_told = sum(point.told is not None for point in state.points)
        return optimiser

    def _position(self, point: int | Mapping[str, Any]) -> int:
        if isinstance(point, int):
            if not 0 <= point < len(self._points):
                raise ValueError(f"there is no point {point}: {len(self._points)} were asked")
            return point
        columns = self.space.encode([point])
        self._points.append(_Point(parameters=self.space.decode(columns)[0]))
        return len(self._points) - 1

    def _told(self) -> list[_Point]:
        told = [point for point in self._points if point.told is not None]
        return sorted(told, key=lambda point: point.told or 0)

    def _observations(self) -> Observations:
        told = self._told()
        return Observations(
            self.space.encode([point.parameters for point in told])
            if told
            else np.empty((0, self.space.n_columns)),
            _array([point.objectives for point in told], self.n_objectives),
            _array([point.constraints for point in told], self.n_constraints),
            [
                None if point.prediction is None else np.array(point.prediction, dtype=float)
                for point in told
            ],
        )


def _array(rows: list[tuple[float | None, ...]], width: int) -> np.ndarray:
    return np.array(rows, dtype=float).reshape(len(rows), width)


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _bounded(value: float) -> float | None:
    """Value as JSON can hold it: infinite ones stay beyond all others."""
    return None if np.isnan(value) else float(np.clip(value, -_BEYOND, _BEYOND))


def _number(value: float | None) -> float:
    return float("nan") if value is None else value


def _listed(prediction: np.ndarray | None) -> list[list[float | None]] | None:
    if prediction is None:
        return None
    return [[_finite(value) for value in row] for row in prediction]
