"""Where a training's frames come from, as a person writes it (YAML section ``data``)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from cuprolith.settings import Listed, Seed, Settings
from training.dataset.card import CARD_NAME
from training.dataset.splits import SPLITS
from training.frame_sources.extxyz_labels import LabelKeys
from training.frame_sources.source import TrainingSource
from training.settings import Count, SplitSettings
from training.sources.dataset import DatasetSource
from training.sources.qm9 import QM9Source
from training.sources.rmd17 import Molecule, RMD17Source
from training.sources.user_extxyz import ExtxyzSource


class _InFolder(Settings):
    @property
    def place(self) -> Path:
        """What to name where the data cannot be read."""
        return self.directory

    directory: Annotated[Path, Listed]


class DatasetSourceSettings(_InFolder):
    """A Cuprolith dataset."""

    source: Literal["dataset"] = "dataset"
    directory: Annotated[Path, Listed] = Field(
        description="folder with dataset.json; or with train.extxyz and val.extxyz of one's own"
    )


class RMD17SourceSettings(_InFolder):
    """One molecule of rMD17; see `RMD17Source`."""

    source: Literal["rmd17"] = "rmd17"
    directory: Annotated[Path, Listed] = Field(description="folder with the downloaded files")
    molecule: Molecule
    split: Annotated[int, Field(ge=1, le=5)] = 1
    n_train: Count = 950
    n_val: Count = 50


class QM9SourceSettings(_InFolder):
    """QM9's internal energies; see `QM9Source`."""

    source: Literal["qm9"] = "qm9"
    directory: Annotated[Path, Listed] = Field(description="folder with the downloaded files")
    n_train: Count = 110_000
    n_val: Count = 10_000
    seed: Seed = Field(default=0, description="of the split; the training's own does not change it")


class ExtxyzSourceSettings(Settings):
    """One's own files of extended XYZ; see `ExtxyzSource`."""

    source: Literal["extxyz"] = "extxyz"
    train: Annotated[Path, Listed] = Field(description="file to train on")
    val: Annotated[Path, Listed] | None = Field(
        default=None, description="file to validate on; default: a part of `train`"
    )
    test: Annotated[Path, Listed] | None = Field(
        default=None, description="file to test on; default: a part of `train`, if `val` is one"
    )
    energy_key: str | None = Field(default=None, description="name of the energy, eV")
    forces_key: str | None = Field(default=None, description="name of the forces, eV/Å")
    stress_key: str | None = Field(
        default=None, description="name of the stress, eV/Å³ (ASE's sign: positive is tension)"
    )
    virial_key: str | None = Field(
        default=None, description="name of the virial, eV: minus stress times volume"
    )
    split: SplitSettings = SplitSettings()
    seed: Seed = Field(default=0, description="of the split; the training's own does not change it")

    @property
    def place(self) -> Path:
        """What to name where the data cannot be read."""
        return self.train


SourceSettings = Annotated[
    DatasetSourceSettings | RMD17SourceSettings | QM9SourceSettings | ExtxyzSourceSettings,
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
    match settings:
        case DatasetSourceSettings():
            return _dataset_source(relative_to / settings.directory)
        case RMD17SourceSettings():
            return RMD17Source(relative_to / settings.directory, **arguments)
        case QM9SourceSettings():
            return QM9Source(relative_to / settings.directory, **arguments)
        case ExtxyzSourceSettings():
            return ExtxyzSource(
                relative_to / settings.train,
                None if settings.val is None else relative_to / settings.val,
                None if settings.test is None else relative_to / settings.test,
                keys=LabelKeys(
                    settings.energy_key,
                    settings.forces_key,
                    settings.stress_key,
                    settings.virial_key,
                ),
                split=settings.split,
                seed=settings.seed,
            )


def _dataset_source(directory: Path) -> TrainingSource:
    """Open a dataset, or one's own files in its place: a file, or a folder of the three."""
    if directory.is_file() and directory.name != CARD_NAME:
        return ExtxyzSource(directory)
    train, val, test = (directory / f"{split}.extxyz" for split in SPLITS)
    if train.is_file() and not (directory / CARD_NAME).exists() and not _collected(train):
        return ExtxyzSource(train, val if val.is_file() else None, test if test.is_file() else None)
    return DatasetSource(directory)


def _collected(path: Path) -> bool:
    """Whether `collect` wrote a file: without its card that is half a dataset."""
    with path.open("rb") as file:
        file.readline()
        return b" config_hash=" in file.readline()
