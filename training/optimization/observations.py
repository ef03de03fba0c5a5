"""Evaluations and proposals as arrays."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from cuprolith.arrays import FloatArray
from training.optimization.boxes import non_dominated

_INFINITE = 1e100


@dataclass(frozen=True, eq=False)
class Observations:
    """Evaluations in the order in which they were made; everything is minimised.

    Equal, and hashed alike, where all arrays are equal bit for bit.

    Attributes
    ----------
    columns
        (n, n_columns), between 0 and 1, as `SearchSpace.encode` gives them.
    objectives
        (n, n_objectives); a row with any value that is not finite is a failed evaluation. Values
        beyond 1e100 count as infinite, since their squares would be.
    constraints
        (n, n_constraints); kept where at most 0, unknown where NaN. Values beyond 1e100 count as
        infinite: kept or broken, but no surrogate is fitted to them.
    predictions
        The entry of `Proposals.predictions` for each point, None where there was no prediction.
    """

    columns: FloatArray
    objectives: FloatArray
    constraints: FloatArray
    predictions: Sequence[FloatArray | None]

    def __post_init__(self) -> None:
        n = len(self.columns)
        for name in ("objectives", "constraints", "predictions"):
            if len(getattr(self, name)) != n:
                raise ValueError(f"{name} has {len(getattr(self, name))} rows, columns has {n}")
        if not np.isfinite(self.columns).all():
            raise ValueError("columns hold a value that is not finite")
        objectives = np.where(np.abs(self.objectives) < _INFINITE, self.objectives, np.nan)
        object.__setattr__(self, "objectives", objectives)
        infinite = np.abs(self.constraints) >= _INFINITE
        limits = np.where(infinite, np.copysign(np.inf, self.constraints), self.constraints)
        object.__setattr__(self, "constraints", limits)

    def __len__(self) -> int:
        return len(self.columns)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Observations) and self._digest == other._digest

    def __hash__(self) -> int:
        return hash(self._digest)

    @cached_property
    def _digest(self) -> bytes:
        digest = hashlib.sha256()
        for array in (self.columns, self.objectives, self.constraints, *self.predictions):
            whole = None if array is None else np.ascontiguousarray(array, dtype=np.float64)
            digest.update(f"{None if whole is None else whole.shape}".encode())
            digest.update(b"" if whole is None else whole.tobytes())
        return digest.digest()

    @property
    def outputs(self) -> FloatArray:
        """(n, n_objectives + n_constraints) objectives and constraints."""
        return np.concatenate([self.objectives, self.constraints], axis=1)

    @property
    def succeeded(self) -> np.ndarray:
        """(n,) which evaluations gave every objective."""
        return np.asarray(np.isfinite(self.objectives).all(axis=1))

    @property
    def feasible(self) -> np.ndarray:
        """(n,) which evaluations succeeded and are known to keep every constraint."""
        return np.asarray(self.succeeded & (self.constraints <= 0).all(axis=1))

    @property
    def front(self) -> np.ndarray:
        """(n,) which evaluations are feasible and not dominated by a feasible one."""
        front = self.feasible
        front[front] = non_dominated(self.objectives[front])
        return front

    @property
    def sufficient(self) -> bool:
        """Whether there is enough to fit a surrogate of every objective."""
        return _sufficient(self.columns[self.succeeded])

    @property
    def learnable_constraints(self) -> np.ndarray:
        """(n_learnable,) positions of the constraints with enough values for a surrogate."""
        known = np.isfinite(self.constraints).T
        enough = [_sufficient(self.columns[rows]) for rows in known]
        return np.flatnonzero(enough)

    def with_unknown_constraints(self, constraints: FloatArray | float) -> Observations:
        """Copy whose unknown constraints have the values given, (n, n_constraints) or one."""
        unknown = np.isnan(self.constraints)
        return replace(self, constraints=np.where(unknown, constraints, self.constraints))


@dataclass(frozen=True)
class Proposals:
    """Points to evaluate next.

    Attributes
    ----------
    columns
        (q, n_columns), admissible points.
    predictions
        The prediction of every surrogate for each point, (n_models, n_outputs), None in the initial
        design: to be passed back in `Observations.predictions`.
    """

    columns: FloatArray
    predictions: list[FloatArray | None]


def _sufficient(columns: FloatArray) -> bool:
    """Whether there are two distinct points at least."""
    return len(np.unique(columns, axis=0)) > 1
