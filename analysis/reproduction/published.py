"""The published numbers, as ``inputs/paper/results.yaml`` has them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

Column = Literal["allegro", "reference", "allegro-mlp", "allegro-qdi"]
Errors = dict[str, dict[Column, Annotated[float, Field(gt=0)]]]


class Published(BaseModel):
    """Validation errors of a publication, by dataset and column.

    Attributes
    ----------
    source
        The publication and its tables.
    reference
        Name of the column ``reference``.
    forces_mae
        meV/Å.
    energy_mae
        Of whole structures, meV.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str
    reference: str
    forces_mae: Errors
    energy_mae: Errors


def load_published(path: Path) -> Published:
    """Read the published numbers.

    Raises
    ------
    OSError
        If the file cannot be read.
    pydantic.ValidationError
        If it holds something else.
    """
    return Published.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
