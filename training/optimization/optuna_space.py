"""Optuna's distributions as a search space, and a search space as Optuna's distributions."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from training.optimization.axes import Columns, not_a_parameter
from training.optimization.parameters import (
    CategoricalParameter,
    FloatParameter,
    IntParameter,
    OrdinalParameter,
    Parameter,
)
from training.optimization.search_space import SearchSpace, SearchSpaceError


def distributions(search_space: Mapping[str, Parameter]) -> dict[str, BaseDistribution]:
    """Return the distributions to suggest parameters from, say with ``study.ask``.

    Optuna has no ordinals: they become categorical, and only a sampler that was given the search
    space knows their order.
    """
    return {name: _distribution(name, parameter) for name, parameter in search_space.items()}


class OptunaSpace:
    """Optuna's parameter values as columns of a search space.

    Values on a grid are searched by their place on it: the steps of a float or an int, the choices
    of a categorical (whatever their types) and of an ordinal.

    Parameters
    ----------
    distributions
        By parameter; none with a single value alone.
    ordinals
        Names of categorical distributions whose choices are in order.
    """

    def __init__(
        self, distributions: Mapping[str, BaseDistribution], ordinals: Collection[str] = ()
    ) -> None:
        self.distributions = dict(distributions)
        self.space = SearchSpace(
            {
                name: _parameter(name, distribution, name in ordinals)
                for name, distribution in self.distributions.items()
            }
        )

    def contains(self, values: Mapping[str, Any]) -> bool:
        """Whether every parameter has a value, and one that its distribution could give."""
        return all(
            name in values and _contains(distribution, values[name])
            for name, distribution in self.distributions.items()
        )

    def encode(self, points: Sequence[Mapping[str, Any]]) -> Columns:
        """Columns (n_points, n_columns) of points; they may hold other parameters, too."""
        return self.space.encode(
            [
                {
                    name: _place(distribution, point[name])
                    for name, distribution in self.distributions.items()
                }
                for point in points
            ]
        )

    def decode(self, columns: Columns) -> list[dict[str, Any]]:
        """Points nearest to columns (n_points, n_columns)."""
        return [
            {name: _value(self.distributions[name], place) for name, place in point.items()}
            for point in self.space.decode(columns)
        ]


def _distribution(name: str, parameter: Parameter) -> BaseDistribution:
    if isinstance(parameter, FloatParameter):
        return FloatDistribution(parameter.low, parameter.high, log=parameter.log)
    if isinstance(parameter, IntParameter):
        return IntDistribution(parameter.low, parameter.high, log=parameter.log)
    if isinstance(parameter, CategoricalParameter):
        return CategoricalDistribution(parameter.choices)
    if isinstance(parameter, OrdinalParameter):
        return CategoricalDistribution(parameter.values)
    raise not_a_parameter(name, parameter)


def _parameter(name: str, distribution: BaseDistribution, ordinal: bool) -> Parameter:
    match distribution:
        case FloatDistribution(low=low, high=high, step=None, log=log):
            return FloatParameter(low=low, high=high, log=log)
        case FloatDistribution(low=low, high=high, step=float(step)):
            return IntParameter(low=0, high=round((high - low) / step))
        case IntDistribution(low=low, high=high, log=True):
            return IntParameter(low=low, high=high, log=True)
        case IntDistribution(low=low, high=high, step=step):
            return IntParameter(low=0, high=(high - low) // step)
        case CategoricalDistribution(choices=choices) if ordinal:
            return IntParameter(low=0, high=len(choices) - 1)
        case CategoricalDistribution(choices=choices):
            return CategoricalParameter(choices=tuple(range(len(choices))))
    raise SearchSpaceError(
        f"{name} has a {type(distribution).__name__}, which cannot be searched: suggest a float, "
        "an int or a categorical"
    )


def _contains(distribution: BaseDistribution, value: Any) -> bool:
    try:
        return distribution._contains(distribution.to_internal_repr(value))
    except (TypeError, ValueError):
        return False


def _place(distribution: BaseDistribution, value: Any) -> float:
    """Return what the search space calls a value."""
    internal = distribution.to_internal_repr(value)
    match distribution:
        case FloatDistribution(low=low, step=float(step)):
            return round((internal - low) / step)
        case IntDistribution(log=True):
            return int(internal)
        case IntDistribution(low=low, step=step):
            return (int(internal) - low) // step
        case CategoricalDistribution():
            return int(internal)
    return internal


def _value(distribution: BaseDistribution, place: float) -> Any:
    """Return the value that the search space calls `place`."""
    match distribution:
        case FloatDistribution(low=low, high=high, step=float(step)):
            return min(low + place * step, high)
        case IntDistribution(low=low, step=step, log=False):
            return low + int(place) * step
    return distribution.to_external_repr(place)
