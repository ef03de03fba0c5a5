"""Sources of training frames: what each provides, and their registry (`training.sources`)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol

from cuprolith.registry import Registry
from cuprolith.settings import Listed, Settings

if TYPE_CHECKING:
    from ase import Atoms

    from training.dataset.frames import Frame
    from training.dataset.splits import SplitName

# Takes the name of a file, bytes done and bytes in all.
OnProgress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class TrainingData:
    """Facts about a dataset for the trainer's configuration.

    Attributes
    ----------
    module
        NequIP's data module: ``_target_`` and what it alone needs, such as files.
    symbols
        Chemical symbols in the dataset, sorted.
    atomic_energies
        Energy each species starts with, eV/atom.
    n_train
        Number of training frames.
    energy_scale
        Scale of what the model adds to the atomic energies, eV; None: the RMS of the forces, eV/Å.
    has_forces
        Whether frames carry forces. A training on energies alone takes no derivatives.
    """

    module: Mapping[str, Any]
    symbols: tuple[str, ...]
    atomic_energies: Mapping[str, float]
    n_train: int
    energy_scale: float | None = None
    has_forces: bool = True


class TrainingSource(Protocol):
    """Labelled frames in three splits: trained on, validated on, held out.

    The same arguments and files give the same frames in the same order on every machine.
    """

    @property
    def symbols(self) -> tuple[str, ...]:
        """Chemical symbols in the splits, sorted."""

    @property
    def has_forces(self) -> bool:
        """Whether frames carry forces; all carry energies."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """Warnings about these frames, such as families missing from train."""

    def n_frames(self, split: SplitName) -> int:
        """Return the number of frames in a split."""

    def elements(self, split: SplitName) -> frozenset[str]:
        """Return the chemical symbols in a split."""

    def place(self, split: SplitName) -> str:
        """Describe where the frames of a split are."""

    def structures(self, split: SplitName) -> Iterator[Atoms]:
        """Yield the structures of a split, without labels."""

    def verified_hashes(self, *, stress: bool) -> dict[str, str]:
        """Check what will be trained and validated on, and return its sha256 by split.

        Hashes do not depend on folders.

        Parameters
        ----------
        stress
            Whether the loss asks for stresses.

        Raises
        ------
        TrainingError
            If files are missing or changed, or frames lack the stress asked for.
        """

    def training_data(
        self, *, stress: bool, atomic_energies: Mapping[str, float] | None = None
    ) -> TrainingData:
        """Return what the trainer's configuration needs; reads the training split.

        Parameters
        ----------
        stress
            Whether the loss asks for stresses.
        atomic_energies
            Energy of the isolated atom of each element, eV, instead of the source's own.
        """

    def frames(self, split: SplitName) -> Iterator[Frame]:
        """Yield the frames of a split.

        Raises
        ------
        TrainingError
            If frames carry energies only.
        """


class SourceSettings(Settings, ABC):
    """The section ``data`` of a training file: what all sources share.

    Each source has a subclass; `AnySource` in `training.frame_sources.settings` is the section that
    a file holds.
    """

    source: str

    @property
    @abstractmethod
    def place(self) -> Path:
        """Path for messages about data that cannot be read."""

    @property
    @abstractmethod
    def dataset_name(self) -> str:
        """Name of the data in studies."""

    def paper_dataset(self, symbols: Sequence[str]) -> str | None:
        """Say which dataset of Laskaris 2026 this is; None if none.

        Parameters
        ----------
        symbols
            Chemical symbols of the frames.
        """
        return None


class FolderSourceSettings(SourceSettings):
    """A source whose files are in one folder."""

    directory: Annotated[Path, Listed]

    @property
    def place(self) -> Path:
        """The folder."""
        return self.directory

    @property
    def dataset_name(self) -> str:
        """Name of the source."""
        return self.source


@dataclass(frozen=True)
class Source:
    """One kind of data to train on.

    Attributes
    ----------
    name
        As in training files (``source``).
    settings
        The section ``data``; its field ``source`` is a ``Literal`` of the name.
    open
        Opens the source that `settings` describe; relative paths count from the folder given.
    download
        Puts the official files into a folder (``cuprolith download``); None where there are none.
    """

    name: str
    settings: type[SourceSettings]
    open: Callable[[Any, Path], TrainingSource]
    download: Callable[[Path, OnProgress], None] | None = None


SOURCES = Registry("source", Source, "training.sources")
