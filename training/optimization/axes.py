"""How the values of one parameter stand in columns between 0 and 1."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from training.optimization.parameters import (
    CategoricalParameter,
    FloatParameter,
    IntParameter,
    OrdinalParameter,
    Parameter,
)

Columns = NDArray[np.float64]

HOT = 0.5 / math.sqrt(2)
"""Value of the chosen category's column (the others are 0). Two choices are then 0.5 apart, half
the range of a float: with ones they would be √2 apart, further than any two floats, and every
category would be an island that an isotropic kernel learns alone."""

NARROW = 1e-6  # logarithmic spans below it are linear to rounding


class SearchSpaceError(ValueError):
    """A search space that cannot be searched, or a point that is not in it."""


class Axis(Protocol):
    """The columns of one parameter."""

    @property
    def width(self) -> int:
        """Number of columns."""

    @property
    def n_values(self) -> int | None:
        """Number of admissible values; None where all between 0 and 1 are."""

    def encode(self, values: Sequence[Any]) -> Columns:
        """Columns (n_points, width) of values."""

    def decode(self, columns: Columns) -> list[Any]:
        """Nearest values of columns (n_points, width)."""

    def snap(self, columns: Columns) -> Columns:
        """Nearest admissible columns (n_points, width)."""

    def neighbours(self, block: Columns) -> Columns:
        """Admissible columns (n_neighbours, width) one step from those of a point (width,)."""


class _Single:
    """A parameter with one value: no column."""

    width = 0
    n_values = 1

    def __init__(self, name: str, value: Any) -> None:
        self.name = name
        self.value = value

    def encode(self, values: Sequence[Any]) -> Columns:
        for value in values:
            if value != self.value:
                raise _outside(self.name, value, f"is always {self.value!r}")
        return np.empty((len(values), 0))

    def decode(self, columns: Columns) -> list[Any]:
        return [self.value] * len(columns)

    def snap(self, columns: Columns) -> Columns:
        return columns

    def neighbours(self, block: Columns) -> Columns:
        return np.empty((0, 0))


class _Interval:
    """A float: one column, linear or logarithmic."""

    width = 1

    def __init__(self, name: str, low: float, high: float, log: bool) -> None:
        self.name = name
        self.n_values = 1 if low == high else None
        self.low, self.high = low, high
        self.log = log and math.log(high) - math.log(low) > NARROW

    def encode(self, values: Sequence[Any]) -> Columns:
        numbers = _numbers(self.name, values, self.low, self.high)
        low, high = self.low, self.high
        if self.log:
            numbers, low, high = np.log(numbers), math.log(low), math.log(high)
        elif not math.isfinite(high - low):
            numbers, low, high = numbers / 2, low / 2, high / 2
        return np.clip((numbers - low) / (high - low), 0.0, 1.0)[:, None]

    def decode(self, columns: Columns) -> list[Any]:
        share = np.clip(columns[:, 0], 0.0, 1.0)
        if self.log:
            values = np.exp(math.log(self.low) * (1 - share) + math.log(self.high) * share)
        else:
            values = self.low * (1 - share) + self.high * share
        values = np.where(share == 0.0, self.low, np.where(share == 1.0, self.high, values))
        return np.clip(values, self.low, self.high).tolist()

    def snap(self, columns: Columns) -> Columns:
        return np.clip(columns, 0.0, 1.0)

    def neighbours(self, block: Columns) -> Columns:
        return np.empty((0, 1))


class _Grid:
    """Whole numbers: one column, each value at the centre of its bin."""

    width = 1

    def __init__(self, name: str, low: int, high: int, log: bool) -> None:
        self.name = name
        self.low, self.high = low, high
        self.n_values = high - low + 1
        self.log = log
        self._from, self._to = self._scale(low - 0.5), self._scale(high + 0.5)

    def encode(self, values: Sequence[Any]) -> Columns:
        numbers = _numbers(self.name, values, self.low, self.high)
        fractions = numbers != np.round(numbers)
        if fractions.any():
            raise _outside(self.name, values[int(fractions.argmax())], "is a whole number")
        return self._centres(numbers)[:, None]

    def decode(self, columns: Columns) -> list[Any]:
        whole = [int(number) for number in self._nearest(columns[:, 0]).tolist()]
        return [min(max(number, self.low), self.high) for number in whole]

    def snap(self, columns: Columns) -> Columns:
        return self._centres(self._nearest(columns[:, 0]))[:, None]

    def neighbours(self, block: Columns) -> Columns:
        number = self._nearest(block)[0]
        steps = np.array([number - 1, number + 1])
        return self._centres(steps[(steps >= self.low) & (steps <= self.high)])[:, None]

    def _scale(self, number: float) -> float:
        return math.log(number) if self.log else number

    def _centres(self, numbers: Columns) -> Columns:
        scaled = np.log(numbers) if self.log else numbers
        centres: Columns = (scaled - self._from) / (self._to - self._from)
        return centres

    def _nearest(self, column: Columns) -> Columns:
        scaled = self._from + np.clip(column, 0.0, 1.0) * (self._to - self._from)
        if not self.log:
            return np.clip(np.round(scaled), self.low, self.high)
        lower = np.clip(np.floor(np.exp(scaled)), self.low, self.high)
        upper = np.minimum(lower + 1, self.high)
        nearer_upper = 2 * scaled > np.log(lower) + np.log(upper)
        return np.where(nearer_upper, upper, lower)


class _Ranks:
    """An ordinal: the grid of its ranks."""

    width = 1

    def __init__(self, name: str, values: Sequence[float]) -> None:
        self.name = name
        self.values = list(values)
        self.n_values = len(self.values)
        self._grid = _Grid(name, 0, self.n_values - 1, log=False)
        self._rank = {value: rank for rank, value in enumerate(self.values)}

    def encode(self, values: Sequence[Any]) -> Columns:
        return self._grid.encode([_position(self.name, value, self._rank) for value in values])

    def decode(self, columns: Columns) -> list[Any]:
        return [self.values[rank] for rank in self._grid.decode(columns)]

    def snap(self, columns: Columns) -> Columns:
        return self._grid.snap(columns)

    def neighbours(self, block: Columns) -> Columns:
        return self._grid.neighbours(block)


class _Categories:
    """A categorical: one column per choice, one of which is hot."""

    def __init__(self, name: str, choices: Sequence[Any]) -> None:
        self.name = name
        self.choices = list(choices)
        self.width = self.n_values = len(self.choices)
        # True, 1 and 1.0 are equal and hash alike, yet are three choices.
        self._place = {(type(choice), choice): k for k, choice in enumerate(self.choices)}

    def encode(self, values: Sequence[Any]) -> Columns:
        typed = {(type(value), value) for value in values}
        if unknown := typed - self._place.keys():
            value = next(iter(unknown))[1]
            raise _outside(self.name, value, f"is one of {self.choices}")
        return self._hot([self._place[type(value), value] for value in values])

    def decode(self, columns: Columns) -> list[Any]:
        return [self.choices[k] for k in columns.argmax(axis=1)]

    def snap(self, columns: Columns) -> Columns:
        return self._hot(columns.argmax(axis=1))

    def neighbours(self, block: Columns) -> Columns:
        here = int(block.argmax())
        return self._hot([k for k in range(self.n_values) if k != here])

    def _hot(self, places: Sequence[int] | NDArray[np.intp]) -> Columns:
        columns = np.zeros((len(places), self.width))
        columns[np.arange(len(places)), places] = HOT
        return columns


def axis_of(name: str, parameter: Parameter) -> Axis:
    """Return the columns of a parameter."""
    axis: Axis
    ends: tuple[Any, Any]
    match parameter:
        case FloatParameter(low=low, high=high, log=log):
            axis, ends = _Interval(name, low, high, log), (low, high)
        case IntParameter(low=low, high=high, log=log):
            axis, ends = _Grid(name, low, high, log), (low, high)
        case OrdinalParameter(values=values):
            axis, ends = _Ranks(name, values), (values[0], values[-1])
        case CategoricalParameter(choices=choices):
            axis, ends = _Categories(name, choices), (choices[0], choices[-1])
        case _:
            raise not_a_parameter(name, parameter)
    return _Single(name, ends[0]) if axis.n_values == 1 else axis


def not_a_parameter(name: str, value: Any) -> SearchSpaceError:
    """Return the error for a search space that holds something else than parameters."""
    return SearchSpaceError(
        f"parameter {name!r} is a {type(value).__name__}: use a FloatParameter, "
        "IntParameter, OrdinalParameter or CategoricalParameter"
    )


def _numbers(name: str, values: Sequence[Any], low: float, high: float) -> Columns:
    for value in values:
        if not isinstance(value, (int, float, np.number)) or not low <= value <= high:
            raise _outside(name, value, f"lies between {low} and {high}")
    return np.array(values, dtype=np.float64)


def _position(name: str, value: Any, ranks: Mapping[float, int]) -> int:
    try:
        return ranks[value]
    except (KeyError, TypeError):
        raise _outside(name, value, f"is one of {list(ranks)}") from None


def _outside(name: str, value: Any, allowed: str) -> SearchSpaceError:
    return SearchSpaceError(
        f"{name} = {value!r} is outside the search space, where {name} {allowed}: "
        "change the value, or widen the search space"
    )
