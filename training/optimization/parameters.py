"""The parameters of a search space, as a person writes them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, Strict, model_validator


class _Parameter(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class FloatParameter(_Parameter):
    """A real number between two bounds, both included."""

    type: Literal["float"] = "float"
    low: float
    high: float
    log: bool = Field(default=False, description="search its logarithm")

    @model_validator(mode="after")
    def _bounds(self) -> FloatParameter:
        _check_bounds(self.low, self.high, self.log)
        return self


class IntParameter(_Parameter):
    """A whole number between two bounds, both included."""

    type: Literal["int"] = "int"
    low: int
    high: int
    log: bool = Field(default=False, description="search its logarithm")

    @model_validator(mode="after")
    def _bounds(self) -> IntParameter:
        _check_bounds(self.low, self.high, self.log)
        return self


class CategoricalParameter(_Parameter):
    """One of several values that have no order."""

    type: Literal["categorical"] = "categorical"
    choices: Annotated[tuple[bool | int | float | str, ...], Strict(False)] = Field(
        min_length=1, max_length=1000
    )

    @model_validator(mode="after")
    def _distinct(self) -> CategoricalParameter:
        if len({(type(choice), choice) for choice in self.choices}) < len(self.choices):
            raise ValueError("a choice stands twice")
        return self


class OrdinalParameter(_Parameter):
    """One of several numbers, in rising order: their rank is searched, as for widths 4, 16, 64."""

    type: Literal["ordinal"] = "ordinal"
    values: Annotated[tuple[int | float, ...], Strict(False)] = Field(min_length=1, max_length=1000)

    @model_validator(mode="after")
    def _rising(self) -> OrdinalParameter:
        if any(left >= right for left, right in zip(self.values, self.values[1:], strict=False)):
            raise ValueError("values must rise")
        return self


Parameter = Annotated[
    FloatParameter | IntParameter | OrdinalParameter | CategoricalParameter,
    Field(discriminator="type"),
]


def _check_bounds(low: float, high: float, log: bool) -> None:
    if low > high:
        raise ValueError(f"low ({low}) is above high ({high})")
    if log and low <= 0:
        raise ValueError(f"low ({low}) must be positive where the logarithm is searched")
