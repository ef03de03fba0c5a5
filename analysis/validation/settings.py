"""Settings of the validation (YAML section ``validation`` of a campaign)."""

from __future__ import annotations

import difflib
from typing import Annotated

from pydantic import Field, field_validator

from cuprolith.settings import Listed, Settings


class ValidationSettings(Settings):
    """What the trained potential is judged by."""

    properties: Annotated[tuple[str, ...], Listed] | None = Field(
        default=None,
        description="names of properties; all where this is left out, and [] for no validation",
    )

    @field_validator("properties")
    @classmethod
    def _exist(cls, names: tuple[str, ...] | None) -> tuple[str, ...] | None:
        for name in names or ():
            require_property(name)
        return names

    @property
    def wanted(self) -> bool:
        """Whether there is anything to measure."""
        return self.properties != ()


def require_property(name: str) -> None:
    """Check that there is a property of this name.

    Raises
    ------
    ValueError
        If there is none; names the nearest one.
    """
    from analysis.validation.property import PROPERTIES

    if name in PROPERTIES:
        return
    nearest = difflib.get_close_matches(name, PROPERTIES.entries, n=1, cutoff=0.5)
    hint = f"did you mean {nearest[0]}? " if nearest else ""
    raise ValueError(f"no property {name!r}; {hint}valid: {', '.join(PROPERTIES.entries)}")
