"""Parameters as Optuna's distributions, and the values of distributions as numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from training.optimization.axes import Axis, Categories, Grid, Interval
from training.optimization.parameters import (
    CategoricalParameter,
    FloatParameter,
    IntParameter,
    OrdinalParameter,
    Parameter,
)


class SearchSpaceError(ValueError):
    """A search space that cannot be searched, or a point that is not in it."""


def distributions(
    search_space: Mapping[str, Parameter | BaseDistribution],
) -> dict[str, BaseDistribution]:
    """Return the distributions to suggest parameters from, for example with ``study.ask``.

    Optuna has no ordinals: they become categorical, and only a sampler that was given the search
    space knows their order.
    """
    return {name: distribution(name, parameter) for name, parameter in search_space.items()}


def distribution(name: str, parameter: Parameter | BaseDistribution) -> BaseDistribution:
    """Return the distribution of a parameter; a distribution is returned as it is.

    Raises
    ------
    SearchSpaceError
        For anything else.
    """
    match parameter:
        case BaseDistribution():
            return parameter
        case FloatParameter(low=low, high=high, log=log):
            return FloatDistribution(low, high, log=log)
        case IntParameter(low=low, high=high, log=log):
            return IntDistribution(low, high, log=log)
        case CategoricalParameter(choices=choices) | OrdinalParameter(values=choices):
            return CategoricalDistribution(choices)
    raise SearchSpaceError(
        f"parameter {name!r} is a {type(parameter).__name__}: use a FloatParameter, "
        "IntParameter, OrdinalParameter or CategoricalParameter"
    )


def axis_of(name: str, distribution: BaseDistribution, *, ordinal: bool) -> Axis:
    """Return the columns of a distribution's numbers (see `number_of`).

    Parameters
    ----------
    ordinal
        Whether the choices of a categorical distribution are in order.

    Raises
    ------
    SearchSpaceError
        For distributions of other kinds than Optuna's own.
    """
    match distribution:
        case FloatDistribution(low=low, high=high, step=None, log=log):
            return Interval(low, high, log)
        case FloatDistribution(low=low, high=high, step=float(step)):
            return Grid(0, round((high - low) / step))
        case IntDistribution(low=low, high=high, log=True):
            return Grid(low, high, log=True)
        case IntDistribution(low=low, high=high, step=step):
            return Grid(0, (high - low) // step)
        case CategoricalDistribution(choices=choices):
            return Grid(0, len(choices) - 1) if ordinal else Categories(len(choices))
    raise SearchSpaceError(
        f"{name} has a {type(distribution).__name__}, which cannot be searched: suggest a float, "
        "an int or a categorical"
    )


def number_of(distribution: BaseDistribution, value: Any) -> float:
    """Return the number of a value: its step from the lowest value, its choice, or itself."""
    internal = internal_value(distribution, value)
    match distribution:
        case FloatDistribution(low=low, step=float(step)):
            return round((internal - low) / step)
        case IntDistribution(low=low, step=step, log=False):
            return (int(internal) - low) // step
    return internal


def value_of(distribution: BaseDistribution, number: float) -> Any:
    """Return the value that has a number."""
    match distribution:
        case FloatDistribution(low=low, high=high, step=float(step)):
            return min(low + number * step, high)
        case IntDistribution(low=low, step=step, log=False):
            return low + int(number) * step
    return distribution.to_external_repr(number)


def first_value(distribution: BaseDistribution) -> Any:
    """Return the lowest value or the first choice: the only one, where there is one."""
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices[0]
    return distribution.low  # type: ignore[attr-defined]  # as of floats and ints


def contains(distribution: BaseDistribution, value: Any) -> bool:
    """Whether a distribution could give a value."""
    try:
        return distribution._contains(internal_value(distribution, value))
    except (TypeError, ValueError):
        return False


def internal_value(distribution: BaseDistribution, value: Any) -> float:
    """Return a value as Optuna stores it; the choices True, 1 and 1.0 are told apart.

    Raises
    ------
    TypeError, ValueError
        If the distribution cannot give it.
    """
    if isinstance(distribution, CategoricalDistribution):
        for index, choice in enumerate(distribution.choices):
            if type(choice) is type(value) and choice == value:
                return index
    return distribution.to_internal_repr(value)
