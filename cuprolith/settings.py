"""The base of all settings."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, Strict

# A settings file holds lists and text where tuples and paths are meant; members stay strict.
Listed = Strict(False)
Seed = Annotated[int, Field(ge=0, lt=2**32)]


class Settings(BaseModel):
    """Base of all sections: unknown keys are refused, values are immutable, numbers finite.

    Values are not converted: "3" is no number, true is not 1.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)
