"""The numbers of Le 2023, as ``inputs/molecules/published.yaml`` has them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field

Positive = Annotated[float, Field(gt=0)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PublishedRow(_Model):
    """One column of a table: mean squared errors on the test set, eV² and eV²/Å²."""

    model: str
    mse_energy_test: Positive
    mse_forces_test: Positive


class PublishedTable(_Model):
    """One table of the publication."""

    name: str
    rows: tuple[PublishedRow, ...]


class PublishedMolecules(_Model):
    """All tables, by system."""

    source: str
    tables: dict[str, PublishedTable]


def load_published_molecules(path: Path) -> PublishedMolecules:
    """Read the published numbers.

    Raises
    ------
    OSError, yaml.YAMLError, pydantic.ValidationError
        If the file is missing, or is something else.
    """
    return PublishedMolecules.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
