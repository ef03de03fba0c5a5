"""Settings of the optimiser, and checks of arguments before anything costly starts."""

from __future__ import annotations

import math
from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, StrictInt


class SamoCobraSettings(BaseModel):
    """Settings of a search with SAMO-COBRA."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    reference_point: tuple[FiniteFloat, ...] | None = Field(
        default=None,
        min_length=1,
        description="worst objectives that count for the hypervolume; None follows the evaluations",
    )
    n_initial: StrictInt | None = Field(
        default=None, ge=1, description="points of the initial design; None means columns + 1"
    )
    n_candidates: StrictInt = Field(
        default=1000, ge=10, description="candidate points of each kind"
    )


def whole_number(name: str, value: Any, least: int) -> int:
    """Return a whole number of at least `least`; refuse everything else, also booleans.

    Raises
    ------
    ValueError
        Names the argument, its value and what is allowed.
    """
    if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
        raise ValueError(f"{name} is {value!r}: give a whole number of at least {least}")
    return int(value)


def finite_numbers(name: str, values: Any) -> tuple[float, ...]:
    """Return the numbers of a sequence; refuse everything that is not a finite number.

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
