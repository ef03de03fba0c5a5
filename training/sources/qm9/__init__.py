"""QM9: internal energies at 0 K of 130,831 small organic molecules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from cuprolith.arrays import IntArray
from cuprolith.settings import Listed, Seed
from training.dataset.splits import SplitName
from training.errors import TrainingError
from training.frame_sources.arrays import MoleculeArrays
from training.frame_sources.molecules import MoleculeSource
from training.settings import Count
from training.source import FolderSourceSettings, OnProgress, Source
from training.sources.qm9.files import HARTREE, read_qm9

# U0 of the free atoms at the same level of theory, Hartree: atomref.txt of the data set.
ATOMIC_U0 = {
    "H": -0.500273,
    "C": -37.846772,
    "N": -54.583861,
    "O": -75.064579,
    "F": -99.718730,
}


class QM9SourceSettings(FolderSourceSettings):
    """QM9's internal energies; see `QM9Source`."""

    source: Literal["qm9"] = "qm9"
    directory: Annotated[Path, Listed] = Field(description="folder with the downloaded files")
    n_train: Count = Field(default=110_000, description="molecules to train on")
    n_val: Count = Field(
        default=10_000, description="molecules to validate on; all others are held out"
    )
    seed: Seed = Field(default=0, description="of the split; the training's own does not change it")

    def paper_dataset(self, symbols: Sequence[str]) -> str | None:
        """Return "qm9"."""
        return self.source


@dataclass(eq=False)
class QM9Source(MoleculeSource):
    """U0 in eV of the molecules that passed the geometry consistency check; no forces.

    The data set has no official split, and neither Laskaris 2026 nor its supplement states one.
    This one is ours: `n_train` molecules at random to train on, `n_val` to validate on, all
    others held out.

    Parameters
    ----------
    directory
        Folder with the files, see `read_qm9`.
    n_train, n_val
        Number of molecules.
    seed
        Of the split; independent of the training's.
    """

    source: ClassVar[str] = "qm9"
    has_forces: ClassVar[bool] = False
    functional: ClassVar[str] = "B3LYP/6-31G(2df,p)"

    directory: Path
    n_train: int = 110_000
    n_val: int = 10_000
    seed: int = 0

    @property
    def symbols(self) -> tuple[str, ...]:
        """Chemical symbols in all molecules, sorted."""
        return self._molecules.symbols

    def n_frames(self, split: SplitName) -> int:
        """Return the number of molecules in a split."""
        return len(self._indices(split))

    def arrays(self, split: SplitName) -> MoleculeArrays:
        """Return a split; raises as `MoleculeSource.arrays`."""
        return self._molecules.subset(self._indices(split))

    def atomic_energies(self) -> Mapping[str, float]:
        """Return U0 of the free atoms, eV, to 1 µeV."""
        return {symbol: round(ATOMIC_U0[symbol] * HARTREE, 6) for symbol in self.symbols}

    @cached_property
    def _molecules(self) -> MoleculeArrays:
        return read_qm9(self.directory)

    def _indices(self, split: SplitName) -> IntArray:
        n = len(self._molecules)
        if self.n_train + self.n_val > n:
            raise TrainingError(
                f"n_train + n_val = {self.n_train + self.n_val}, but {self.directory} has {n} "
                "molecules"
            )
        order = np.random.default_rng(self.seed).permutation(n)
        parts: dict[SplitName, IntArray] = {
            "train": order[: self.n_train],
            "val": order[self.n_train : self.n_train + self.n_val],
            "test": order[self.n_train + self.n_val :],
        }
        return parts[split]


def _open(settings: QM9SourceSettings, relative_to: Path) -> QM9Source:
    arguments = settings.model_dump(exclude={"source", "directory"})
    return QM9Source(relative_to / settings.directory, **arguments)


def _download(directory: Path, report: OnProgress) -> None:
    from training.frame_sources.download import download
    from training.sources.qm9.files import REMOTE_FILES

    for file in REMOTE_FILES:
        download(file, directory, report)


SOURCE = Source("qm9", QM9SourceSettings, _open, _download)
