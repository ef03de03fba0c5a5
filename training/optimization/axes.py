"""Columns between 0 and 1 for the numbers that stand for the values of one parameter."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import numpy as np

from cuprolith.arrays import FloatArray

HOT = 0.5 / math.sqrt(2)
"""Value of the chosen category's column (the others are 0). Two choices are then 0.5 apart, half
the range of a float: with ones they would be √2 apart, further than any two floats, and every
category would be an island that an isotropic kernel learns alone."""

NARROW = 1e-6  # logarithmic spans below it are linear to rounding


class Axis(ABC):
    """The columns of one parameter.

    Attributes
    ----------
    width
        Number of columns.
    n_values
        Number of admissible values; None where all between 0 and 1 are.
    """

    width: int = 1
    n_values: int | None = None

    @abstractmethod
    def encode(self, numbers: FloatArray) -> FloatArray:
        """Columns (n_points, width) of numbers (n_points,)."""

    @abstractmethod
    def decode(self, columns: FloatArray) -> FloatArray:
        """Nearest numbers (n_points,) of columns (n_points, width)."""

    def snap(self, columns: FloatArray) -> FloatArray:
        """Nearest admissible columns (n_points, width)."""
        return self.encode(self.decode(columns))

    @abstractmethod
    def neighbours(self, block: FloatArray) -> FloatArray:
        """Admissible columns (n_neighbours, width) one step from those of a point (width,)."""


class Interval(Axis):
    """All numbers between two: one column, linear or logarithmic."""

    def __init__(self, low: float, high: float, log: bool) -> None:
        self.low, self.high = low, high
        self.log = log and math.log(high) - math.log(low) > NARROW

    def encode(self, numbers: FloatArray) -> FloatArray:
        """Columns (n_points, 1) of numbers (n_points,)."""
        low, high = self.low, self.high
        if self.log:
            numbers, low, high = np.log(numbers), math.log(low), math.log(high)
        elif not math.isfinite(high - low):
            numbers, low, high = numbers / 2, low / 2, high / 2
        return np.clip((numbers - low) / (high - low), 0.0, 1.0)[:, None]

    def decode(self, columns: FloatArray) -> FloatArray:
        """Numbers (n_points,) of columns (n_points, 1)."""
        share = np.clip(columns[:, 0], 0.0, 1.0)
        if self.log:
            values = np.exp(math.log(self.low) * (1 - share) + math.log(self.high) * share)
        else:
            values = self.low * (1 - share) + self.high * share
        values = np.where(share == 0.0, self.low, np.where(share == 1.0, self.high, values))
        return np.clip(values, self.low, self.high)

    def snap(self, columns: FloatArray) -> FloatArray:
        """Columns (n_points, 1) within 0 and 1."""
        return np.clip(columns, 0.0, 1.0)

    def neighbours(self, block: FloatArray) -> FloatArray:
        """No columns: there is no step."""
        return np.empty((0, 1))


class Grid(Axis):
    """Whole numbers: one column, each number at the centre of its bin."""

    def __init__(self, low: int, high: int, log: bool = False) -> None:
        self.low, self.high = low, high
        self.n_values = high - low + 1
        self.log = log
        start, stop = low - 0.5, high + 0.5
        self._start, self._stop = (math.log(start), math.log(stop)) if log else (start, stop)

    def encode(self, numbers: FloatArray) -> FloatArray:
        """Columns (n_points, 1) of numbers (n_points,)."""
        placed = np.log(numbers) if self.log else numbers
        return ((placed - self._start) / (self._stop - self._start))[:, None]

    def decode(self, columns: FloatArray) -> FloatArray:
        """Nearest numbers (n_points,) of columns (n_points, 1)."""
        placed = self._start + np.clip(columns[:, 0], 0.0, 1.0) * (self._stop - self._start)
        if not self.log:
            return np.clip(np.round(placed), self.low, self.high)
        lower = np.clip(np.floor(np.exp(placed)), self.low, self.high)
        upper = np.minimum(lower + 1, self.high)
        return np.where(2 * placed > np.log(lower) + np.log(upper), upper, lower)

    def neighbours(self, block: FloatArray) -> FloatArray:
        """Columns (up to 2, 1) of the number below and the number above."""
        (number,) = self.decode(block[None, :])
        steps = np.array([number - 1, number + 1])
        return self.encode(steps[(steps >= self.low) & (steps <= self.high)])


class Categories(Axis):
    """Numbers from 0 that have no order: one column each, one of which is hot."""

    def __init__(self, n_values: int) -> None:
        self.width = self.n_values = n_values

    def encode(self, numbers: FloatArray) -> FloatArray:
        """Columns (n_points, width) of numbers (n_points,)."""
        return HOT * np.eye(self.width)[numbers.astype(int)]

    def decode(self, columns: FloatArray) -> FloatArray:
        """Nearest numbers (n_points,) of columns (n_points, width)."""
        return columns.argmax(axis=1).astype(float)

    def neighbours(self, block: FloatArray) -> FloatArray:
        """Columns (width - 1, width) of all other numbers."""
        return self.encode(np.delete(np.arange(self.width), block.argmax()))
