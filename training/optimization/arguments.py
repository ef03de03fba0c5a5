"""Checks of what a caller hands over, before anything costly starts."""

from __future__ import annotations

import math
from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any


def whole_number(name: str, value: Any, least: int) -> int:
    """Return a whole number of at least `least`; refuse all else, booleans too.

    Raises
    ------
    ValueError
        Names the argument, its value and what is allowed.
    """
    if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
        raise ValueError(f"{name} is {value!r}: give a whole number of at least {least}")
    return int(value)


def finite_numbers(name: str, values: Any) -> tuple[float, ...]:
    """Return the numbers of a sequence; refuse anything that is no finite number.

    Raises
    ------
    ValueError
        Names the argument, its value and what is allowed.
    """
    numbers = list(values) if isinstance(values, Iterable) and not isinstance(values, str) else []
    wrong = [
        number
        for number in numbers
        if isinstance(number, bool) or not isinstance(number, Real) or not math.isfinite(number)
    ]
    if wrong or not numbers:
        fault = f" holds {wrong[0]!r}" if wrong else f" is {values!r}"
        raise ValueError(f"{name}{fault}: give one finite number for each objective")
    return tuple(float(number) for number in numbers)
