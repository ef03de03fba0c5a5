"""Sources of frames to train on, one entry of `training.sources` each."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cuprolith.registry import Registry
from cuprolith.settings import Listed, Settings

if TYPE_CHECKING:
    from training.frame_sources.source import TrainingSource

# Takes the name of a file, bytes done and bytes in all.
OnProgress = Callable[[str, int, int], None]


class SourceSettings(Settings, ABC):
    """The section ``data`` of a training file: what all sources share.

    Each source has a subclass; `AnySource` in `training.frame_sources.settings` is the section that
    a file holds.
    """

    source: str

    @property
    @abstractmethod
    def place(self) -> Path:
        """What to name where the data cannot be read."""

    @property
    @abstractmethod
    def dataset_name(self) -> str:
        """What a study calls the data."""

    def paper_dataset(self, symbols: Sequence[str]) -> str | None:
        """Say which dataset of Laskaris 2026 this is; None if none.

        Parameters
        ----------
        symbols
            Chemical symbols of the frames.
        """
        return None


class FolderSourceSettings(SourceSettings):
    """A source whose files lie in one folder."""

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
