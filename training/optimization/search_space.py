"""Mixed search spaces as columns between 0 and 1, which is all that surrogates see."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from training.optimization.axes import Axis, Columns, SearchSpaceError, axis_of
from training.optimization.parameters import Parameter

__all__ = ["SearchSpace", "SearchSpaceError"]


class SearchSpace:
    """Parameters as columns between 0 and 1.

    A float takes one column, and so does an int or ordinal, whose values stand at the centres of
    bins of equal width (equal in the logarithm where that is searched): a uniform design then
    gives every value its share, the outermost too. A categorical takes one column per choice.
    A parameter with a single value takes none.

    Equal where the parameters and their order are.

    Parameters
    ----------
    parameters
        By name. Their order is the order of the columns.

    Raises
    ------
    SearchSpaceError
        Where there is nothing to search.
    """

    def __init__(self, parameters: Mapping[str, Parameter]) -> None:
        if not parameters:
            raise SearchSpaceError("the search space is empty: name at least one parameter")
        self.parameters = dict(parameters)
        self.names = tuple(self.parameters)
        self._axes = [axis_of(name, parameter) for name, parameter in self.parameters.items()]
        stops = np.cumsum([axis.width for axis in self._axes]).tolist()
        self.n_columns: int = stops[-1]
        if self.n_columns == 0:
            raise SearchSpaceError(
                f"every parameter ({', '.join(self.names)}) has a single value, so there is "
                "nothing to search: widen at least one"
            )
        self._slices = [
            slice(stop - axis.width, stop) for stop, axis in zip(stops, self._axes, strict=True)
        ]
        self.continuous = np.concatenate(
            [np.full(axis.width, axis.n_values is None) for axis in self._axes]
        )
        self.groups: tuple[slice, ...] = tuple(
            block for block, axis in self._blocks() if axis.width > 1
        )
        counts = [axis.n_values for axis in self._axes]
        self.n_points: int | None = (
            None if None in counts else math.prod(n for n in counts if n is not None)
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SearchSpace) and self._ordered == other._ordered

    def __hash__(self) -> int:
        return hash(self._ordered)

    @property
    def _ordered(self) -> tuple[tuple[str, Parameter], ...]:
        return tuple(self.parameters.items())

    def encode(self, points: Sequence[Mapping[str, Any]]) -> Columns:
        """Points as columns.

        Parameters
        ----------
        points
            Each holds a value for every parameter and nothing else.

        Returns
        -------
        (n_points, n_columns)

        Raises
        ------
        SearchSpaceError
            For a name or a value that the space does not have.
        """
        for point in points:
            self._check_names(point)
        blocks = [
            axis.encode([point[name] for point in points])
            for name, axis in zip(self.names, self._axes, strict=True)
        ]
        return np.concatenate(blocks, axis=1)

    def decode(self, columns: Columns) -> list[dict[str, Any]]:
        """Nearest admissible points of columns (n_points, n_columns), as Python values."""
        columns = np.atleast_2d(columns)
        values = [
            axis.decode(columns[:, block])
            for block, axis in zip(self._slices, self._axes, strict=True)
        ]
        return [dict(zip(self.names, row, strict=True)) for row in zip(*values, strict=True)]

    def snap(self, columns: Columns) -> Columns:
        """Nearest admissible columns (n_points, n_columns) of columns of that shape."""
        return np.concatenate(
            [axis.snap(columns[:, block]) for block, axis in self._blocks()], axis=1
        )

    def neighbours(self, row: Columns) -> Columns:
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
        for block, axis in self._blocks():
            if axis.n_values is None:
                continue
            values = axis.neighbours(origin[block])
            rows = np.repeat(origin[None, :], len(values), axis=0)
            rows[:, block] = values
            moved.append(rows)
        return np.concatenate(moved) if moved else np.empty((0, self.n_columns))

    def _blocks(self) -> list[tuple[slice, Axis]]:
        return [
            (block, axis)
            for block, axis in zip(self._slices, self._axes, strict=True)
            if axis.width > 0
        ]

    def _check_names(self, point: Mapping[str, Any]) -> None:
        missing = [name for name in self.names if name not in point]
        unknown = [name for name in point if name not in self.parameters]
        if missing or unknown:
            problems = [
                f"{what} {', '.join(map(repr, names))}"
                for what, names in (("lacks", missing), ("has unknown", unknown))
                if names
            ]
            raise SearchSpaceError(
                f"a point {' and '.join(problems)}; the search space has {', '.join(self.names)}"
            )
