"""A Cuprolith dataset: the folder that ``collect`` writes, with its card."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

from ase import Atoms
from pydantic import Field

from cuprolith.hashes import file_sha256
from cuprolith.settings import Listed
from training.dataset.atomic_energies import starting_energies
from training.dataset.card import CARD_NAME, load_card
from training.dataset.extxyz import iter_frames
from training.dataset.frames import Frame
from training.dataset.splits import SPLITS, SplitName
from training.errors import TrainingError
from training.source import FolderSourceSettings, Source, TrainingData, TrainingSource
from training.sources.extxyz import ExtxyzSource

_REMEDY = "collect the dataset again"


class DatasetSourceSettings(FolderSourceSettings):
    """A Cuprolith dataset."""

    source: Literal["dataset"] = "dataset"
    directory: Annotated[Path, Listed] = Field(
        description="folder with dataset.json; or with your own train.extxyz and val.extxyz"
    )

    @property
    def dataset_name(self) -> str:
        """Name of the folder."""
        return self.directory.name

    def paper_dataset(self, symbols: Sequence[str]) -> str | None:
        """Treat Cu-Li frames as the paper's dataset, which is unpublished; reports say so."""
        return "culi" if set(symbols) == {"Cu", "Li"} else None


class DatasetSource:
    """Frames in extended XYZ, split as ``dataset.json`` says.

    Parameters
    ----------
    directory
        Folder with ``dataset.json`` and the files of the splits.

    Raises
    ------
    DatasetError
        If there is no dataset.
    """

    has_forces = True

    def __init__(self, directory: Path) -> None:
        self.directory = directory.resolve()
        self.card = load_card(self.directory)

    @property
    def symbols(self) -> tuple[str, ...]:
        """Chemical symbols in the splits, sorted."""
        return self.card.elements

    @property
    def warnings(self) -> tuple[str, ...]:
        """The card's warnings."""
        return self.card.warnings

    def n_frames(self, split: SplitName) -> int:
        """Return the number of frames in a split."""
        part = self.card.splits.get(split)
        return 0 if part is None else part.frames

    def elements(self, split: SplitName) -> frozenset[str]:
        """Return the chemical symbols in a split."""
        part = self.card.splits.get(split)
        systems = part.systems if part is not None else {}
        return frozenset(element for system in systems for element in system.split("-"))

    def place(self, split: SplitName) -> str:
        """Return the file of a split."""
        return str(self._file(split))

    def structures(self, split: SplitName) -> Iterator[Atoms]:
        """Yield the structures of a split, one in memory at a time."""
        return (frame.to_atoms() for frame in self.frames(split))

    def verified_hashes(self, *, stress: bool) -> dict[str, str]:
        """Return the sha256 of the files of train and val.

        Raises
        ------
        TrainingError
            If a file is missing, empty or not the one on the card, or if a stress is asked for
            that a frame lacks.
        """
        hashes = {split: self.verified_hash(split) for split in ("train", "val")}
        if stress:
            self._check_stress("train")
            self._check_stress("val")
        return hashes

    def training_data(
        self, *, stress: bool, atomic_energies: Mapping[str, float] | None = None
    ) -> TrainingData:
        """Return NequIP's own ASE data module over train and val, and the start of energies."""
        start = starting_energies(self.frames("train"), self.symbols, atomic_energies)
        return TrainingData(
            module={
                "_target_": "nequip.data.datamodule.ASEDataModule",
                "train_file_path": str(self._file("train")),
                "val_file_path": str(self._file("val")),
                # Where it is not trained on, not every frame has one: NequIP cannot batch frames
                # that differ.
                "exclude_keys": [] if stress else ["stress"],
            },
            symbols=self.symbols,
            atomic_energies=start.atomic_energies,
            n_train=self.n_frames("train"),
            energy_scale=start.scale,
        )

    def frames(self, split: SplitName) -> Iterator[Frame]:
        """Yield the frames of a split, one in memory at a time."""
        return iter_frames(self._file(split))

    def _file(self, split: SplitName) -> Path:
        return self.directory / self.card.splits[split].file

    def verified_hash(self, split: SplitName) -> str:
        """Return the sha256 of the file of a split.

        Raises
        ------
        TrainingError
            If it is missing, empty or not the one on the card.
        """
        if self.n_frames(split) == 0:
            raise TrainingError(
                f"{self.directory}: the {split} split has no frames: {_REMEDY} with more "
                "structures that are not made from one another"
            )
        path, part = self._file(split), self.card.splits[split]
        try:
            digest = file_sha256(path)
        except FileNotFoundError as error:
            raise TrainingError(f"{path} does not exist: {_REMEDY}") from error
        if digest != part.sha256:
            raise TrainingError(f"{path} was changed after dataset.json was written: {_REMEDY}")
        return digest

    def _check_stress(self, split: SplitName) -> None:
        for frame in self.frames(split):
            if frame.stress is None:
                raise TrainingError(
                    f"{self._file(split)}: {frame.structure_id}, step {frame.step}, has no stress: "
                    "set `stress_weight: 0`, or collect frames that all have one"
                )


def _open(settings: DatasetSourceSettings, relative_to: Path) -> TrainingSource:
    """Open a dataset, or your own files instead: one file, or a folder of the three."""
    directory = relative_to / settings.directory
    if directory.is_file() and directory.name != CARD_NAME:
        return ExtxyzSource(directory)
    train, val, test = (directory / f"{split}.extxyz" for split in SPLITS)
    if train.is_file() and not (directory / CARD_NAME).exists() and not _collected(train):
        return ExtxyzSource(train, val if val.is_file() else None, test if test.is_file() else None)
    return DatasetSource(directory)


def _collected(path: Path) -> bool:
    """Whether `collect` wrote a file: without the card the dataset is incomplete."""
    with path.open("rb") as file:
        file.readline()
        return b" config_hash=" in file.readline()


SOURCE = Source("dataset", DatasetSourceSettings, _open)
