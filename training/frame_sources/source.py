"""Where the frames of a training come from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

from ase import Atoms

from training.dataset.frames import Frame
from training.dataset.splits import SplitName
from training.nequip_runs.nequip_config import TrainingData


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
        """What whoever trains on these frames should know, such as families that train lacks."""

    def n_frames(self, split: SplitName) -> int:
        """Return the number of frames in a split."""

    def elements(self, split: SplitName) -> frozenset[str]:
        """Return the chemical symbols in a split."""

    def place(self, split: SplitName) -> str:
        """Return where the frames of a split are, in words."""

    def structures(self, split: SplitName) -> Iterator[Atoms]:
        """Yield the structures of a split, without labels."""

    def verified_hashes(self, *, stress: bool) -> dict[str, str]:
        """Check what will be trained and validated on, and return its sha256 by split.

        Folders are no part of the hashes.

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
