"""Where a training's frames come from, as a person writes it (YAML section ``data``)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from training.settings import Count, Settings
from training.sources.dataset import DatasetSource
from training.sources.qm9 import QM9Source
from training.sources.rmd17 import Molecule, RMD17Source
from training.sources.source import TrainingSource


class DatasetSourceSettings(Settings):
    """A Cuprolith dataset."""

    source: Literal["dataset"] = "dataset"
    directory: Path = Field(description="folder with dataset.json")


class RMD17SourceSettings(Settings):
    """One molecule of rMD17; see `RMD17Source`."""

    source: Literal["rmd17"] = "rmd17"
    directory: Path = Field(description="folder with the downloaded files")
    molecule: Molecule
    split: Annotated[int, Field(ge=1, le=5)] = 1
    n_train: Count = 950
    n_val: Count = 50


class QM9SourceSettings(Settings):
    """QM9's internal energies; see `QM9Source`."""

    source: Literal["qm9"] = "qm9"
    directory: Path = Field(description="folder with the downloaded files")
    n_train: Count = 110_000
    n_val: Count = 10_000
    seed: int = Field(default=0, description="of the split; the training's own does not change it")


SourceSettings = Annotated[
    DatasetSourceSettings | RMD17SourceSettings | QM9SourceSettings,
    Field(discriminator="source"),
]


def open_source(settings: SourceSettings, relative_to: Path) -> TrainingSource:
    """Return the source that a section names.

    Parameters
    ----------
    settings
        The section.
    relative_to
        Folder from which a relative ``directory`` counts: that of the file with the section.

    Raises
    ------
    DatasetError
        If there is no Cuprolith dataset in the folder.
    """
    arguments = settings.model_dump(exclude={"source", "directory"})
    directory = relative_to / settings.directory
    match settings:
        case DatasetSourceSettings():
            return DatasetSource(directory)
        case RMD17SourceSettings():
            return RMD17Source(directory, **arguments)
        case QM9SourceSettings():
            return QM9Source(directory, **arguments)
