"""Mixed search spaces as columns between 0 and 1, which is all that surrogates see."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution

from cuprolith.arrays import FloatArray
from training.optimization.axes import Axis, Categories
from training.optimization.optuna_space import (
    SearchSpaceError,
    axis_of,
    contains,
    distribution,
    first_value,
    number_of,
    value_of,
)
from training.optimization.parameters import OrdinalParameter, Parameter


class SearchSpace:
    """Parameters as columns between 0 and 1.

    A float takes one column, and so does every parameter whose values are in order (ints, floats
    with a step, ordinals): they are at the centres of bins of equal width (equal in the logarithm
    where that is searched), so that a uniform design gives every value its share, the outermost
    too. A categorical takes one column per choice. A parameter with a single value takes none.

    Equal where the parameters and their order are.

    Parameters
    ----------
    parameters
        Parameters, or distributions of Optuna's, by name. Their order is the order of the columns.

    Raises
    ------
    SearchSpaceError
        Where there is nothing to search.
    """

    def __init__(self, parameters: Mapping[str, Parameter | BaseDistribution]) -> None:
        if not parameters:
            raise SearchSpaceError("the search space is empty: name at least one parameter")
        self.parameters = dict(parameters)
        self.names = tuple(self.parameters)
        self.distributions = {name: distribution(name, p) for name, p in parameters.items()}
        self._axes: dict[str, Axis] = {
            name: axis_of(name, found, ordinal=isinstance(parameters[name], OrdinalParameter))
            for name, found in self.distributions.items()
            if not found.single()
        }
        if not self._axes:
            raise SearchSpaceError(
                f"every parameter ({', '.join(self.names)}) has a single value, so there is "
                "nothing to search: widen at least one"
            )
        axes = self._axes.values()
        self.n_columns = sum(axis.width for axis in axes)
        self.continuous = np.repeat([a.n_values is None for a in axes], [a.width for a in axes])
        self.categorical = np.repeat(
            [isinstance(a, Categories) for a in axes], [a.width for a in axes]
        )
        counts = [axis.n_values for axis in axes if axis.n_values is not None]
        self.n_points = math.prod(counts) if len(counts) == len(axes) else None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SearchSpace) and self._ordered == other._ordered

    def __hash__(self) -> int:
        return hash(self._ordered)

    @property
    def _ordered(self) -> tuple[tuple[str, Parameter | BaseDistribution], ...]:
        return tuple(self.parameters.items())

    def contains(self, point: Mapping[str, Any]) -> bool:
        """Whether a point has an admissible value of every parameter."""
        return self._reason_outside(point) is None

    def encode(self, points: Sequence[Mapping[str, Any]]) -> FloatArray:
        """Points as columns.

        Parameters
        ----------
        points
            Each holds a value for every parameter; values of others are ignored.

        Returns
        -------
        (n_points, n_columns)

        Raises
        ------
        SearchSpaceError
            If a value is missing or outside the space.
        """
        for point in points:
            if reason := self._reason_outside(point):
                raise SearchSpaceError(reason)
        blocks = []
        for name, columns in self._axes.items():
            numbers = [number_of(self.distributions[name], point[name]) for point in points]
            blocks.append(columns.encode(np.array(numbers, dtype=np.float64)))
        return np.concatenate(blocks, axis=1)

    def decode(self, columns: FloatArray) -> list[dict[str, Any]]:
        """Nearest admissible points of columns (n_points, n_columns), as Python values."""
        columns = np.atleast_2d(columns)
        values = {name: [first_value(d)] * len(columns) for name, d in self.distributions.items()}
        for name, block, axis in self._blocks():
            numbers = axis.decode(columns[:, block]).tolist()
            values[name] = [value_of(self.distributions[name], number) for number in numbers]
        return [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]

    def snap(self, columns: FloatArray) -> FloatArray:
        """Nearest admissible columns (n_points, n_columns) of columns of that shape."""
        return np.concatenate(
            [axis.snap(columns[:, block]) for _, block, axis in self._blocks()], axis=1
        )

    def neighbours(self, row: FloatArray) -> FloatArray:
        """Admissible points one discrete step away from a point.

        Parameters
        ----------
        row
            (n_columns,)

        Returns
        -------
        (n_neighbours, n_columns): an int or ordinal one value up or down, a categorical with
        another choice, everything else as it is.
        """
        origin = self.snap(row[None, :])[0]
        moved = []
        for _, block, axis in self._blocks():
            values = axis.neighbours(origin[block])
            rows = np.repeat(origin[None, :], len(values), axis=0)
            rows[:, block] = values
            moved.append(rows)
        return np.concatenate(moved)

    def _blocks(self) -> Iterator[tuple[str, slice, Axis]]:
        start = 0
        for name, axis in self._axes.items():
            yield name, slice(start, start + axis.width), axis
            start += axis.width

    def _reason_outside(self, point: Mapping[str, Any]) -> str | None:
        """Return why a point is outside the space; None if it is inside."""
        if missing := [name for name in self.names if name not in point]:
            names = ", ".join(map(repr, missing))
            return f"a point lacks {names}; the search space has {', '.join(self.names)}"
        for name, found in self.distributions.items():
            if not contains(found, point[name]):
                return (
                    f"{name} = {point[name]!r} is outside the search space, where {name} is "
                    f"a {found}: change the value, or widen the search space"
                )
        return None
