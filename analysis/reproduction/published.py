"""The published numbers, as ``inputs/paper/results.yaml`` has them."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from training.variant import VARIANTS

# The column of what the publication compares with; the others are names of variants.
REFERENCE = "reference"


def _known(column: str) -> str:
    if column != REFERENCE and column not in VARIANTS:
        raise ValueError(f"{column!r} is neither a variant nor {REFERENCE!r}")
    return column


Column = Annotated[str, AfterValidator(_known)]
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

    @property
    def variants(self) -> tuple[str, ...]:
        """The variants with numbers, in the order of the file."""
        columns = [name for table in (self.forces_mae, self.energy_mae) for name in table.values()]
        return tuple(name for name in dict.fromkeys(chain(*columns)) if name != REFERENCE)


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
