"""Parameters of a search space, as written in a settings file."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, Strict, model_validator


class _Parameter(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class _Range(_Parameter):
    low: float
    high: float
    log: bool = Field(default=False, description="search its logarithm")

    @model_validator(mode="after")
    def _check_bounds(self) -> Self:
        if self.low > self.high:
            raise ValueError(f"low ({self.low}) is above high ({self.high})")
        if self.log and self.low <= 0:
            raise ValueError(f"low ({self.low}) must be positive where the logarithm is searched")
        return self

    def __str__(self) -> str:
        """Give both bounds, and the scale where it is logarithmic."""
        return f"{self.low:g} to {self.high:g}{', logarithmic' if self.log else ''}"


class FloatParameter(_Range):
    """A real number between two bounds, both included."""

    type: Literal["float"] = "float"
    low: float = Field(description="smallest value")
    high: float = Field(description="largest value")

    def contains(self, value: Any) -> bool:
        """Whether a value lies in the range."""
        return isinstance(value, int | float) and self.low <= value <= self.high


class IntParameter(_Range):
    """A whole number between two bounds, both included."""

    type: Literal["int"] = "int"
    low: int = Field(description="smallest value")
    high: int = Field(description="largest value")

    def contains(self, value: Any) -> bool:
        """Whether a value is a whole number in the range."""
        return isinstance(value, int) and self.low <= value <= self.high


class CategoricalParameter(_Parameter):
    """One of several values that have no order."""

    type: Literal["categorical"] = "categorical"
    choices: Annotated[tuple[bool | int | float | str, ...], Strict(False)] = Field(
        min_length=1, max_length=1000, description="the values"
    )

    @model_validator(mode="after")
    def _check_distinct(self) -> Self:
        if len({(type(choice), choice) for choice in self.choices}) < len(self.choices):
            raise ValueError("a choice is given twice")
        return self

    def contains(self, value: Any) -> bool:
        """Whether a value is one of the choices."""
        return value in self.choices

    def __str__(self) -> str:
        """List the choices."""
        return ", ".join(map(str, self.choices))


class OrdinalParameter(_Parameter):
    """One of several rising numbers, such as the widths 4, 16, 64; their rank is searched."""

    type: Literal["ordinal"] = "ordinal"
    values: Annotated[tuple[int | float, ...], Strict(False)] = Field(
        min_length=1, max_length=1000, description="the values, rising"
    )

    @model_validator(mode="after")
    def _check_rising(self) -> Self:
        if any(left >= right for left, right in zip(self.values, self.values[1:], strict=False)):
            raise ValueError("values must rise")
        return self

    def contains(self, value: Any) -> bool:
        """Whether a value is one of the values."""
        return value in self.values

    def __str__(self) -> str:
        """List the values."""
        return ", ".join(f"{value:g}" for value in self.values)


Parameter = Annotated[
    FloatParameter | IntParameter | OrdinalParameter | CategoricalParameter,
    Field(discriminator="type"),
]
